"""`perception simulate`: a synthetic drive with exact ground truth."""

import argparse
from pathlib import Path
from typing import Any

from perception_tools.output import print_json

HELP = "make a synthetic drive with exact ground truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a name (an unknown one lists them) or a YAML file")
    parser.add_argument("output", type=Path, metavar="OUT.mcap", help="recording to write")
    parser.add_argument("--seed", type=int, default=None, help="another traffic, other noise (default: the scenario's)")
    parser.add_argument("--duration", type=float, default=None, metavar="S", help="seconds (default: the scenario's)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="another value of a key of the scenario, as in disturbances.camera_delay=0.2; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and say what was written."""
    from perception_tools.simulated_bag import simulate_bag

    summary = simulate_bag(
        arguments.scenario,
        arguments.output,
        seed=arguments.seed,
        duration=arguments.duration,
        overrides=parse_overrides(arguments.overrides),
    )
    if arguments.json:
        print_json(summary)
    else:
        print(
            f"{summary['output']}: {summary['frames']} frames, {summary['duration_s']:.1f} s, "
            f"{summary['size_mb']:.0f} MB, made in {summary['took_s']:.1f} s"
        )
    return 0


def parse_overrides(settings: list[str]) -> dict[str, Any]:
    """Return values by key of settings KEY=VALUE, where VALUE is YAML.

    Raises:
        ConfigError: a setting without a key or an equals sign, or no YAML.
    """
    import yaml

    from perception_core.documents import load_yaml
    from perception_core.errors import ConfigError

    overrides = {}
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not key or not sign:
            raise ConfigError(f"--set {setting}: expected KEY=VALUE")
        try:
            overrides[key] = load_yaml(value)
        except yaml.YAMLError as error:
            line = " ".join(str(error).split())
            raise ConfigError(f"--set {setting}: the value is no YAML ({line})") from error
    return overrides
