"""Finding the correction under which depth steps lie best on image edges.

A grid over turns (and the time offset) on coarse edges, so that two degrees are found again, then BFGS on ever finer
ones, and in the end from what else rises beside the highest top: coarse edges blur lines that lie side by side. On the
way the score is weighed against the prior as if it were a log-likelihood; it is none (neighbouring points err together,
and so do the frames of a robot that stands), so that it is tempered until its curvature says what its scatter between
independent parts of the scene says (Ribatet, Cooley and Davison, "Bayesian inference from composite
likelihoods", Statistica Sinica 2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.image_edges import LEVEL, UPRIGHT
from perception_core.calibration.objective import Level, Objective, make_level
from perception_core.calibration.posterior import STEPS, curvature, scatter
from perception_core.calibration.problem import OFFSET, ROTATION, UNKNOWNS

Floats = NDArray[np.float64]

_LEVELS = ((0.25, 12.0, 5_000), (0.5, 5.0, 10_000), (1.0, 2.5, 30_000))
"""Scale of the image, spread of its edges in pixels of the full one, and points looked at: coarse to fine."""
_BEAM_SHARE = 0.4
"""Share of the step between rays that edges are at least spread by: outlines are not better known than that."""
_TURNS, _ROLLS, _OFFSETS = 9, 5, 7
_OFFSET_SPACING = 0.07
_STARTS = 3
_BESIDE = 8
"""Widths of the finest edges to either side within which other tops are looked for: beyond, coarse edges part them."""
_FIRST_TEMPER = 0.02
_FARTHEST = 4.0
"""Standard deviations of the prior beyond which a top is none, if it is beyond the reach as well."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended.

    Attributes:
        objective: the points of the last level.
        level: its edges.
        temper: factor on the score that makes it weigh against the prior as a log-likelihood does.
        tops: (unknowns (7,), value as the prior weighs it), the highest first, at least one.
    """

    objective: Objective
    level: Level
    temper: float
    tops: tuple[tuple[Floats, float], ...]

    def lead(self, first: int, second: int) -> float:
        """Return by how many standard deviations one top is higher than another.

        The deviation comes from how the stripes of the image differ in what an outline gains (Vuong, "Likelihood ratio
        tests for model selection and non-nested hypotheses", Econometrica 1989; Cochran, "Sampling techniques", 1977,
        6.4, on ratios). Each stripe is taken over the whole recording: along a guard rail or a row of houses the same
        line stays in the same stripe however far the robot drives, and misleads in the same way.
        """
        objective, (x, value), (other, lower) = self.objective, self.tops[first], self.tops[second]
        gain = objective.rows(self.level, x)[:, 0] - objective.rows(self.level, other)[:, 0]
        stripes = np.bincount(objective.stripes)
        beyond = np.bincount(objective.stripes, gain) - float(gain.mean()) * stripes
        count = max(2, int((stripes > 0).sum()))
        deviation = float(np.sqrt((beyond**2).sum() * count / (count - 1)))
        return (value - lower) / max(self.temper * deviation, 1e-9)


def find(
    whole: Objective,
    strengths: Sequence[NDArray[np.uint8]],
    free: NDArray[np.bool_],
    prior: Floats,
    config: CalibrationCheckConfig,
) -> Found:
    """Search all of the reach.

    Args:
        whole: all depth steps.
        strengths: uint8 (2, H, W) edges of each frame's image.
        free: bool (7,) which unknowns are looked for.
        prior: float64 (7,) standard deviations.
        config: how far to search.
    """
    precision, temper = 1.0 / prior**2, _FIRST_TEMPER
    starts: list[Floats] = []
    tops: list[tuple[Floats, float]] = []
    objective, level = whole, Level(1.0, ())
    for scale, width, most in _LEVELS:
        objective = whole.thinned(most)
        level = make_level(strengths, scale, _widths(whole, width))
        starts = [x for x, _ in tops] or _starts(objective, level, free, precision, config)
        tops = _tops(objective, level, _apart([np.zeros(UNKNOWNS), *starts]), free, precision, temper)
        tops = _within(tops, prior, config) or [(np.zeros(UNKNOWNS), 0.0)]
        temper = temper_of(objective, level, tops[0][0])
    starts = _apart([*(x for x, _ in tops), *_beside(objective, level, tops[0][0])])
    tops = _within(_tops(objective, level, starts, free, precision, temper), prior, config) or tops
    return Found(objective, level, temper, tuple(tops))


def _widths(objective: Objective, width: float) -> tuple[float, float]:
    """Return the spread in pixels of upright and level edges."""
    views = zip(objective.points, objective.views.K, strict=True)
    pixels = [(e.step * K[0, 0], e.channel) for e, K in views]
    step, channel = (np.concatenate(part) for part in zip(*pixels, strict=True))
    wide = [step[channel == kind] for kind in (UPRIGHT, LEVEL)]
    upright, level = (max(width, _BEAM_SHARE * float(np.median(w))) if len(w) else width for w in wide)
    return upright, level


def _starts(
    objective: Objective, level: Level, free: NDArray[np.bool_], precision: Floats, config: CalibrationCheckConfig
) -> list[Floats]:
    """Return the best places (7,) of a grid that lie apart from each other, and the calibration itself."""
    reach = np.radians(config.reach)
    turns, rolls = np.linspace(-reach, reach, _TURNS), np.linspace(-reach, reach, _ROLLS)
    offsets = np.linspace(-config.offset_reach, config.offset_reach, _OFFSETS) if free[OFFSET] else np.zeros(1)
    grid = np.array([(r, p, y, 0.0, 0.0, 0.0, c) for c in offsets for r in rolls for p in turns for y in turns])
    penalty = 0.5 * (grid**2 * precision).sum(axis=1)
    values = np.array([_FIRST_TEMPER * objective.total(level, x)[0] for x in grid]) - penalty
    apart = 1.5 * np.array([reach / 2, reach / 4, reach / 4, 1.0, 1.0, 1.0, _OFFSET_SPACING])
    starts: list[Floats] = [np.zeros(UNKNOWNS)]
    for k in np.argsort(-values, kind="stable"):
        if len(starts) > _STARTS:
            break
        if all((np.abs(grid[k] - other) > apart).any() for other in starts[1:]):
            starts.append(grid[k])
    return starts


def _apart(starts: Sequence[Floats]) -> list[Floats]:
    """Return the places (7,) without those that lie within a pixel or so of one before."""
    kept: list[Floats] = []
    for start in starts:
        if all((np.abs(start - other) > STEPS).any() for other in kept):
            kept.append(start)
    return kept


def _beside(objective: Objective, level: Level, x: Floats) -> list[Floats]:
    """Return turns near ``x`` (7,) at which the score is higher than at those beside, the highest first.

    Lines some pixels apart are one on coarse edges, so that all starts end on the same.
    """
    finest = _LEVELS[-1][1] / float(objective.views.K[0, 0, 0])
    places: list[tuple[float, Floats]] = []
    for axis, spacing in enumerate((2.0 * finest, finest, finest)):
        line = np.tile(x, (2 * _BESIDE + 1, 1))
        line[:, axis] += spacing * np.arange(-_BESIDE, _BESIDE + 1)
        values = [float(objective.total(level, at)[0]) for at in line]
        inner = (k for k in range(1, len(line) - 1) if k != _BESIDE)
        places += [(values[k], line[k]) for k in inner if values[k - 1] < values[k] >= values[k + 1]]
    return [at for _, at in sorted(places, key=lambda place: -place[0])[:_STARTS]]


def _within(
    tops: Sequence[tuple[Floats, float]], prior: Floats, config: CalibrationCheckConfig
) -> list[tuple[Floats, float]]:
    """Return the tops that lie where was searched: others were slid to, along edges that are none of the outlines'."""
    farthest = _FARTHEST * prior
    farthest[ROTATION] = np.maximum(farthest[ROTATION], 1.25 * np.radians(config.reach))
    farthest[OFFSET] = max(farthest[OFFSET], 1.25 * config.offset_reach)
    return [(x, value) for x, value in tops if (np.abs(x) <= farthest).all()]


