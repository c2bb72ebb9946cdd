"""Truth and results of one drive, brought to the same stamps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.obstacle_rows import nothing
from perception_core.geometry.transforms import wrap_angle
from perception_core.types import Mode, Obstacles, Truth

Stamps = NDArray[np.int64]

MAX_GAP_NS = 500_000_000
"""Truths farther apart in time are not interpolated."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What was matched, and what was not.

    Attributes:
        pairs: truth and result of one stamp, in order of time.
        exact: how many of them have a truth of their very stamp; the others lie between two.
        before: truths from before the first result, which are left out: nobody was there to answer.
        unanswered: truths without a result from then on; each is among the pairs with an empty result.
        beyond: results outside the time of the truth, or in a gap of it; left out.
    """

    pairs: tuple[tuple[Truth, Obstacles], ...]
    exact: int
    before: int
    unanswered: int
    beyond: int


def join(truths: Sequence[Truth], results: Sequence[Obstacles]) -> Joined:
    """Match both by their stamps; of several results of one stamp the first counts.

    What a watchdog sends between two scans, BLIND and without obstacles, is no result of any scan, and is passed over.
    """
    truth = {t.stamp_ns: t for t in sorted(truths, key=lambda t: t.stamp_ns)}
    found: dict[int, Obstacles] = {}
    for result in results:
        if result.stamp_ns in truth or len(result) or result.mode != Mode.BLIND:
            found.setdefault(result.stamp_ns, result)
    stamps = np.array(list(truth), dtype=np.int64)
    answers = np.array(sorted(found), dtype=np.int64)
    pairs, exact = [], 0
    for stamp in answers.tolist():
        there = truth[stamp] if stamp in truth else _between(truth, stamps, stamp)
        exact += stamp in truth
        if there is not None:
            pairs.append((there, found[stamp]))
    beyond = len(answers) - len(pairs)
    first = pairs[0][0].stamp_ns if pairs else np.iinfo(np.int64).max
    silent = _unanswered(stamps, answers)
    pairs += [(truth[s], nothing(s, truth[s].frame)) for s in silent if s > first]
    pairs.sort(key=lambda pair: pair[0].stamp_ns)
    before = sum(s < first for s in silent)
    return Joined(tuple(pairs), exact, before, len(silent) - before, beyond)


def interpolate(a: Truth, b: Truth, stamp_ns: int) -> Truth:
    """Return the objects that are in both, on their way from ``a`` to ``b``; points and picture of the nearer one."""
    _, i, j = np.intersect1d(a.ids, b.ids, return_indices=True)
    w = (stamp_ns - a.stamp_ns) / (b.stamp_ns - a.stamp_ns)
    near, k = (a, i) if w < 0.5 else (b, j)
    return Truth(
        stamp_ns=stamp_ns,
        frame=a.frame,
        ids=near.ids[k],
        class_ids=near.class_ids[k],
        centre=(1.0 - w) * a.centre[i] + w * b.centre[j],
        size=(1.0 - w) * a.size[i] + w * b.size[j],
        yaw=wrap_angle(a.yaw[i] + w * wrap_angle(b.yaw[j] - a.yaw[i])),
        velocity=(1.0 - w) * a.velocity[i] + w * b.velocity[j],
        yaw_rate=(1.0 - w) * a.yaw_rate[i] + w * b.yaw_rate[j],
        point_count=near.point_count[k],
        visible_fraction=near.visible_fraction[k],
        boxes_2d=near.boxes_2d[k],
    )


def _between(truth: dict[int, Truth], stamps: Stamps, stamp: int) -> Truth | None:
    i = int(np.searchsorted(stamps, stamp))
    if i == 0 or i == len(stamps) or stamps[i] - stamps[i - 1] > MAX_GAP_NS:
        return None
    return interpolate(truth[int(stamps[i - 1])], truth[int(stamps[i])], stamp)


def _unanswered(stamps: Stamps, answers: Stamps) -> list[int]:
    """Return the stamps of truth that have no result nearer than three quarters of the truth's period.

    One half would do where both have the same stamps; results of another phase may be that far at the drive's end.
    """
    if len(stamps) == 0:
        return []
    period = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
    if len(answers) == 0:
        return [int(s) for s in stamps]
    at = np.searchsorted(answers, stamps)
    left = np.abs(stamps - answers[np.maximum(at - 1, 0)])
    right = np.abs(answers[np.minimum(at, len(answers) - 1)] - stamps)
    return [int(s) for s in stamps[np.minimum(left, right) > 0.75 * period]]
