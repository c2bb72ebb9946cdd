"""How surely a correction is known: from the curvature of the score, its scatter, what errs alike, and a prior.

The score is no likelihood. Its gradient at the truth scatters between parts of the recording that err on their own
(places passed at different times, different stripes of the image), and outlines of one kind are all seen a little too
wide or too narrow by both sensors (a beam is wider than a point, a lens blurs, the sun lights one side), which no
number of frames averages out. With M the covariance of both and H the curvature, H M^-1 H is what the score knows
(Godambe 1960; Varin, Reid and Firth, "An overview of composite likelihood methods", Statistica Sinica 2011). The prior
says how far mounts and clocks go wrong: without it a shift along the view of a steadily moving robot could not be told
from a late stamp.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.objective import Level, Objective
from perception_core.calibration.problem import ROTATION, UNKNOWNS

Floats = NDArray[np.float64]

STEPS = np.array([1e-3, 1e-3, 1e-3, 1e-2, 1e-2, 1e-2, 5e-3])
"""Radians, metres and seconds by which the unknowns are varied to see the curvature: about a pixel at 10 m."""
_ALIKE_STEPS, _ALIKE_PIXELS = 0.15, 0.5
"""By how much outlines of one kind are seen too wide: a share of the step between rays, and pixels."""
_BEAM_ACCURACY = np.radians(0.05)
"""Radians by which the directions of all beams, or of all pixels, may be off inside of the sensors themselves."""
_PERTURBED = 64


@dataclass(frozen=True, slots=True)
class Witness:
    """What some of the outlines ask for on their own.

    Attributes:
        name: which outlines.
        beyond: float64 (7,) by how much they would change the correction.
        sigma: float64 (7,) how surely, one standard deviation.
    """

    name: str
    beyond: Floats
    sigma: Floats


@dataclass(frozen=True, slots=True)
class Estimate:
    """The correction that a recording asks for.

    Attributes:
        x: float64 (7,) roll, pitch, yaw (rad), x, y, z (m), time offset (s), as :mod:`problem` defines them.
        covariance: float64 (7, 7), prior included; rows of what was not looked for are 0.
        prior: float64 (7,) standard deviations before anything was seen.
        clarity: by how many standard deviations the score stands out of those of turns drawn at random.
        rival: by how many standard deviations another correction scores less that stands as well; infinite without one.
        witnesses: what upright outlines alone ask for, and level ones.
    """

    x: Floats
    covariance: Floats
    prior: Floats
    clarity: float
    rival: float
    witnesses: tuple[Witness, ...]

    @property
    def sigma(self) -> Floats:
        """Standard deviations (7,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def posterior(
    objective: Objective,
    level: Level,
    x: Floats,
    free: NDArray[np.bool_],
    prior: Floats,
    centre: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return mean (7,) and covariance (7, 7) after one step from ``x``, which is near the top of the score.

    The score asks for x + H^-1 g with the precision H M^-1 H; in this form H is nowhere inverted, and in directions of
    which the score knows nothing the prior decides: that of a camera as calibrated, or one about ``centre`` (7,).
    """
    at = np.ix_(free, free)
    values, vectors = np.linalg.eigh(curvature(objective, level, x)[at])
    H = (vectors * np.maximum(values, 0.0)) @ vectors.T
    M = _steadied(scatter(objective, level, x)[at], H, _parts(objective)) + _alike(objective, level, x)[at]
    M += np.diag(1e-9 * np.diag(M) + 1e-12)
    weight = np.linalg.solve(M, H).T
    covariance = np.linalg.inv(weight @ H + np.diag(1.0 / prior[free] ** 2))
    gradient = objective.total(level, x)[1:][free]
    mean, full = np.zeros(UNKNOWNS), np.zeros((UNKNOWNS, UNKNOWNS))
    middle = np.zeros(UNKNOWNS) if centre is None else centre
    mean[free] = middle[free] + covariance @ (weight @ (H @ (x - middle)[free] + gradient))
    full[at] = 0.5 * (covariance + covariance.T)
    full[ROTATION, ROTATION] += np.eye(3) * _BEAM_ACCURACY**2
    return mean, full


def curvature(objective: Objective, level: Level, x: Floats) -> Floats:
    """Return minus the second derivative of the score, float64 (7, 7), from differences of the gradient."""
    H = np.empty((UNKNOWNS, UNKNOWNS))
    for k, step in enumerate(STEPS):
        e = np.zeros(UNKNOWNS)
        e[k] = step
        H[k] = -(objective.total(level, x + e)[1:] - objective.total(level, x - e)[1:]) / (2.0 * step)
    return np.asarray(0.5 * (H + H.T))


def scatter(objective: Objective, level: Level, x: Floats) -> Floats:
    """Return the covariance (7, 7) of the score's gradient, from how it differs between the clusters."""
    gradients = objective.rows(level, x)[:, 1:]
    sums = np.zeros((int(objective.clusters.max(initial=-1)) + 1, UNKNOWNS))
    np.add.at(sums, objective.clusters, gradients)
    sums = sums[(sums != 0.0).any(axis=1)]
    n = max(len(sums), 2)
    sums -= sums.mean(axis=0) if len(sums) else 0.0
    return np.asarray(sums.T @ sums * n / (n - 1))


def _parts(objective: Objective) -> int:
    """Return how many clusters there are."""
    return len(np.unique(objective.clusters))


def _steadied(M: Floats, H: Floats, parts: int) -> Floats:
    """Return the scatter (K, K) as far as ``parts`` clusters tell it, joined with the curvature's idea of it.

    A covariance from hardly more samples than unknowns has directions in which it is small by chance, which would pass
    for certainty. It is drawn towards a multiple of the curvature, to which a likelihood's scatter is equal, and made
    larger, both by unknowns over samples (Ledoit and Wolf 2004; Hartlap, Simon and Schneider 2007).
    """
    values, vectors = np.linalg.eigh(H)
    good = values > 1e-6 * max(float(values.max(initial=0.0)), 1e-12)
    spread = np.einsum("ik,ij,jk->k", vectors, M, vectors)
    factor = float(np.median(spread[good] / values[good])) if good.any() else 1.0
    share = len(M) / max(parts, 1)
    return np.asarray(M + share * factor * H)


def clarity(objective: Objective, level: Level, x: Floats, reach: float) -> float:
    """Return how far the score at ``x`` stands out of those of turns drawn within ``reach`` (rad), in their deviations.

    The idea to compare with perturbed calibrations is Levinson and Thrun's (RSS 2013, section IV).
    """
    turns = np.random.default_rng(0).uniform(-reach, reach, (_PERTURBED, 3))
    chance = [objective.total(level, np.append(x[ROTATION] + turn, x[3:]))[0] for turn in turns]
    return float((objective.total(level, x)[0] - np.mean(chance)) / max(float(np.std(chance)), 1e-9))


def _alike(objective: Objective, level: Level, x: Floats) -> Floats:
    """Return the covariance (7, 7) of the gradient when the outlines of each kind are seen too wide together."""
    shifts = []
    for edges, T, K in zip(objective.points, objective.views.T_base_camera, objective.views.K, strict=True):
        away = np.linalg.norm(edges.points - T[:3, 3], axis=1)
        angle = np.hypot(_ALIKE_STEPS * edges.step, _ALIKE_PIXELS / K[0, 0])
        shifts.append(edges.outward * (angle * away)[:, None])
    change = objective.rows(level, x, shifts)[:, 1:] - objective.rows(level, x)[:, 1:]
    kinds = np.zeros((int(objective.groups.max(initial=-1)) + 1, UNKNOWNS))
    np.add.at(kinds, objective.groups, change)
    return np.asarray(kinds.T @ kinds)
