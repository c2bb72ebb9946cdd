"""Does the LiDAR still fit the camera: scores over time, a correction with its uncertainty, a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.agreement import estimate_of
from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.frames import CheckFrame, PreparedFrame, prepare
from perception_core.calibration.objective import Objective
from perception_core.calibration.posterior import Estimate
from perception_core.calibration.problem import OFFSET, ROTATION, TRANSLATION, UNKNOWNS, Views, poses_under, project
from perception_core.calibration.search import Found, find
from perception_core.calibration.verdict import Judgement, State, Verdict, judge
from perception_core.errors import PerceptionError

Floats = NDArray[np.float64]

_SECTORS = 8
"""Stripes of the image in which depth steps err on their own."""
_CHUNK = 5.0
"""Metres after which the robot sees other things, or the same ones anew."""
_LEAST_CONTRAST = 3.0
"""Standard deviation of the grey values of an image that shows something."""


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How well one frame fits: 0 is chance, 1 would be every outline on a clear edge that stands alone.

    Attributes:
        stamp_ns: of the image.
        edges: outlines in it.
        calibrated: score as calibrated, NaN without outlines.
        corrected: score under the correction, NaN where none can be told.
    """

    stamp_ns: int
    edges: int
    calibrated: float
    corrected: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer.

    Attributes:
        judgement: verdict, reasons and the state of each unknown.
        estimate: where the score is highest; None where there is too little to estimate anything from. What it is worth
            the judgement says.
        no_offset: why the time offset is not known, '' where it is.
        frames: scores over time.
        edges: outlines in all images.
        flow: pixels by which outlines shift in 0.1 s; one in ten shifts by more.
    """

    judgement: Judgement
    estimate: Estimate | None
    no_offset: str
    frames: tuple[FrameScore, ...]
    edges: int
    flow: float

    @property
    def correction(self) -> Estimate | None:
        """The estimate as far as it can be vouched for: none without a verdict."""
        return None if self.judgement.verdict is Verdict.CANNOT_TELL else self.estimate


def check(frames: Sequence[CheckFrame], config: CalibrationCheckConfig | None = None) -> CheckResult:
    """Compare the frames of one camera and one LiDAR.

    Args:
        frames: in order of time.
        config: parameters.

    Raises:
        PerceptionError: no frame.
    """
    config = config or CalibrationCheckConfig()
    if not frames:
        raise PerceptionError("calibration check: no frame")
    prepared = [prepare(frame, _SECTORS) for frame in frames]
    edges = sum(len(p.edges) for p in prepared)
    if reason := _too_little(prepared, edges, config):
        judgement = Judgement(Verdict.CANNOT_TELL, (reason,), (State.NOT_OBSERVABLE,) * UNKNOWNS)
        scores = [(f.stamp_ns, len(p.edges), np.nan, np.nan) for f, p in zip(frames, prepared, strict=True)]
        return CheckResult(judgement, None, reason, tuple(FrameScore(*score) for score in scores), edges, 0.0)
    objective = _objective(frames, prepared)
    flow = _flow(objective)
    no_offset = _no_offset(frames, flow, config)
    prior, free = _prior(config), np.ones(UNKNOWNS, np.bool_)
    free[OFFSET] = not no_offset
    found = find(objective, [p.strength for p in prepared], free, prior, config)
    estimate = estimate_of(found, free, prior, config)
    judgement = judge(estimate, config)
    if judgement.states[OFFSET] is State.NOT_OBSERVABLE and not no_offset:
        no_offset = "the robot's motion does not show it"
    told = None if judgement.verdict is Verdict.CANNOT_TELL else estimate.x
    return CheckResult(judgement, estimate, no_offset, _frame_scores(frames, found, told), edges, flow)


def _too_little(prepared: Sequence[PreparedFrame], edges: int, config: CalibrationCheckConfig) -> str:
    """Return why there is nothing to compare, '' where there is."""
    contrast = max(p.contrast for p in prepared)
    if contrast < _LEAST_CONTRAST:
        return f"the images show nothing: their grey values differ by {contrast:.1f} (standard deviation)"
    if edges < config.min_edges:
        return f"{edges} depth steps in the images, {config.min_edges} are needed"
    return ""


def _objective(frames: Sequence[CheckFrame], prepared: Sequence[PreparedFrame]) -> Objective:
    twists = [np.zeros(6) if f.twist is None else f.twist for f in frames]
    views = Views(np.stack([f.T_base_camera for f in frames]), np.stack([p.K for p in prepared]), np.stack(twists))
    parts = [int(frame.travelled / _CHUNK) * _SECTORS + p.sector for frame, p in zip(frames, prepared, strict=True)]
    return Objective(views, [p.edges for p in prepared], parts, [p.sector for p in prepared])


def _flow(objective: Objective) -> float:
    """Return by how many pixels the outlines shift in 0.1 s; one in ten shifts by more."""
    late = np.zeros(UNKNOWNS)
    late[OFFSET] = 0.1
    now, then = (poses_under(objective.views, x).T_camera_base for x in (np.zeros(UNKNOWNS), late))
    shifts = [
        np.linalg.norm(project(after, K, edges.points) - project(before, K, edges.points), axis=1)
        for before, after, K, edges in zip(now, then, objective.views.K, objective.points, strict=True)
    ]
    return float(np.nan_to_num(np.nanpercentile(np.concatenate(shifts), 90)))


def _no_offset(frames: Sequence[CheckFrame], flow: float, config: CalibrationCheckConfig) -> str:
    """Return why a time offset is not looked for, '' where it is."""
    if any(frame.twist is None for frame in frames):
        return "the motion of the robot is not known"
    if flow < config.min_flow:
        return f"the robot hardly moves: outlines shift by {flow:.1f} px in 0.1 s, {config.min_flow:g} px are needed"
    return ""


def _prior(config: CalibrationCheckConfig) -> Floats:
    prior = np.empty(UNKNOWNS)
    prior[ROTATION] = np.radians(config.prior_rotation)
    prior[TRANSLATION], prior[OFFSET] = config.prior_translation, config.prior_offset
    return prior


def _frame_scores(frames: Sequence[CheckFrame], found: Found, x: Floats | None) -> tuple[FrameScore, ...]:
    """Return the scores as calibrated, and under a correction if there is one."""
    objective = found.objective
    at = (np.zeros(UNKNOWNS), x)
    before, after = (np.full(len(objective), np.nan) if x is None else objective.rows(found.level, x)[:, 0] for x in at)
    out = []
    for k, frame in enumerate(frames):
        part = slice(objective.starts[k], objective.starts[k + 1])
        count = int(part.stop - part.start)
        means = [float(values[part].mean()) if count else float("nan") for values in (before, after)]
        out.append(FrameScore(frame.stamp_ns, count, *means))
    return tuple(out)
