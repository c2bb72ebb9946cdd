"""The point of a box by which it is followed: the side or corner nearest to the sensor.

A LiDAR sees one or two faces of an object. The centre of what was seen wanders as the robot passes, the near
corner does not (Kellner et al. 2015, "Tracking of extended objects with high-resolution Doppler radar", and
the usual L-shape trackers). So innovations are taken between anchors of track and measurement, and whenever
the believed size or yaw of a track changes, its centre is moved so that its anchor stays: neither makes a
velocity.

An anchor is given by ``side`` (2,) in [-1, 1] along length and width: 0 is the middle of the box, +-1 a face.
A face counts as seen when the line of sight meets it steeply enough; in between the anchor slides, so it
never jumps.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

QUARTER = math.pi / 2.0

_TURNED_AWAY = 0.5
"""An end on the far side, while the near side is seen by more than this, is no anchor: it is the body's own edge."""

LOOSE_SIGMA = 0.5
"""Metres by which a part with two loose ends may lie beside the track."""


def visible_sides(centre: Floats, size: Floats, yaw: Floats, sensor: Floats, grazing_sine: float) -> Floats:
    """Return the anchors' sides (T, 2) of T boxes seen from one point.

    Args:
        centre: (T, >=2) metres.
        size: (T, >=2) metres.
        yaw: (T,) radians.
        sensor: (>=2,) metres, where the sensor stands.
        grazing_sine: sine of the angle of incidence from which a face counts as fully seen.
    """
    d = sensor[None, :2] - centre[:, :2]
    c, s = np.cos(yaw), np.sin(yaw)
    local = np.stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1]], axis=1)
    distance = np.maximum(np.hypot(d[:, 0], d[:, 1]), 1e-3)
    beyond = np.abs(local) - size[:, :2] / 2.0
    return np.sign(local) * np.clip(beyond / (grazing_sine * distance[:, None]), 0.0, 1.0)


def anchor_offset(size: Floats, yaw: Floats, side: Floats) -> Floats:
    """Return the vectors (T, 2) in metres from the centres of T boxes to their anchors."""
    along, across = side[:, 0] * size[:, 0] / 2.0, side[:, 1] * size[:, 1] / 2.0
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * along - s * across, s * along + c * across], axis=1)


@njit(cache=True)
def quarter_turns(yaw: float, target: float) -> int:
    """Return how many quarter turns bring ``yaw`` nearest to ``target`` (radians)."""
    return int(np.rint((target - yaw) / QUARTER))


