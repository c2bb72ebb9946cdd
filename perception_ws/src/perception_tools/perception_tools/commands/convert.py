"""`perception convert`: recordings of other makers become rosbag2."""

import argparse
from pathlib import Path

from perception_tools.output import print_json

HELP = "turn a data set into a rosbag2 recording with transforms and camera calibration"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("format", choices=("kitti",), help="kitti: a raw drive, or a folder of the object benchmark")
    parser.add_argument("source", type=Path, metavar="DIR", help="folder of the drive")
    parser.add_argument("output", type=Path, metavar="OUT.mcap", help="recording to write")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Convert, and say what was written."""
    from perception_tools.kitti_bag import convert_kitti

    summary = convert_kitti(arguments.source, arguments.output)
    if arguments.json:
        print_json(summary)
    else:
        print(
            f"{summary['output']}: {summary['frames']} frames, {summary['duration_s']:.1f} s, "
            f"{summary['size_mb']:.0f} MB" + (f"; truth: {summary['labels']}" if summary["labels"] else "")
        )
    return 0
