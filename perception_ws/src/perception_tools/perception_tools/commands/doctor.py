"""`perception doctor`: what is wrong with this machine, or with a recording of a rig, and how to mend it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perception_tools.output import print_json

if TYPE_CHECKING:
    from perception_tools.doctor.findings import Finding
    from perception_tools.profile import Profile

HELP = "what is wrong with this machine or this recording, and how to mend it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("bag", nargs="?", type=Path, metavar="BAG", help="recording to check; without one: the machine")
    parser.add_argument("--profile", metavar="P", help="vehicle, drone, kitti, demo, or a parameter file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print each finding; 1 when one of them is an error."""
    from perception_tools.doctor.findings import Level
    from perception_tools.profile import load_profile

    profile = load_profile(arguments.profile) if arguments.profile else None
    if arguments.bag is None:
        from perception_tools.doctor.environment import check_environment

        findings = list(check_environment(profile))
    else:
        findings = _check_bag(arguments.bag, profile)
    wrong = sum(finding.level == Level.ERROR for finding in findings)
    if arguments.json:
        rows = [{"level": f.level.name, "subject": f.subject, "text": f.text, "mend": f.mend} for f in findings]
        print_json({"errors": wrong, "warnings": sum(f.level == Level.WARNING for f in findings), "findings": rows})
    else:
        _print(findings, wrong)
    return 1 if wrong else 0


def _check_bag(path: Path, profile: "Profile | None") -> list["Finding"]:
    from perception_tools.doctor import inputs, stamps
    from perception_tools.doctor.recording import examine

    recording = examine(path, profile)
    checks = (
        inputs.check_topics, inputs.check_qos, stamps.check_stamps, stamps.check_skew, inputs.check_clouds,
        inputs.check_camera_infos, inputs.check_images, inputs.check_transforms,
    )  # fmt: skip
    return [finding for check in checks for finding in check(recording)]


def _print(findings: Sequence["Finding"], wrong: int) -> None:
    marks = {0: "ok     ", 1: "warning", 2: "ERROR  "}
    for finding in findings:
        print(f"{marks[finding.level]} {finding.subject}: {finding.text}")
        if finding.mend:
            print(f"        mend: {finding.mend}")
    print(f"{wrong} errors, {sum(f.level == 1 for f in findings)} warnings, {sum(f.level == 0 for f in findings)} good")
