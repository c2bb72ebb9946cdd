"""How often which class is met at all, before anything is known of a thing: where every belief of a class begins."""

import numpy as np
from numpy.typing import NDArray

from perception_core.types.classes import (
    ANIMAL,
    BICYCLE,
    BUS,
    CAR,
    CLASSES,
    CYCLIST,
    MOTORCYCLE,
    PERSON,
    TRAIN,
    TRUCK,
    UNKNOWN,
)

CLASS_PRIOR: dict[str, float] = {
    CAR: 0.15,
    TRUCK: 0.03,
    BUS: 0.02,
    MOTORCYCLE: 0.01,
    BICYCLE: 0.02,
    CYCLIST: 0.03,
    PERSON: 0.10,
    ANIMAL: 0.005,
    TRAIN: 0.005,
    UNKNOWN: 0.63,
}
"""Share of each class among the clusters of a scan, before anything is known of one: most are poles, walls and bushes;
the others in the proportions of KITTI and nuScenes, rounded."""

UNNAMED_SHARE = 0.1
"""Most that all named classes together get in the report of a thing that no camera names, however well its shape fits:
so much says nothing, and less says that the shape does not fit. Fusion tells it and tracking reads it: no parameter."""


def class_prior() -> NDArray[np.float64]:
    """Return float64 (C,) the shares of the classes, columns as ``CLASSES``."""
    return np.array([CLASS_PRIOR[name] for name in CLASSES])
