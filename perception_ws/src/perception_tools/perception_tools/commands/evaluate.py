"""`perception evaluate`: a result against the truth."""

import argparse
from pathlib import Path

from perception_tools.output import print_json, say

HELP = "how good a result is: detection, tracking, waiting time, errors and honesty of the covariance"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="recording with the obstacles: of a replay, or live"
    )
    parser.add_argument(
        "--truth", required=True, metavar="T", help="recording with /ground_truth/obstacles, or kitti:DIR (labelled)"
    )
    parser.add_argument(
        "--topic", help="/perception/obstacles; of frames that have nothing in common /perception/objects"
    )
    parser.add_argument("--base-frame", default="base_link", metavar="F", help="the robot's frame (base_link)")
    parser.add_argument("--max-range", type=float, metavar="M", help="metres up to which is evaluated (60)")
    parser.add_argument(
        "--min-points", type=int, metavar="N", help="LiDAR points that an object needs to be asked for (10)"
    )
    parser.add_argument("--baseline", type=Path, metavar="OLD.json", help="an earlier --json to compare with")
    parser.add_argument(
        "--fail-on",
        metavar="RULES",
        help="status 1 on: NAME (worse than the baseline), NAME:TOLERANCE, mota<0.9; with --baseline: headline",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Judge and print; 1 when a rule of --fail-on is broken."""
    from perception_core.config import from_mapping
    from perception_core.evaluation.config import EvaluationConfig
    from perception_tools.evaluating import judge_recording
    from perception_tools.evaluating_figures import compare, figures, not_compared, parse_rules, read_baseline
    from perception_tools.evaluating_tables import printed, printed_changes
    from perception_tools.evaluating_truth import truth_of

    named = {"max_range": arguments.max_range, "min_points": arguments.min_points}
    config = from_mapping(EvaluationConfig, {key: value for key, value in named.items() if value is not None})
    wanted = "headline" if arguments.fail_on is None and arguments.baseline else arguments.fail_on or ""
    rules = parse_rules(wanted, arguments.baseline is not None)
    truth = truth_of(arguments.truth)
    judged = judge_recording(arguments.result, truth, config, arguments.topic, arguments.base_frame).as_dict()
    now = figures(judged)
    before = read_baseline(arguments.baseline, judged["config"]) if arguments.baseline else {}
    if unseen := not_compared(rules, now, before):
        judged["notes"] = [*judged["notes"], f"the baseline has no value of {', '.join(unseen)}: not compared"]
    changes = compare(now, before)
    failures = [why for rule in rules if (why := rule.broken(now, changes))]
    if arguments.json:
        head = {"result": str(arguments.result), "truth": arguments.truth, "figures": now}
        rows = [
            {"name": c.figure.name, "before": c.before, "now": c.now, "worse": c.worse(), "better": c.better()}
            for c in changes
        ]
        print_json({**head, "changes": rows, "failures": failures, **judged})
    else:
        print(printed(judged, now))
        if changes:
            print(f"\n{printed_changes(changes)}")
        for note in judged["notes"]:
            print(f"note: {note}")
    for why in failures:
        say(f"perception evaluate: failed: {why}")
    return 1 if failures else 0