def _tops(
    objective: Objective,
    level: Level,
    starts: Sequence[Floats],
    free: NDArray[np.bool_],
    precision: Floats,
    temper: float,
) -> list[tuple[Floats, float]]:
    """Climb from every start; return (unknowns, value), the highest first."""
    tops = [climb(objective, level, start, free, precision, temper) for start in starts]
    return sorted(tops, key=lambda top: -top[1])


def climb(
    objective: Objective,
    level: Level,
    start: Floats,
    free: NDArray[np.bool_],
    precision: Floats,
    temper: float,
    centre: Floats | None = None,
) -> tuple[Floats, float]:
    """Return the unknowns (7,) at the top reached by BFGS, in units of the prior, and the value there.

    The prior is that of a camera as calibrated, or one about ``centre`` (7,).
    """
    unit = 1.0 / np.sqrt(precision[free])
    middle = np.zeros(UNKNOWNS) if centre is None else centre

    def unpack(z: Floats) -> Floats:
        x = np.zeros(UNKNOWNS)
        x[free] = middle[free] + z * unit
        return x

    def loss(z: Floats) -> tuple[float, Floats]:
        total = objective.total(level, unpack(z))
        return 0.5 * float(z @ z) - temper * float(total[0]), z - temper * total[1:][free] * unit

    done = minimize(loss, (start - middle)[free] / unit, jac=True, method="BFGS", options={"maxiter": 60, "gtol": 1e-3})
    return unpack(done.x), -float(done.fun)


def temper_of(objective: Objective, level: Level, x: Floats) -> float:
    """Return the factor on the score under which its curvature by the turns equals its scatter."""
    H, M = curvature(objective, level, x)[:3, :3], scatter(objective, level, x)[:3, :3]
    values, vectors = np.linalg.eigh(H)
    good = values > 1e-3 * max(float(values.max()), 1e-9)
    spread = np.einsum("ik,ij,jk->k", vectors, M, vectors)
    return float(1.0 / max(float(np.mean(spread[good] / values[good])), 1e-9)) if good.any() else _FIRST_TEMPER
