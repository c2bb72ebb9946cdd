"""Which true objects are asked for, and which obstacles are held against the perception, scan by scan.

A true object is **asked for** when at least ``min_points`` LiDAR points hit it (where nobody counted them: when it is
visible enough) within ``max_range`` and the field of view. All other true objects are *beside the point*: a tracker
need not report them, and may (it coasts through an occlusion, as it should).

Obstacles and true objects of one scan are first paired one to one, all true objects included, so that the sum of
their similarities is largest and no pair is farther apart than ``match_distance`` (TrackEval treats KITTI's distractors
so). An obstacle then is

- **kept** when its partner is asked for;
- **excused** when its partner is beside the point, when it lies on or near such an object (a second piece of it), when
  it says itself that it may be that one (a camera alone knows the range to a fifth), or when it is outside the range or
  the view;
- **held** against the perception, a false positive, when it has no partner and is *named* (any class but unknown is
  its most probable one) or said to be MOVING: there is no such thing;
- **structure** otherwise: unnamed and not moving. Walls, trees, poles and kerbs are real obstacles that no truth lists:
  a count that calls them false teaches the perception to overlook walls. They are counted apart, held against nobody.

Similarity is ``1 - distance / (2 match_distance)`` between the centres in 3D, at least 0: half of it is left at
``match_distance``, which is the threshold of one half that CLEAR MOT and IDF1 use on overlaps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.geometry.transforms import Transform, apply, invert
from perception_core.types import Motion, Obstacles, Truth
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


_ELLIPSE = 9.21
"""99 % point of the chi-square distribution with two degrees of freedom."""
_RANGE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Scan:
    """One frame with the verdicts on its M true objects and T obstacles.

    Attributes:
        frame: what is judged.
        sequence: number of the drive, which tells equal ids of two drives apart.
        asked: bool (M,).
        partner: int (T,) row of the true object an obstacle was paired with, -1 for none.
        kept, held, excused, structure: bool (T,), each obstacle is one of them.
        similarity: float64 (M, T) in [0, 1].
    """

    frame: EvaluationFrame
    sequence: int
    asked: Flags
    partner: Rows
    kept: Flags
    held: Flags
    excused: Flags
    structure: Flags
    similarity: Floats

    def pairs(self) -> tuple[Rows, Rows]:
        """Return the rows (truth, result) of the objects that were asked for and found."""
        result = np.flatnonzero(self.kept)
        return self.partner[result], result


def judge(frames: Iterable[EvaluationFrame], config: EvaluationConfig, sequence: int = 0) -> list[Scan]:
    """Return the verdicts on the scans of one drive."""
    return [judge_frame(frame, config, sequence) for frame in frames]


def judge_all(sequences: Iterable[Sequence[EvaluationFrame]], config: EvaluationConfig) -> list[Scan]:
    """Return the verdicts on the scans of several drives, one after the other."""
    return [scan for number, frames in enumerate(sequences) for scan in judge(frames, config, number)]


def judge_frame(frame: EvaluationFrame, config: EvaluationConfig, sequence: int = 0) -> Scan:
    """Return the verdict on one scan."""
    truth, result = frame.truth, frame.result
    inside = _inside(frame.T_fixed_base, truth.centre, config)
    asked = inside & _visible(truth, config)
    similarity = similarities(truth.centre, result.centre, config)
    partner = _partners(similarity)
    paired = partner >= 0
    kept = np.zeros(len(result), dtype=np.bool_)
    kept[paired] = asked[partner[paired]]
    excused = ~kept & (
        paired
        | _beside(truth, ~asked, result, config)
        | _perhaps(frame, ~asked)
        | ~_inside(frame.T_fixed_base, result.centre, config)
    )
    said = (result.class_probabilities.argmax(axis=1) != INDEX[UNKNOWN]) | (result.motion == Motion.MOVING)
    held = said & ~kept & ~excused
    return Scan(frame, sequence, asked, partner, kept, held, excused, ~(kept | excused | held), similarity)


def similarities(truth: Floats, result: Floats, config: EvaluationConfig) -> Floats:
    """Return the similarity (M, T) of centres (M, 3) and (T, 3) in metres."""
    distance = np.linalg.norm(truth[:, None] - result[None], axis=2)
    return np.maximum(0.0, 1.0 - distance / (2.0 * config.match_distance))


def _visible(truth: Truth, config: EvaluationConfig) -> Flags:
    """Return which objects (M,) can be asked for."""
    unknown = truth.point_count < 0
    seen = np.isnan(truth.visible_fraction) | (truth.visible_fraction >= config.min_visible)
    return np.where(unknown, seen, truth.point_count >= config.min_points).astype(np.bool_)


def _inside(T_fixed_base: Transform, centre: Floats, config: EvaluationConfig) -> Flags:
    """Return which centres (K, 3) lie within range and view."""
    x, y, _ = apply(invert(T_fixed_base), centre).T
    near = np.hypot(x, y) <= config.max_range
    ahead = np.abs(np.arctan2(y, x)) <= np.deg2rad(config.view_half_angle)
    return np.asarray(near & ahead)


def _partners(similarity: Floats) -> Rows:
    """Return each obstacle's true object (T,), -1 without."""
    near = similarity >= 0.5
    rows, columns = linear_sum_assignment(np.where(near, similarity, 0.0), maximize=True)
    good = near[rows, columns]
    partner = np.full(similarity.shape[1], -1, dtype=np.intp)
    partner[columns[good]] = rows[good]
    return partner


