"""`perception view`: one scan with its ground, clusters and boxes, as a picture or in a window."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception_tools.output import print_json, table

if TYPE_CHECKING:
    from perception_tools.view.drawing import Drawing
    from perception_tools.view.run import Seen
    from perception_tools.view.scan import Scan

HELP = "show one scan with its ground, clusters and boxes"

_VIEWS = ("bird", "chase", "side")
_RENDERERS = ("auto", "open3d", "own")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("source", type=Path, metavar="BAG", help="rosbag2, or a .pcd, .ply, .xyz or KITTI .bin file")
    parser.add_argument(
        "--at", default="first", metavar="T", help="seconds from the start, time in s or ns, first, last or N%% (first)"
    )
    parser.add_argument(
        "--profile", metavar="P", help="vehicle, drone, kitti, demo, or a parameter file; else defaults"
    )
    parser.add_argument("--topic", metavar="T", help="clouds to look at, where the recording has several")
    parser.add_argument("--height", type=float, metavar="M", help="the sensor is level, M metres above ground; no TF")
    parser.add_argument("--output", type=Path, default=Path("scan.png"), metavar="PNG", help="picture (scan.png)")
    parser.add_argument("--view", choices=_VIEWS, default="bird", help="from above, behind or the right (bird)")
    parser.add_argument("--range", type=float, default=40.0, metavar="M", help="metres around the robot shown (40)")
    parser.add_argument("--recorded", action="store_true", help="also draw the obstacles that the recording holds")
    parser.add_argument("--renderer", choices=_RENDERERS, default="auto", help="auto: Open3D where it can, else own")
    parser.add_argument("--window", action="store_true", help="Open3D's viewer in the place of a picture")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the LiDAR path on one scan, draw it, and say what was found."""
    from perception_core.errors import ConfigError
    from perception_tools.overwriting import refuse_to_overwrite
    from perception_tools.view.drawing import draw_scan
    from perception_tools.view.run import look, summary
    from perception_tools.view.scan import recorded_boxes

    if not (math.isfinite(arguments.range) and 5.0 <= arguments.range <= 300.0):
        raise ConfigError(f"--range: {arguments.range} is out of range, expected 5 to 300 m")
    if arguments.height is not None and not (math.isfinite(arguments.height) and abs(arguments.height) <= 200.0):
        raise ConfigError(f"--height: {arguments.height} is out of range, expected -200 to 200 m")
    if not arguments.window:
        refuse_to_overwrite(arguments.source, arguments.output)
    scan = _scan(arguments)
    seen = look(scan)
    recorded = recorded_boxes(arguments.source, scan) if arguments.recorded else None
    result = summary(scan, seen) | {"view": arguments.view}
    drawing = draw_scan(seen.xyz, seen.result, arguments.range, recorded)
    result |= _present(arguments, drawing, _title(scan, seen, arguments.view))
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    return 0


def _scan(arguments: argparse.Namespace) -> "Scan":
    from perception_core.errors import ConfigError
    from perception_tools.profile import load_profile
    from perception_tools.view.scan import POINT_FILES, scan_of_bag, scan_of_file
    from perception_tools.view.when import parse_when

    when = parse_when(arguments.at)
    profile = load_profile(arguments.profile) if arguments.profile else None
    if arguments.source.suffix not in POINT_FILES:
        return scan_of_bag(arguments.source, when, profile, arguments.topic, arguments.height)
    if arguments.height is None:
        raise ConfigError(f"{arguments.source}: name the sensor's height above ground with --height")
    return scan_of_file(arguments.source, arguments.height, profile)


def _present(arguments: argparse.Namespace, drawing: "Drawing", title: str) -> dict[str, Any]:
    """Show a window, or write a picture; return what was done."""
    from perception_tools.view.camera import viewpoint
    from perception_tools.view.picture import HEIGHT, WIDTH, draw_picture, save
    from perception_tools.view.window import show

    eye = viewpoint(arguments.view, arguments.range, drawing.floor, WIDTH, HEIGHT)
    if arguments.window:
        show(drawing, eye, title)
        return {"renderer": "window"}
    picture = draw_picture(drawing, eye, title, arguments.renderer)
    save(picture.pixels, arguments.output)
    return {"renderer": picture.renderer, "output": str(arguments.output)}


def _title(scan: "Scan", seen: "Seen", view: str) -> str:
    place = f"{scan.topic}  {scan.at_s:.3f} s  " if scan.topic else ""
    path = sum(seen.result.timings_ms.values())
    return f"{Path(scan.name).name}  {place}{len(seen.xyz):,} points  {path:.1f} ms  {view}"


def _print(result: dict[str, Any]) -> None:
    where = f"{result['topic']} at {result['at_s']:.3f} s, stamp {result['stamp_ns']} ns" if result["topic"] else "file"
    print(f"{result['source']}: {where}, profile {result['profile']}")
    print(f"{result['points']} points, {len(result['clusters'])} clusters in {result['frame']}")
    print(table(("points", "count"), list(result["classes"].items())))
    print(table(("stage", "ms"), [*result["timings_ms"].items(), ("sum", sum(result["timings_ms"].values()))]))
    for reason, count in result["dropped"].items():
        if count:
            print(f"left out {count}: {reason}")
    for lidar, state in result["deskewed"].items():
        print(f"{lidar}: ego motion taken out: {state}")
    for lidar in result["lidars_missing"]:
        print(f"{lidar}: no scan near enough")
    for note in result["notes"]:
        print(f"note: {note}")
    if "output" in result:
        print(f"{result['output']}: {result['view']}, rendered by {result['renderer']}")
