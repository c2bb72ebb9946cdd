"""What is said in the end: fits, does not fit, cannot tell."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.agreement import RIVAL, SURE, UNSEEN, objections, tolerances
from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.posterior import Estimate
from perception_core.calibration.problem import NAMES, TRANSLATION, UNKNOWNS

UNITS = ("deg", "deg", "deg", "cm", "cm", "cm", "ms")
TO_UNITS: NDArray[np.float64] = np.array([180.0 / np.pi] * 3 + [100.0] * 3 + [1000.0])
"""From radians, metres and seconds to the units in which people read them."""

_LIKELY, _WIDE = 2.5, 2.0
"""Standard deviations beyond which a shift or offset is too likely to be left unsaid (of the four, one check in twenty
errs); those within which the truth is expected."""
_CLEAR = 5.0
"""Clarity that is no chance: the best of the ten thousand places that a search tells apart reaches four."""


class Verdict(StrEnum):
    """Whether the LiDAR still fits the camera."""

    FITS = "fits"
    DOES_NOT_FIT = "does not fit"
    CANNOT_TELL = "cannot tell"


class State(StrEnum):
    """What is known of one unknown."""

    GOOD = "good"
    OFF = "off"
    UNSURE = "unsure"
    NOT_OBSERVABLE = "not observable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict.

    Attributes:
        verdict: in a word or two.
        reasons: lines for people, the decisive one first.
        states: of each unknown, in the order of ``NAMES``.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    states: tuple[State, ...]


def judge(estimate: Estimate, config: CalibrationCheckConfig) -> Judgement:
    """Weigh the correction against its uncertainty and what may be off.

    An unknown is off when the correction is larger than the tolerance and than three standard deviations; good when
    it lies within the tolerance and surely (two standard deviations) within twice of it; else unsure. "Fits" needs all
    three turns to be good. A shift of a few centimetres is often hidden by a scene that is far: unless it is likely
    (beyond the tolerance and two and a half standard deviations), it does not stand in the way.
    """
    limits = tolerances(config)
    states = _states(estimate, limits)
    words = [
        _words(float(x), float(sigma), k) for k, (x, sigma) in enumerate(zip(estimate.x, estimate.sigma, strict=True))
    ]
    off = [words[k] for k in range(UNKNOWNS) if states[k] is State.OFF]
    unsure = [words[k] for k in range(UNKNOWNS) if _stands_in_the_way(estimate, k, states[k], limits[k])]
    if doubts := _doubts(estimate, config):
        return Judgement(Verdict.CANNOT_TELL, doubts, (State.UNSURE,) * UNKNOWNS)
    if off:
        return Judgement(Verdict.DOES_NOT_FIT, tuple(f"{text}: beyond what fits" for text in off), states)
    if unsure:
        return Judgement(Verdict.CANNOT_TELL, tuple(f"{text}: not sure enough" for text in unsure), states)
    return Judgement(Verdict.FITS, ("no correction beyond what fits",), states)


def _doubts(estimate: Estimate, config: CalibrationCheckConfig) -> tuple[str, ...]:
    """Return why the correction is not to be trusted at all, whatever its uncertainty says."""
    if estimate.clarity < _CLEAR:
        text = f"the depth steps lie on image edges no better than by chance ({estimate.clarity:.1f} deviations of it)"
        return (f"{text}, {_CLEAR:g} are needed",)
    lines = []
    if estimate.rival < RIVAL:
        text = f"quite another correction scores nearly as well ({estimate.rival:.1f} deviations less"
        lines.append(f"{text}, {RIVAL:g} are needed)")
    for witness, k in objections(estimate, config):
        words = _words(estimate.x[k] + witness.beyond[k], witness.sigma[k], k)
        lines.append(f"{witness.name} outlines alone say {words}, all together {_value(estimate.x[k], k)}")
    return tuple(lines)


def _states(estimate: Estimate, limits: NDArray[np.float64]) -> tuple[State, ...]:
    rows = zip(np.abs(estimate.x), estimate.sigma, estimate.prior, limits, strict=True)
    return tuple(_state(*(float(v) for v in row)) for row in rows)


def _stands_in_the_way(estimate: Estimate, k: int, state: State, limit: float) -> bool:
    """Tell whether nobody should say "fits" before more is known of an unknown."""
    if k < TRANSLATION.start:
        return state is not State.GOOD
    return state is State.UNSURE and abs(estimate.x[k]) > max(limit, _LIKELY * estimate.sigma[k])


def _state(size: float, sigma: float, prior: float, limit: float) -> State:
    if sigma == 0.0 or sigma > UNSEEN * prior:
        return State.NOT_OBSERVABLE
    if size > max(limit, SURE * sigma):
        return State.OFF
    return State.GOOD if size <= limit and size + _WIDE * sigma <= 2.0 * limit else State.UNSURE


def _words(value: float, sigma: float, k: int) -> str:
    return f"{NAMES[k]} {_value(value, k)} +- {sigma * TO_UNITS[k]:.2f} {UNITS[k]}"


def _value(value: float, k: int) -> str:
    return f"{value * TO_UNITS[k]:+.2f}"
