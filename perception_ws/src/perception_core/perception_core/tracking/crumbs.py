"""Crumbs: what is too small to be anything of a vehicle that moves.

A beam hits a low rail at one place from the robot, whichever way it drives: a few points that go along with it, and
with what drives beside it. A vehicle's track that lost its vehicle would follow them for as long as the rail goes on.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import imm
from perception_core.tracking.table import TrackTable

_VEHICLE = 2.0
"""Metres from which on what moves is no person."""

_CRUMB = 0.9
"""Metres: of any side of a vehicle more is seen, in one direction at least."""

_SHARE = 0.5
"""Share of the height below which something is a crumb."""


def of_moving(tracks: TrackTable, size: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell for which pairs (T, M) the track is a vehicle that moves, and the box of ``size`` (M, 3) metres a crumb."""
    moving = (tracks.model_probability[:, imm.STILL] < 0.5) & (tracks.size[:, :2].max(axis=1) > _VEHICLE)
    low = size[None, :, 2] < np.minimum(_CRUMB, _SHARE * tracks.size[:, 2])[:, None]
    return moving[:, None] & (size[:, :2].max(axis=1) < _CRUMB) & low
