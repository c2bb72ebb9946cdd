"""Sizes of road users, for completing a box over its hidden side and for judging a depth from a pixel height.

Means and spreads are the usual anchor statistics of KITTI (Geiger et al. 2012; anchors of Lang et al. 2019,
PointPillars) and nuScenes (Caesar et al. 2020), rounded between the two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.types import classes


@dataclass(frozen=True, slots=True)
class SizePrior:
    """Length, width, height in metres: mean (3,) and standard deviation (3,)."""

    mean: NDArray[np.float64]
    sigma: NDArray[np.float64]


def _prior(length: float, width: float, height: float, sl: float, sw: float, sh: float) -> SizePrior:
    return SizePrior(np.array([length, width, height]), np.array([sl, sw, sh]))


SIZE_PRIORS: dict[str, SizePrior] = {
    classes.CAR: _prior(4.1, 1.72, 1.58, 0.50, 0.15, 0.25),
    classes.TRUCK: _prior(7.0, 2.50, 3.00, 2.50, 0.25, 0.60),
    classes.BUS: _prior(11.0, 2.70, 3.30, 1.80, 0.25, 0.40),
    classes.TRAIN: _prior(16.0, 2.60, 3.50, 4.00, 0.30, 0.40),
    classes.MOTORCYCLE: _prior(2.0, 0.75, 1.50, 0.30, 0.15, 0.25),
    classes.BICYCLE: _prior(1.7, 0.60, 1.20, 0.20, 0.15, 0.20),
    classes.CYCLIST: _prior(1.75, 0.60, 1.73, 0.20, 0.15, 0.15),
    classes.PERSON: _prior(0.75, 0.62, 1.73, 0.20, 0.15, 0.18),
    classes.ANIMAL: _prior(0.9, 0.40, 0.70, 0.40, 0.20, 0.30),
}
"""Prior of each class that has one; ``unknown`` has none and is never completed."""

VAN = _prior(5.1, 1.90, 2.20, 0.50, 0.14, 0.25)
"""Vans count as cars, of which they are one in eight (KITTI labels them apart)."""

KINDS: tuple[tuple[str, float, SizePrior], ...] = (
    *(
        (name, 0.875 if name == classes.CAR else 1.0, SIZE_PRIORS[name])
        for name in classes.CLASSES
        if name in SIZE_PRIORS
    ),
    (classes.CAR, 0.125, VAN),
)
"""Class, share of it and size of every kind of thing that has one."""

VEHICLES: frozenset[str] = frozenset({classes.CAR, classes.TRUCK, classes.BUS, classes.TRAIN})
"""Classes whose hidden side is filled: solid, and longer than they are wide."""

SPEED_SIGMA: dict[str, float] = dict.fromkeys(VEHICLES, 4.0) | {
    classes.MOTORCYCLE: 4.0,
    classes.BICYCLE: 2.0,
    classes.CYCLIST: 3.0,
    classes.PERSON: 1.2,
    classes.ANIMAL: 1.5,
}
"""m/s across the line of sight in towns, standard deviation: so far does what moves leave its place in an old image."""
