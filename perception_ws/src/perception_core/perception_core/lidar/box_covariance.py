"""How well the centre of a box around what was seen stands for the centre of the whole object.

Along each box axis the object may reach farther than what was seen: away from the sensor, where its own near face
hides it, and to a side on which a nearer thing ends the view. How much is missing is judged by the shape of what is
seen: something as wide as a car or truck but short in depth is the end of one. A missing length m moves the centre by
m / 2 when the object has its usual size, so that m^2 / 4 is the variance; behind the edge of a nearer thing anything up
to m is as likely, which makes m^2 / 12.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.lidar.directions import wrapped
from perception_core.lidar.jit import F64, I32, Mask, kernel

SEEN_SIGMA = 0.04
"""Metres; a face that is seen, at the robot."""
SPACING = 0.0035
"""Metres a metre of range between neighbouring beams (0.2 degrees): where a face ends is known to half of that."""
SLIM = 1.2
"""Metres; what is narrower than this in both directions is no part of a vehicle's broad side."""
SLIM_DEPTH = 0.3
"""Metres of a person or pole that its near side hides, in the mean square."""
FACE = 2.4
"""Metres; a longer side is the length of a vehicle, a shorter one its width."""
LOW_VEHICLE = 4.3, 1.8
"""Length and width in metres of a car."""
HIGH_VEHICLE = 8.5, 2.5
"""Length and width in metres of a truck or bus."""
HIGH = 2.3
"""Metres above ground from where on a vehicle is no car."""
BROAD = 2.25
"""Metres; a body wider than this is that of a truck or bus, also where the view of it ends below its roof."""
FLOATING = 0.5
"""Metres above ground from where on a slim thing is a fragment of a larger one."""
UPRIGHT_HEIGHT, UPRIGHT_WIDTH = 0.9, 1.8
"""Metres; slim things of this height are mostly people, and sometimes the one part of a car that a nearer thing leaves
to be seen: what it hides of them, in the mean square."""
SLIM_HIDDEN = 2.5
"""Metres of depth, in the same sense, of a slim thing at whose side a nearer one ends the view."""
KINDS = 0.5, 0.2
"""Metres, standard deviation, by which the length and width of vehicles of one kind differ."""
ROUND = 0.1
"""Share of the variance along one axis that the other has where the box is square: its heading is a guess."""
UNSURE_END = 1.5
"""Metres that may be hidden of a vehicle whose usual length was seen, where a nearer thing ends the view."""
WALL = 12.0
"""Metres; longer sides belong to structures, of which every part is seen as good as any other."""
SPREAD = 0.25
"""Share of a missing length by which objects of a kind differ."""
BINS = 1440
"""Directions of the horizon."""
BEYOND = 6
"""Directions (1.5 degrees) beyond an end that are looked at."""
NEARER = 0.4
"""Metres by which the thing in front must be nearer."""


@kernel
def hidden_ends(azimuth: F64, reach: F64, labels: I32, count: int, cell_size: float) -> Mask:
    """Tell where the view of a cluster ends at a nearer thing: bool (M, 2), clockwise and counter-clockwise end.

    Args:
        azimuth, reach: float64 (C,) cells as the sensor sees them.
        labels: int32 (C,) cluster of each cell, -1 for none.
        count: M.
        cell_size: metres.
    """
    horizon = np.full(BINS, 1e18)
    first, last, far = np.full(count, 1e18), np.full(count, -1e18), np.empty((count, 2))
    middle = np.full(count, 1e18)
    for c in range(len(azimuth)):
        k = labels[c]
        if k < 0:
            continue
        half = 0.5 * cell_size / max(reach[c], cell_size)
        for b in range(_bin(azimuth[c] - half), _bin(azimuth[c] + half) + 1):
            horizon[b % BINS] = min(horizon[b % BINS], reach[c])
        if middle[k] > 1e17:
            middle[k] = azimuth[c]
        turn = wrapped(azimuth[c] - middle[k])
        if turn < first[k]:
            first[k], far[k, 0] = turn, reach[c]
        if turn > last[k]:
            last[k], far[k, 1] = turn, reach[c]
    out = np.zeros((count, 2), np.bool_)
    for k in range(count):
        if middle[k] < 1e17:
            for i in range(1, BEYOND + 1):
                out[k, 0] |= horizon[(_bin(middle[k] + first[k]) - i) % BINS] < far[k, 0] - NEARER
                out[k, 1] |= horizon[(_bin(middle[k] + last[k]) + i) % BINS] < far[k, 1] - NEARER
    return out


