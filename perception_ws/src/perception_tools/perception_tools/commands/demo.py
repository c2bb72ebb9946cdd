"""`perception demo`: the nodes on a drive, live; obstacles, latencies and a report."""

import argparse
from pathlib import Path
from typing import Any

from perception_tools.output import print_json, say, table

HELP = "bring the nodes up, play a drive to them in real time, show the obstacles and write a report"

_BUDGET_MS = 100.0
_SHOWN = 15
_SIMULATED_PROFILE = "demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--drive", type=Path, metavar="DIR", help="a KITTI raw drive (default: a simulated street)")
    parser.add_argument("--scenario", default="city", help="what to simulate without --drive (city)")
    parser.add_argument("--duration", type=float, metavar="S", help="seconds of the drive (default: all; 15 simulated)")
    parser.add_argument("--model", help="the cameras' network, by name or path (default: the profile's)")
    parser.add_argument("--rate", type=float, default=1.0, help="how fast to play it (1.0)")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="where to write (out/demo)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 1 when scans were lost or no obstacles came."""
    from perception_tools.live import LiveOptions, run_live
    from perception_tools.overwriting import require_folder
    from perception_tools.profile import load_profile, write_with_model
    from perception_tools.report import write_report

    _check(arguments)
    require_folder(arguments.out)
    arguments.out.mkdir(parents=True, exist_ok=True)
    drive, profile_name, title = _drive(arguments)
    if arguments.model:
        profile_name = str(write_with_model(profile_name, arguments.model, arguments.out))
    profile = load_profile(profile_name)
    output = arguments.out / "obstacles.mcap"
    options = LiveOptions(arguments.rate, (arguments.duration or 0.0) if arguments.drive else 0.0)
    live = run_live(drive, profile, output, arguments.out, options)
    summary: dict[str, Any] = {
        "title": title,
        "drive": str(drive),
        "profile": profile.name,
        "output": str(output),
        "rate": arguments.rate,
        **live.summary(),
    }
    say("drawing the report")
    report = write_report(arguments.out, drive, output, profile, summary, live.stages_ms, _BUDGET_MS)
    summary["report"] = str(report.path)
    if arguments.json:
        print_json(summary)
    else:
        _print(summary, report.obstacles)
    return 1 if live.scans_lost or not live.arrays else 0


def _check(arguments: argparse.Namespace) -> None:
    from perception_core.errors import ConfigError
    from perception_tools.overwriting import refuse_to_overwrite

    if arguments.model:
        refuse_to_overwrite(Path(arguments.scenario), arguments.out / f"{_SIMULATED_PROFILE}.yaml")
    for name, low, high in (("rate", 0.01, 100.0), ("duration", 0.1, 3600.0)):
        value = getattr(arguments, name)
        if value is not None and not low <= value <= high:
            raise ConfigError(f"--{name}: {value} is out of range, expected {low:g} to {high:g}")


def _drive(arguments: argparse.Namespace) -> tuple[Path, str, str]:
    """Return the recording to play (made now, or kept from before), the profile for it and a title."""
    from perception_tools.drive_cache import cached, code_key, folder_key

    cache = arguments.out.parent / "cache"
    if arguments.drive is not None:
        from perception_tools.kitti_bag import convert_kitti

        source = arguments.drive.resolve()
        key = [folder_key(source) if source.is_dir() else [], code_key("datasets")]
        path, _ = cached(cache, f"kitti-{source.name}", key, lambda out: convert_kitti(source, out))
        return path, "kitti", f"Drive {source.name}"
    from perception_tools.simulated_bag import simulate_bag

    key = [arguments.scenario, arguments.duration, code_key("simulation", "geometry")]
    path, made = cached(
        cache,
        f"simulated-{Path(arguments.scenario).stem}",
        key,
        lambda out: simulate_bag(arguments.scenario, out, duration=arguments.duration),
    )
    if made:
        say(f"simulated {arguments.scenario}, kept in {path}")
    return path, _SIMULATED_PROFILE, f"Simulated drive: {arguments.scenario}"


def _print(summary: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    print(table(tuple(rows[0]) if rows else (), [tuple(row.values()) for row in rows[:_SHOWN]]))
    if len(rows) > _SHOWN:
        print(f"... and {len(rows) - _SHOWN} more named or moving obstacles")
    print()
    latencies = summary["latency_ms"]
    print(
        table(
            ("latency", "count", "p50 ms", "p99 ms", "max ms"),
            [(name, t["count"], t["p50"], t["p99"], t["max"]) for name, t in latencies.items()],
        )
    )
    print()
    print(
        f"scans in {summary['scans_in']}, lost {summary['scans_lost']}; images in {summary['images_in']}, lost "
        + ("- (no detections)" if summary["images_lost"] is None else str(summary["images_lost"]))
    )
    print("modes: " + (", ".join(f"{name} {count}" for name, count in summary["modes"].items()) or "none"))
    print("peak memory: " + ", ".join(f"{name} {size:.0f} MB" for name, size in summary["peak_rss_mb"].items()))
    for note in summary["notes"]:
        print(f"note: {note}")
    print(f"recorded: {summary['output']}\nreport:   {summary['report']}")
