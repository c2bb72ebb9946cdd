"""`perception bench`: every speed figure of the README, with its peers, in one run."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from perception_tools.output import print_json, say, table

HELP = "how fast it is on this machine, beside its peers"

SUITES = ("lidar", "inference", "tracking")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], metavar="SUITE", help=f"{', '.join(SUITES)}; all")
    parser.add_argument("--data", type=Path, help="folder with KITTI raw drives; else PERCEPTION_DATA, else simulated")
    parser.add_argument("--scans", type=int, default=40, help="frames to run on (40)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    from perception_tools.benchmarks import suites
    from perception_tools.benchmarks.frames import load_frames
    from perception_tools.benchmarks.measure import peak_rss_mib

    named = os.environ.get("PERCEPTION_DATA")
    name, frames = load_frames(arguments.data or (Path(named) if named else None), max(arguments.scans, 1))
    folders = suites.model_folders()
    wanted = arguments.suites or SUITES
    rows = []
    if "lidar" in wanted:
        rows += suites.lidar(frames)
    if "inference" in wanted:
        found = suites.inference(frames, folders)
        rows += found
        if not found:
            say("inference: no weights; set PERCEPTION_MODELS to a folder that holds them")
    if "tracking" in wanted:
        rows += suites.tracking(frames, folders)
    result = {"frames": name, "cores": os.cpu_count(), "peak_rss_mib": round(peak_rss_mib(), 1)}
    if arguments.json:
        print_json({**result, "rows": [asdict(row) for row in rows]})
        return 0
    points = sum(len(frame.cloud) for frame in frames) // len(frames)
    print(f"{name}, {points} points a scan, {os.cpu_count()} cores; ours on one thread, peers as they come")
    cells = [(r.what, r.who, r.median_ms, r.p95_ms, r.ratio, r.calls) for r in rows]
    print(table(("what", "who", "median ms", "p95 ms", "x ours", "calls"), cells))
    print(f"peak RSS of this process, peers and frames included: {result['peak_rss_mib']} MiB")
    return 0
