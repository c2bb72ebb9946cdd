"""Class probabilities from camera matches and, weakly, from the shape of a cluster.

Each camera match is a measurement with a confusion model: with trust ``p`` the named class is right, the rest spreads
evenly over the others; ``unknown`` keeps a share so that a low score never names a class for sure.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.config import FusionConfig
from perception_core.types import CLASSES
from perception_core.types.classes import CAR, INDEX, UNKNOWN

_N = len(CLASSES)


def from_matches(matches: Sequence[tuple[int, float]], config: FusionConfig) -> NDArray[np.float64]:
    """Fuse (class index, detection score) of all cameras that see one cluster; float64 (C,), sums to 1."""
    log = np.zeros(_N)
    for class_id, score in matches:
        right = config.camera_trust * score
        likelihood = np.full(_N, (1.0 - right) / (_N - 1))
        likelihood[class_id] = max(right, likelihood[class_id])
        likelihood[INDEX[UNKNOWN]] = max(1.0 - right, likelihood[INDEX[UNKNOWN]]) / 2
        log += np.log(likelihood)
    p = np.exp(log - log.max())
    fused: NDArray[np.float64] = p / p.sum()
    return fused


def from_shape(
    size: NDArray[np.float64], top: float, config: FusionConfig, background: bool = False
) -> NDArray[np.float64]:
    """Class probabilities (C,) of a cluster that no camera names: ``unknown``, or weakly a car.

    Args:
        size: (3,) of the visible box, metres.
        top: height of its top above the base frame's ground, metres.
        config: gives the probability of car.
        background: a camera shows ground, plants, buildings or sky there: it is no car.
    """
    p = np.zeros(_N)
    car = config.shape_car_probability if looks_like_car(size, top) and not background else 0.0
    p[INDEX[CAR]] = car
    p[INDEX[UNKNOWN]] = 1.0 - car
    return p


def looks_like_car(size: NDArray[np.float64], top: float) -> bool:
    """Tell whether a visible box could be a passenger car: 1.3 to 5.2 m long, at most 2.2 m wide, 0.9 to 2.3 m high."""
    return bool(1.3 <= size[0] <= 5.2 and size[1] <= 2.2 and size[2] >= 0.6 and 1.0 <= top <= 2.3)
