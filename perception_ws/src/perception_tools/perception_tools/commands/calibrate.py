"""`perception calibrate`: does the LiDAR still fit the camera?"""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception_tools.output import print_json, table

if TYPE_CHECKING:
    from perception_core.calibration.check import CheckResult
    from perception_tools.calibrating import LoadedDrive

HELP = "does the LiDAR still fit the camera?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "check a recording: score over time, correction with its uncertainty, time offset"
    check = actions.add_parser("check", help=text, description=text)
    check.add_argument("bag", type=Path, metavar="BAG", help="rosbag2 folder, or .mcap or .db3 file")
    check.add_argument(
        "--profile", metavar="P", help="vehicle, drone, kitti, demo, or a parameter file (default: the only topics)"
    )
    check.add_argument("--camera", metavar="NAME", help="of the profile (default: its first), or a topic of images")
    check.add_argument("--lidar", metavar="NAME", help="of the profile (default: the leading one), or a topic")
    check.add_argument("--frames", type=int, metavar="N", help="frames that are compared (default: 40)")
    check.add_argument("--masks", action="store_true", help="take the outlines of the profile's network as edges, too")
    check.add_argument("--report", type=Path, metavar="DIR|PNG", help="pictures: before and after, scores over time")
    check.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Check, and say what was found; 0 only when it fits."""
    from perception_core.calibration.check import check
    from perception_core.calibration.config import CalibrationCheckConfig
    from perception_core.calibration.verdict import Verdict
    from perception_core.errors import ConfigError
    from perception_tools.calibrating import load_drive
    from perception_tools.calibrating_masks import labeller_of
    from perception_tools.overwriting import refuse_to_overwrite, require_folder
    from perception_tools.profile import load_profile

    if arguments.report is not None:
        refuse_to_overwrite(arguments.bag, arguments.report)
        single = arguments.report.suffix.lower() == ".png"
        require_folder(arguments.report.parent if single else arguments.report)
    profile = load_profile(arguments.profile) if arguments.profile else None
    config = CalibrationCheckConfig() if arguments.frames is None else CalibrationCheckConfig(arguments.frames)
    if arguments.masks and profile is None:
        raise ConfigError("--masks needs a --profile, whose networks are taken")
    labels = labeller_of(profile, arguments.camera) if arguments.masks and profile else None
    drive = load_drive(arguments.bag, config, profile, arguments.camera, arguments.lidar, labels)
    result = check(drive.frames, config)
    summary = summary_of(arguments.bag, drive, result)
    if arguments.report is not None:
        from perception_tools.pictures.calibration import draw_report

        summary["pictures"] = [str(path) for path in draw_report(arguments.report, drive, result)]
    if arguments.json:
        print_json(summary)
    else:
        _print(summary)
    return 0 if result.judgement.verdict is Verdict.FITS else 1


def summary_of(bag: Path, drive: "LoadedDrive", result: "CheckResult") -> dict[str, Any]:
    """Return one plain object: degrees, centimetres, milliseconds."""
    return {
        "bag": str(bag),
        "camera": drive.source.camera,
        "lidar": drive.source.lidar,
        "verdict": str(result.judgement.verdict),
        "reasons": list(result.judgement.reasons),
        "frames": len(drive.frames),
        "depth_steps": result.edges,
        "ego_motion": drive.motion or "not known",
        "score": _mean([frame.calibrated for frame in result.frames]),
        "score_corrected": _mean([frame.corrected for frame in result.frames]),
        "clarity": None if result.estimate is None else result.estimate.clarity,
        "correction": _correction(result),
        "no_offset": result.no_offset,
        "corrected_mount": _corrected_mount(drive, result),
        "scores": [
            {
                "time": round((frame.stamp_ns - drive.start_ns) / 1e9, 3),
                "depth_steps": frame.edges,
                "score": frame.calibrated,
                "score_corrected": frame.corrected,
            }
            for frame in result.frames
        ],
        "notes": list(drive.notes),
    }


def _correction(result: "CheckResult") -> dict[str, dict[str, Any]]:
    """Return one entry an unknown: estimate, standard deviation, unit, what that means; none that cannot be told."""
    from perception_core.calibration.problem import NAMES
    from perception_core.calibration.verdict import TO_UNITS, UNITS

    estimate = result.correction
    if estimate is None:
        return {}
    columns = zip(NAMES, estimate.x * TO_UNITS, estimate.sigma * TO_UNITS, UNITS, result.judgement.states, strict=True)
    return {
        name: {
            "value": float(value) if sigma else None,
            "sigma": float(sigma) if sigma else None,
            "unit": unit,
            "state": str(state),
        }
        for name, value, sigma, unit, state in columns
    }


def _corrected_mount(drive: "LoadedDrive", result: "CheckResult") -> dict[str, Any] | None:
    """Return where the camera would be by the correction, as extrinsics.yaml has it; None without one."""
    if result.correction is None:
        return None
    from perception_core.calibration.problem import corrected_mount
    from perception_core.geometry.transforms import to_quaternion

    translation, quaternion = to_quaternion(corrected_mount(drive.frames[-1].T_base_camera, result.correction.x))
    return {
        "parent": drive.source.base_frame,
        "child": drive.camera_frame,
        "translation": [round(float(v), 4) for v in translation],
        "quaternion": [round(float(v), 6) for v in quaternion],
    }


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _print(summary: dict[str, Any]) -> None:
    print(f"{summary['verdict']}: {summary['lidar']} and {summary['camera']}")
    for reason in summary["reasons"]:
        print(f"  {reason}")
    print(
        f"{summary['frames']} frames, {summary['depth_steps']} depth steps in the images; ego motion: "
        f"{summary['ego_motion']}"
    )
    if summary["score"] is not None:
        corrected = f", {summary['score_corrected']:.3f} corrected" if summary["correction"] else ""
        print(f"score {summary['score']:.3f} as calibrated{corrected} (0 is chance)")
    if summary["correction"]:
        rows = [(name, c["value"], c["sigma"], c["unit"], c["state"]) for name, c in summary["correction"].items()]
        print(table(("the camera is off by", "estimate", "+-", "unit", ""), rows))
        mount = summary["corrected_mount"]
        print(f"corrected: {mount['parent']} -> {mount['child']}: {mount['translation']}, {mount['quaternion']}")
    if summary["no_offset"]:
        print(f"time offset: not observable: {summary['no_offset']}")
    for note in summary["notes"]:
        print(f"note: {note}")
    for path in summary.get("pictures", []):
        print(f"picture: {path}")