@njit(cache=True)
def anchored_innovation(
    track_centre: Floats,
    track_size: Floats,
    track_yaw: float,
    side: Floats,
    known: Mask,
    centre: Floats,
    size: Floats,
    yaw: float,
    noise: Floats,
    lidar: bool,
    loose: Mask,
    face_variance: float,
    innovation: Floats,
    innovation_noise: Floats,
) -> tuple[float, float, bool, bool]:
    """Compare one measured box with one track by their anchors.

    Where the end that the anchor stands for is loose in the measured box, see :mod:`perception_core.tracking.ends`, or
    not known of the track, the other end takes its place. With neither the visible part may lie anywhere within the
    track: what counts is by how much it sticks out, with a noise of ``LOOSE_SIGMA``.

    Args:
        track_centre: (3,), track_size (3,), track_yaw: the predicted box; ``side`` (2,) its anchor; ``known``
            bool (2, 2) its ends that were seen the last time.
        centre: (3,), size (3,), yaw: the measured box; ``noise`` (3, 3) the covariance of its centre.
        lidar: False: compare the centres; nothing is known of the faces.
        loose: bool (2, 2) loose ends of the measured box.
        face_variance: m^2 of a seen face, which takes the place of the centre's variance along that
            direction.
        innovation: (3,) out, measured minus predicted, metres.
        innovation_noise: (3, 3) out, its measurement part, m^2.

    Returns:
        The anchor's sides along length and width of the track in [-1, 1]; and for both whether it has two loose ends.
    """
    innovation[:] = centre - track_centre
    innovation_noise[:] = noise
    if not lidar:
        return 0.0, 0.0, False, False
    turns = quarter_turns(yaw, track_yaw)
    measured_yaw = yaw + turns * QUARTER
    length, width = size[0], size[1]
    if turns % 2 != 0:
        length, width = width, length
    c, s = math.cos(track_yaw), math.sin(track_yaw)
    cm, sm = math.cos(measured_yaw), math.sin(measured_yaw)
    a, a_loose = _trusted_side(side[0], known[0], loose, turns)
    b, b_loose = _trusted_side(side[1], known[1], loose, turns + 1)
    dx, dy = innovation[0], innovation[1]
    x = dx + (cm * a * length - sm * b * width - (c * a * track_size[0] - s * b * track_size[1])) / 2.0
    y = dy + (sm * a * length + cm * b * width - (s * a * track_size[0] + c * b * track_size[1])) / 2.0
    along, across = c * x + s * y, c * y - s * x
    along_variance = c * c * noise[0, 0] + 2.0 * c * s * noise[0, 1] + s * s * noise[1, 1]
    across_variance = s * s * noise[0, 0] - 2.0 * c * s * noise[0, 1] + c * c * noise[1, 1]
    skew = math.sin(measured_yaw - track_yaw) / 2.0
    if a_loose:
        along, along_variance = sticking_out(c * dx + s * dy, length, track_size[0]), LOOSE_SIGMA**2
    else:
        missing = track_size[0] - length
        along_variance = _anchor_variance(along_variance, abs(a), face_variance, missing, skew * width)
    if b_loose:
        across, across_variance = sticking_out(c * dy - s * dx, width, track_size[1]), LOOSE_SIGMA**2
    else:
        missing = track_size[1] - width
        across_variance = _anchor_variance(across_variance, abs(b), face_variance, missing, skew * length)
    innovation[0], innovation[1] = c * along - s * across, s * along + c * across
    innovation_noise[0, 0] = c * c * along_variance + s * s * across_variance
    innovation_noise[1, 1] = s * s * along_variance + c * c * across_variance
    innovation_noise[0, 1] = c * s * (along_variance - across_variance)
    innovation_noise[1, 0] = innovation_noise[0, 1]
    innovation_noise[0, 2] = innovation_noise[2, 0] = 0.0
    innovation_noise[1, 2] = innovation_noise[2, 1] = 0.0
    return a, b, a_loose, b_loose


@njit(cache=True)
def _trusted_side(side: float, known: Mask, loose: Mask, quarter: int) -> tuple[float, bool]:
    """Return the anchor's place along one axis of the track, and whether there is no end to be trusted.

    ``known``: bool (2,) ends of the track there; ``quarter``: the axis, counted in quarter turns from the length of
    the measured box.
    """
    q = quarter % 4
    axis, flip = q % 2, q >= 2
    lower, upper = loose[axis, 1 if flip else 0] or not known[0], loose[axis, 0 if flip else 1] or not known[1]
    if lower and upper:
        return 0.0, True
    other = 1.0 if lower else -1.0
    if not (lower or upper):
        return side, False
    if side * other < -_TURNED_AWAY:
        return 0.0, True
    return other, False


@njit(cache=True)
def sticking_out(offset: float, size: float, track_size: float) -> float:
    """Return by how many metres the part, its middle at ``offset``, leaves the interval of the track around 0."""
    room = max(track_size - size, 0.0) / 2.0
    return offset - min(max(offset, -room), room)


@njit(cache=True)
def _anchor_variance(centre_variance: float, seen: float, face_variance: float, missing: float, skew: float) -> float:
    """Return the variance in m^2 of an anchor along one axis of the box.

    Blends from the centre's variance to the face's. Without a face, a part not seen (``missing`` metres) may lie on
    either end; a face measured askew has its ends ``skew`` metres off.
    """
    slack = (1.0 - seen) * max(missing, 0.0) / 2.0
    face = min(centre_variance, face_variance) + skew * skew
    return (1.0 - seen) * centre_variance + seen * face + slack * slack
