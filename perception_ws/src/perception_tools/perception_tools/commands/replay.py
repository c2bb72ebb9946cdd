"""`perception replay`: a recording through the perception, offline and deterministic."""

import argparse
from pathlib import Path

from perception_tools.output import print_json, table

HELP = "run a recording through the perception, offline, as fast as the machine allows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("bag", type=Path, metavar="BAG", help="rosbag2 folder, or .mcap or .db3 file")
    parser.add_argument(
        "--profile", required=True, metavar="P", help="vehicle, drone, kitti, demo, or a parameter file"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.mcap", help="recording to write")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html and its pictures there")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Replay, and say what came of it; 1 when no obstacles came out, or none but blind ones."""
    from perception_tools.overwriting import require_folder
    from perception_tools.profile import load_profile
    from perception_tools.replay import replay

    if arguments.report is not None:
        require_folder(arguments.report, arguments.output)
    profile = load_profile(arguments.profile)
    statistics = replay(arguments.bag, profile, arguments.output)
    summary = {
        "bag": str(arguments.bag),
        "profile": profile.name,
        "output": str(arguments.output),
        **statistics.summary(),
    }
    if arguments.report is not None:
        from perception_tools.report import write_report

        stages = dict(statistics.stages_ms)
        report = write_report(arguments.report, arguments.bag, arguments.output, profile, summary, stages)
        summary["report"] = str(report.path)
    if arguments.json:
        print_json(summary)
    else:
        _print(summary)
    return 1 if not statistics.arrays_out else 0


def _print(summary: dict) -> None:
    print(
        f"{summary['output']}: {summary['arrays_out']} obstacle arrays from {summary['scans_in']} scans and "
        f"{summary['images_in']} images, {summary['real_time_factor']} x real time"
    )
    print("modes: " + (", ".join(f"{name} {count}" for name, count in summary["modes"].items()) or "none"))
    rows = [(stage, t["count"], t["p50"], t["p99"], t["max"]) for stage, t in summary["stages_ms"].items()]
    print(table(("stage", "calls", "p50 ms", "p99 ms", "max ms"), rows))
    for reason, count in summary["drops"].items():
        print(f"dropped {count}: {reason}")
    for note in summary["notes"]:
        print(f"note: {note}")
    if "report" in summary:
        print(f"report: {summary['report']}")
