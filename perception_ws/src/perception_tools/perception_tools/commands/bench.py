"""`perception bench`: how fast it is and how good, beside its peers, in one run."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perception_tools.output import print_json, progress, say, table

HELP = "how fast it is on this machine and how good, beside its peers"

SUITES = ("lidar", "inference", "tracking", "ground", "obstacles")
_SCANS, _SEEDS = 20, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("suites", nargs="*", type=_suite, metavar="SUITE", help=f"{', '.join(SUITES)}; all")
    parser.add_argument("--data", type=Path, help="folder with KITTI data; else PERCEPTION_DATA, else simulated alone")
    parser.add_argument("--scans", type=int, help="frames, and scans of each simulated drive (20; tracking: all)")
    parser.add_argument("--seeds", type=int, help="simulated places and drives of each kind (2; tracking: 1)")
    parser.add_argument("--first-seed", type=int, default=1, help="tracking: the seeds begin here (1)")
    parser.add_argument("--scenarios", nargs="+", default=[], metavar="NAME", help="tracking: only these")
    parser.add_argument("--truth-2d", action="store_true", help="tracking: boxes in images from the truth, no network")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _suite(name: str) -> str:
    if name not in SUITES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SUITES)}")
    return name


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    _check(arguments)
    from perception_tools.benchmarks import threads

    threads.ask_for_one()
    from perception_tools.benchmarks.measure import peak_rss_mib

    named = os.environ.get("PERCEPTION_DATA")
    data = arguments.data or (Path(named) if named else None)
    wanted = arguments.suites or SUITES
    result: dict[str, Any] = {"cores": os.cpu_count(), "threads": "one each; see the column of measured threads"}
    for suite in wanted:
        result[suite] = _RUN[suite](data, arguments)
    result["peak_rss_mib"] = round(peak_rss_mib(), 1)
    if arguments.json:
        print_json(result)
        return 0
    held = "everybody is held to one thread; `threads` (processor time / time) shows who took more"
    print(f"{os.cpu_count()} cores; {held}\n")
    for suite in wanted:
        print(f"{_PRINT[suite](result[suite])}\n")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Look whether there is something to measure. Raises ConfigError."""
    from perception_core.errors import ConfigError
    from perception_core.simulation.scenario_config import MAX_SEED

    for name, value in (("--scans", arguments.scans), ("--seeds", arguments.seeds)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: {value} is out of range, expected 1 or more")
    first, count = arguments.first_seed, arguments.seeds or 1
    if not 0 <= first <= MAX_SEED:
        raise ConfigError(f"--first-seed: {first} is out of range, expected 0 to {MAX_SEED}")
    if first + count - 1 > MAX_SEED:
        raise ConfigError(f"--seeds: {count} from --first-seed {first} on go beyond {MAX_SEED}")


def _frames(data: Path | None, arguments: argparse.Namespace) -> tuple[str, list[Any]]:
    from perception_tools.benchmarks.frames import load_frames

    return load_frames(data, _scans(arguments))


def _scans(arguments: argparse.Namespace) -> int:
    return _SCANS if arguments.scans is None else int(arguments.scans)


def _seeds(arguments: argparse.Namespace) -> int:
    return _SEEDS if arguments.seeds is None else int(arguments.seeds)


def _lidar(data: Path | None, arguments: argparse.Namespace) -> dict[str, Any]:
    from perception_tools.benchmarks import lidar

    name, frames = _frames(data, arguments)
    speed = lidar.measure(name, frames, data is not None)
    for line in speed.missing:
        say(line)
    return asdict(speed)


def _inference(data: Path | None, arguments: argparse.Namespace) -> dict[str, Any]:
    from perception_core.inference.folders import model_folders
    from perception_tools.benchmarks import decoding, inference

    pictures = inference.images(data, _scans(arguments))
    return inference.as_dict(inference.measure(inference.models(model_folders()), pictures), decoding.decoding())


def _tracking(data: Path | None, arguments: argparse.Namespace) -> dict[str, Any]:
    from perception_core.inference.folders import model_folders
    from perception_tools.benchmarks import suites, tracking

    seeds = range(arguments.first_seed, arguments.first_seed + (arguments.seeds or 1))
    quality = tracking.measure(arguments.scenarios, seeds, arguments.scans, arguments.truth_2d)
    name, frames = _frames(data, arguments)
    speed = [asdict(row) for row in suites.tracking(frames, model_folders())]
    return {**asdict(quality), "frames": name, "speed": speed}


def _ground(_data: Path | None, arguments: argparse.Namespace) -> dict[str, Any]:
    from perception_tools.benchmarks import ground

    return {"rows": [asdict(row) for row in progress(ground.measure(seeds=range(_seeds(arguments))))]}


def _obstacles(data: Path | None, arguments: argparse.Namespace) -> dict[str, Any]:
    from perception_tools.benchmarks import obstacles

    found = obstacles.measure(data, _scans(arguments), range(1, 1 + _seeds(arguments)))
    return {kind: asdict(quality) for kind, quality in found.items()}


def _speed_table(rows: Sequence[dict[str, Any]]) -> str:
    keys = ("what", "who", "median_ms", "p95_ms", "ratio", "threads", "calls")
    head = ("what", "who", "median ms", "p95 ms", "x ours", "threads", "calls")
    return table(head, [[row[key] for key in keys] for row in rows])


def _print_lidar(result: dict[str, Any]) -> str:
    growth = result["growth"]
    alone = table(
        ("alone, its own choice of threads", "peak RSS MiB", "median ms"),
        [(row["who"], row["peak_rss_mib"], row["median_ms"]) for row in result["alone"]],
    )
    sizes = table(
        ("points", *(f"{name} ms" for name in growth["ms"])),
        [
            *zip(growth["points"], *growth["ms"].values(), strict=True),
            ("exponent", *growth["exponent"].values()),
        ],
    )
    return "\n\n".join([_speed_table(result["rows"]), alone, sizes, *result["missing"]])


def _print_tracking(result: dict[str, Any]) -> str:
    from perception_tools.benchmarks.tracking import printed

    return f"{printed(result)}\n\n{result['frames']}\n{_speed_table(result['speed'])}"


def _print_inference(result: dict[str, Any]) -> str:
    from perception_tools.benchmarks.inference import printed

    return printed(result)


def _print_ground(result: dict[str, Any]) -> str:
    keys = ("scene", "sensor", "method", "precision", "recall", "f1", "points")
    rows = [[f"{v:.4f}" if isinstance(v, float) else v for v in map(row.get, keys)] for row in result["rows"]]
    return table(keys, rows)


def _print_obstacles(result: dict[str, Any]) -> str:
    from perception_tools.benchmarks.obstacles import printed

    return printed(result)


_RUN: dict[str, Callable[[Path | None, argparse.Namespace], dict[str, Any]]] = {
    "lidar": _lidar,
    "inference": _inference,
    "tracking": _tracking,
    "ground": _ground,
    "obstacles": _obstacles,
}
_PRINT: dict[str, Callable[[dict[str, Any]], str]] = {
    "lidar": _print_lidar,
    "inference": _print_inference,
    "tracking": _print_tracking,
    "ground": _print_ground,
    "obstacles": _print_obstacles,
}
