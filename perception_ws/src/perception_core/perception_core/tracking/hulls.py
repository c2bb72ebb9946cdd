"""Footprints of what has no class: as they were seen, around the middle of their track."""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking.measurements import NO_HULL

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def around(hulls: NDArray[np.object_], centre: Floats) -> NDArray[np.object_]:
    """Return footprints (K,) of corners (H, 2) as seen from the centres (K, >=2)."""
    out = np.full(len(hulls), None, np.object_)
    for i, hull in enumerate(hulls.tolist()):
        out[i] = hull - centre[i, :2] if len(hull) else hull
    return out


def bare(hulls: NDArray[np.object_], partly: Mask) -> NDArray[np.object_]:
    """Return footprints (K,) without the corners of those of which only a part is seen."""
    out = hulls.copy()
    for i in np.flatnonzero(partly):
        out[i] = NO_HULL
    return out