def _beside(truth: Truth, chosen: Flags, result: Obstacles, config: EvaluationConfig) -> Flags:
    """Return which obstacles (T,) have their centre on or near one of the chosen true objects, seen from above."""
    delta = result.centre[None, :, :2] - truth.centre[chosen, None, :2]
    near = np.hypot(delta[..., 0], delta[..., 1]) <= config.match_distance
    return np.asarray(((gaps(truth, result)[chosen] <= 0.0) | near).any(axis=0))


def _perhaps(frame: EvaluationFrame, chosen: Flags) -> Flags:
    """Return which obstacles (T,) have one of the chosen true objects in their 99 % ellipse, a fifth of its range off.

    The bound keeps who is sure of nothing from being excused for everything.
    """
    truth, result = frame.truth, frame.result
    delta = result.centre[None, :, :2] - truth.centre[chosen, None, :2]
    P = result.pose_covariance[:, :2, :2]
    determinant = P[:, 0, 0] * P[:, 1, 1] - P[:, 0, 1] * P[:, 1, 0]
    x, y = delta[..., 0], delta[..., 1]
    scaled = P[:, 1, 1] * x**2 - (P[:, 0, 1] + P[:, 1, 0]) * x * y + P[:, 0, 0] * y**2
    away = apply(invert(frame.T_fixed_base), truth.centre[chosen])
    close = np.hypot(x, y) <= _RANGE_SHARE * np.hypot(away[:, 0], away[:, 1])[:, None]
    return np.asarray((close & (scaled <= _ELLIPSE * determinant) & (determinant > 0.0)).any(axis=0))


def gaps(truth: Truth, result: Obstacles) -> Floats:
    """Return the distances (M, T) in metres from the centres of obstacles to true boxes, seen from above; 0 inside."""
    delta = result.centre[None, :, :2] - truth.centre[:, None, :2]
    c, s = np.cos(truth.yaw)[:, None], np.sin(truth.yaw)[:, None]
    along = np.abs(c * delta[..., 0] + s * delta[..., 1]) - truth.size[:, :1] / 2.0
    across = np.abs(c * delta[..., 1] - s * delta[..., 0]) - truth.size[:, 1:2] / 2.0
    return np.asarray(np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0)))