@kernel
def _bin(azimuth: float) -> int:
    return int(np.floor(azimuth * (BINS / (2.0 * np.pi)))) + BINS


def centre_covariance(
    centre: F64, size: F64, yaw: F64, bottom: NDArray[np.float32], top: NDArray[np.float32], hidden: Mask, sensor: F64
) -> F64:
    """Covariance (M, 3, 3) of the box centre against the centre of the whole object.

    Args:
        centre, size: float64 (M, 3) boxes of what was seen, base frame.
        yaw: float64 (M,) radians.
        bottom, top: float32 (M,) metres above ground.
        hidden: bool (M, 2) whether a nearer thing ends the view at the clockwise and counter-clockwise end.
        sensor: (3,) metres, base frame.
    """
    c, s = np.cos(yaw), np.sin(yaw)
    to_sensor = sensor[:2] - centre[:, :2]
    local = np.stack([c * to_sensor[:, 0] + s * to_sensor[:, 1], c * to_sensor[:, 1] - s * to_sensor[:, 0]], axis=1)
    reach = np.hypot(to_sensor[:, 0], to_sensor[:, 1])
    usual = _usual(size, local, top, bottom)
    missing = np.maximum(usual - size[:, :2], 0.0)
    kinds = np.where((usual[:, 0] < usual[:, 1])[:, None], KINDS[::-1], KINDS)
    vehicle = (size[:, 0] > SLIM) & (size[:, 0] < WALL)
    most = np.where(vehicle, size[:, 0] + UNSURE_END, 0.0)
    behind = np.maximum(np.maximum(np.where(_upright(size), UPRIGHT_WIDTH, LOW_VEHICLE[0]), most) - size[:, 0], 0.0)
    noise = (SEEN_SIGMA + 0.5 * SPACING * reach) ** 2
    aside = local[:, ::-1] ** 2 / np.maximum(reach, 1e-6)[:, None] ** 2
    by_itself = np.abs(local) > size[:, :2] / 2
    partly = hidden.any(axis=1)
    ends = np.minimum(hidden.sum(axis=1)[:, None] * aside, 1.0)
    variance = np.empty((len(centre), 3))
    variance[:, :2] = noise[:, None] + np.where(by_itself, 1.0 + SPREAD**2, 0.0) * missing**2 / 4
    variance[:, :2] += ends * behind[:, None] ** 2 / 12
    variance[:, :2] += np.where(vehicle[:, None], kinds**2 / 4, 0.0)
    deep = partly & (size[:, 0] < SLIM)
    variance[:, :2] += np.where(deep[:, None], (local / np.maximum(reach, 1e-6)[:, None] * SLIM_HIDDEN) ** 2 / 12, 0.0)
    variance[:, :2] += ROUND * (size[:, 1] / np.maximum(size[:, 0], 1e-6))[:, None] ** 2 * variance[:, 1::-1]
    variance[:, 2] = (SEEN_SIGMA + SPACING * reach) ** 2
    rotation = np.zeros((len(centre), 3, 3))
    rotation[:, 0, 0] = rotation[:, 1, 1] = c
    rotation[:, 1, 0], rotation[:, 0, 1] = s, -s
    rotation[:, 2, 2] = 1.0
    out: F64 = (rotation * variance[:, None, :]) @ rotation.transpose(0, 2, 1)
    return out


def _upright(size: F64) -> Mask:
    """Tell which boxes (M,) are as slim and high as a person."""
    out: Mask = (size[:, 0] < SLIM) & (size[:, 2] > UPRIGHT_HEIGHT)
    return out


def _usual(size: F64, local: F64, top: NDArray[np.float32], bottom: NDArray[np.float32]) -> F64:
    """Length and width (M, 2), along the box axes, of the object that what is seen is usually a part of."""
    length, width = size[:, 0], size[:, 1]
    high = (top > HIGH) | ((width > BROAD) & (width < FACE + BROAD))
    usual = np.where(high[:, None], [HIGH_VEHICLE], [LOW_VEHICLE])
    faces_across = np.abs(local[:, 1]) * length > np.abs(local[:, 0]) * width
    an_end = faces_across & (length < FACE)
    out = np.where(an_end[:, None], usual[:, ::-1], usual)
    upright = (length < SLIM) & (bottom < FLOATING)
    out = np.where(upright[:, None], size[:, :2] + SLIM_DEPTH, out)
    structure = (length > WALL) | (width > usual[:, 1] + FACE / 2)
    return np.where(structure[:, None], size[:, :2], out)
