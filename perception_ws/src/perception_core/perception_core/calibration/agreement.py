"""Do upright and level outlines ask for the same correction, and is there another one that stands as well?

Where lines run side by side (a guard rail and the crease in it, kerbs, the stripes of a road), outlines of one
direction may all lie on the next line: a top of the score as sharp as the true one and even higher, of which the
score's own curvature and scatter say nothing. Outlines of the other direction lie on other edges of the image and do
not follow it. A correction that is right has to stand when each is asked alone (Hausman, "Specification tests in
econometrics", Econometrica 1978).
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.image_edges import LEVEL, UPRIGHT
from perception_core.calibration.posterior import Estimate, Witness, clarity, posterior
from perception_core.calibration.problem import OFFSET, ROTATION, TRANSLATION, UNKNOWNS
from perception_core.calibration.search import Found, climb, temper_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SURE = 3.0
"""Standard deviations beyond which a correction is real (with seven unknowns one check in fifty errs)."""
RIVAL = 1.9
"""Standard deviations by which a top is lower than another that is as good once in twenty times (Student's t, of the
eight stripes of an image)."""
UNSEEN = 0.7
"""Share of the prior's standard deviation that must be left for an unknown to count as not observable."""
_APART = 4.0
"""Standard deviations from which on another top of the score is another correction."""
_LEAST = 100
"""Outlines that can be asked at all."""


def tolerances(config: CalibrationCheckConfig) -> Floats:
    """Return by how much each unknown (7,) may be off and still fits: radians, metres, seconds."""
    limits = np.empty(UNKNOWNS)
    limits[ROTATION] = np.radians(config.tolerance_rotation)
    limits[TRANSLATION], limits[OFFSET] = config.tolerance_translation, config.tolerance_offset
    return limits


def estimate_of(found: Found, free: Bools, prior: Floats, config: CalibrationCheckConfig) -> Estimate:
    """Return the estimate at the highest top, with what speaks for another one.

    A top elsewhere is a rival where it is not surely lower and its own witnesses let it stand. None is taken instead of
    a highest one to which witnesses object: it would be the best of what is left, which is not to be right.

    Args:
        found: where the search ended.
        free: bool (7,) which unknowns were looked for.
        prior: float64 (7,) standard deviations.
        config: tolerances and reach.
    """
    estimate = _at(found, 0, free, prior)
    clear = clarity(found.objective, found.level, estimate.x, np.radians(config.reach))
    estimate = dataclasses.replace(estimate, clarity=clear)
    leads = {k: found.lead(0, k) for k in range(1, len(found.tops))}
    for k in sorted((k for k, lead in leads.items() if lead < RIVAL), key=lambda k: leads[k]):
        other = _at(found, k, free, prior)
        elsewhere = (np.abs(other.x - estimate.x) > _APART * estimate.sigma)[free].any()
        if elsewhere and not objections(other, config):
            return dataclasses.replace(estimate, rival=leads[k])
    return estimate


def objections(estimate: Estimate, config: CalibrationCheckConfig) -> list[tuple[Witness, int]]:
    """Return which witnesses would surely change which unknown of a correction by more than still fits."""
    out = []
    for witness in estimate.witnesses:
        sure = np.abs(witness.beyond) - SURE * witness.sigma > tolerances(config)
        out += [(witness, int(k)) for k in np.flatnonzero(sure & (witness.sigma <= UNSEEN * estimate.prior))]
    return out


def _at(found: Found, top: int, free: Bools, prior: Floats) -> Estimate:
    """Return the estimate at a top, without clarity and rivals."""
    x, covariance = posterior(found.objective, found.level, found.tops[top][0], free, prior)
    return Estimate(x, covariance, prior, np.nan, np.inf, witnesses(found, x, free, prior))


def witnesses(found: Found, x: Floats, free: Bools, prior: Floats) -> tuple[Witness, ...]:
    """Ask upright outlines alone, and level ones, what they would change of a correction ``x`` (7,).

    The prior lies about the correction: of what outlines of one direction do not see, they change nothing.
    """
    channel = np.concatenate([edges.channel for edges in found.objective.points])
    asked = [(name, channel == kind) for name, kind in (("upright", UPRIGHT), ("level", LEVEL))]
    return tuple(_ask(name, found, of, x, free, prior) for name, of in asked if np.count_nonzero(of) >= _LEAST)


def _ask(name: str, found: Found, wanted: Bools, x: Floats, free: Bools, prior: Floats) -> Witness:
    objective, level = found.objective.only(wanted), found.level
    temper = temper_of(objective, level, x)
    top, _ = climb(objective, level, x, free, 1.0 / prior**2, temper, centre=x)
    mean, covariance = posterior(objective, level, top, free, prior, centre=x)
    return Witness(name, np.where(free, mean - x, 0.0), np.sqrt(np.diag(covariance)))
