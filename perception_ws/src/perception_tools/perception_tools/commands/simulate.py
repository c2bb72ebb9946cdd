"""`perception simulate`: a synthetic drive with exact ground truth."""

import argparse
from pathlib import Path

from perception_tools.output import print_json

HELP = "make a synthetic drive with exact ground truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="city, hills, car_park, junction, yard; tiny for tests")
    parser.add_argument("output", type=Path, metavar="OUT.mcap", help="recording to write")
    parser.add_argument("--seed", type=int, default=None, help="another traffic, other noise (default: the scenario's)")
    parser.add_argument("--duration", type=float, default=None, metavar="S", help="seconds (default: the scenario's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and say what was written."""
    from perception_tools.simulated_bag import simulate_bag

    summary = simulate_bag(arguments.scenario, arguments.output, seed=arguments.seed, duration=arguments.duration)
    if arguments.json:
        print_json(summary)
    else:
        print(
            f"{summary['output']}: {summary['frames']} frames, {summary['duration_s']:.1f} s, "
            f"{summary['size_mb']:.0f} MB, made in {summary['took_s']:.1f} s"
        )
    return 0
