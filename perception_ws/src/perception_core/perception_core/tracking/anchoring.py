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

from perception_core.compiling import frozen

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

QUARTER = math.pi / 2.0

_TURNED_AWAY = 0.5
"""An end on the far side, while the near side is seen by more than this, is no anchor: it is the body's own edge."""

LOOSE_SIGMA = 0.5
"""Metres by which a part with two loose ends may lie beside the track."""

_PART = 0.2
"""Metres by which less is seen than was known before: from there on it is a part of it, not noise."""

_PERSISTENCE = 10.0
"""Looks for which a partial view stays about the same; so many of them tell no more than one."""

THIN, THIN_SHARE = 0.3, 0.15
"""Metres, and share of the length: a face narrower than this is but the edge of the face beside it."""

_CHANGED, _STAYED = 0.5, 0.5
"""Metres by which a box is longer or shorter than the track, and how far its far end has gone at most, as a share of
the near one, where the near end came or went and nothing moved."""

NEW, SETTLED, RIGID = 0, 1, 2
"""How well a track is known: not yet; by what it does; and as a body that stands, and does not change."""

_PIECE = 0.5
"""Share of the length of a rigid body below which what is seen of it, deep inside it, is any piece of it."""

SMALL, SMALL_SIGMA = 1.3, 0.1
"""Metres: what is smaller has no faces, people swing their limbs; its middle moves about by so much."""


def visible_sides(centre: Floats, size: Floats, yaw: Floats, sensor: Floats, grazing_sine: float) -> Floats:
    """Return the anchors' sides (T, 2) of T boxes seen from one point.

    Args:
        centre: (T, >=2) metres.
        size: (T, >=2) metres.
        yaw: (T,) radians.
        sensor: (>=2,) metres, where the sensor stands.
        grazing_sine: sine of the angle of incidence from which a face counts as fully seen.
    """
    away = np.hypot(sensor[0] - centre[:, 0], sensor[1] - centre[:, 1])
    out: Floats = _sides(
        frozen(centre), frozen(size), np.cos(yaw), np.sin(yaw), frozen(sensor), grazing_sine * np.maximum(away, 1e-3)
    )
    return out


@njit(cache=True)
def _sides(centre: Floats, size: Floats, c: Floats, s: Floats, sensor: Floats, wide: Floats) -> Floats:
    """Return :func:`visible_sides` by the cosines and sines (T,) of the yaws; a face is fully seen ``wide`` (T,) m off.

    That is how far the sensor must stand before the plane of the face.
    """
    out = np.empty((len(centre), 2))
    for i in range(len(centre)):
        dx, dy = sensor[0] - centre[i, 0], sensor[1] - centre[i, 1]
        for a in range(2):
            local = c[i] * dx + s[i] * dy if a == 0 else -s[i] * dx + c[i] * dy
            beyond = abs(local) - size[i, a] / 2.0
            out[i, a] = np.sign(local) * min(max(beyond / wide[i], 0.0), 1.0)
    return out


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
    familiar: int,
    centre: Floats,
    size: Floats,
    yaw: float,
    noise: Floats,
    lidar: bool,
    loose: Mask,
    face_variance: float,
    end_variance: float,
    innovation: Floats,
    innovation_noise: Floats,
) -> tuple[float, float, bool, bool]:
    """Compare one measured box with one track by their anchors.

    Where less is seen than is known of the track, and not from a near face on, the part may lie anywhere within it, and
    goes on lying there for a while; where more is seen, the other way round. The same holds for heights: of what is cut
    off above or below, the middle tells nothing. Small things are followed by their middle.

    Where the end that the anchor stands for is loose in the measured box, see :mod:`perception_core.tracking.ends`, or
    not known of the track, the other end takes its place. With neither the visible part may lie anywhere within the
    track: what counts is by how much it sticks out, with a noise of ``LOOSE_SIGMA``.

    Args:
        track_centre: (3,), track_size (3,), track_yaw: the predicted box; ``side`` (2,) its anchor; ``known``
            bool (2, 2) its ends that were seen the last time; ``familiar``: from ``SETTLED`` on what it does is known,
            so that a box with one end where it should be and the other elsewhere has not moved; and of what is
            ``RIGID`` a short part deep inside is any piece: its near end is hidden by a crest, or no beam hits it.
        centre: (3,), size (3,), yaw: the measured box; ``noise`` (3, 3) the covariance of its centre.
        lidar: False: compare the centres; nothing is known of the faces.
        loose: bool (2, 2) loose ends of the measured box.
        face_variance: m^2 of a seen face, which takes the place of the centre's variance along that
            direction.
        end_variance: m^2, the most that is believed of the middle between two ends: where it lies in the object is no
            matter of how it moves. Infinite where the place itself counts.
        innovation: (3,) out, measured minus predicted, metres.
        innovation_noise: (3, 3) out, its measurement part, m^2.

    Returns:
        The anchor's sides along length and width of the track in [-1, 1]; and for both whether it has two loose ends.
    """
    innovation[:] = centre - track_centre
    innovation_noise[:] = noise
    innovation[2], innovation_noise[2, 2] = _partial(innovation[2], size[2], track_size[2], 0.0, noise[2, 2])
    if not lidar:
        return 0.0, 0.0, False, False
    turns = quarter_turns(yaw, track_yaw)
    measured_yaw = yaw + turns * QUARTER
    length, width = size[0], size[1]
    if turns % 2 != 0:
        length, width = width, length
    c, s = math.cos(track_yaw), math.sin(track_yaw)
    cm, sm = math.cos(measured_yaw), math.sin(measured_yaw)
    thin = max(THIN, THIN_SHARE * max(length, width))
    a, a_loose = _trusted_side(side[0], width >= thin, known[0], loose, turns)
    b, b_loose = _trusted_side(side[1], length >= thin, known[1], loose, turns + 1)
    small = max(size[0], size[1], track_size[0], track_size[1]) < SMALL
    if small:
        a = b = 0.0
    dx, dy = innovation[0], innovation[1]
    x = dx + (cm * a * length - sm * b * width - (c * a * track_size[0] - s * b * track_size[1])) / 2.0
    y = dy + (sm * a * length + cm * b * width - (s * a * track_size[0] + c * b * track_size[1])) / 2.0
    along, across = c * x + s * y, c * y - s * x
    along_variance, across_variance = axis_variances(noise, c, s)
    along_variance, across_variance = min(along_variance, end_variance), min(across_variance, end_variance)
    skew = math.sin(measured_yaw - track_yaw) / 2.0
    beyond = sticking_out(c * dx + s * dy, length, track_size[0]) if a_loose else along
    along, along_variance, a = _by_axis(
        beyond, length, track_size[0], a, a_loose, small, familiar, along_variance, face_variance, skew * width
    )
    beyond = sticking_out(c * dy - s * dx, width, track_size[1]) if b_loose else across
    across, across_variance, b = _by_axis(
        beyond, width, track_size[1], b, b_loose, small, familiar, across_variance, face_variance, skew * length
    )
    innovation[0], innovation[1] = c * along - s * across, s * along + c * across
    _turn_back(along_variance, across_variance, c, s, innovation_noise)
    return a, b, a_loose, b_loose


@njit(cache=True)
def axis_variances(covariance: Floats, c: float, s: float) -> tuple[float, float]:
    """Return the variances of a covariance (>=2, >=2) along the axes of a box, by the cosine and sine of its yaw."""
    cross = 2.0 * c * s * covariance[0, 1]
    along = c * c * covariance[0, 0] + cross + s * s * covariance[1, 1]
    across = s * s * covariance[0, 0] - cross + c * c * covariance[1, 1]
    return along, across


@njit(cache=True)
def _turn_back(along: float, across: float, c: float, s: float, out: Floats) -> None:
    """Fill all but the height's variance of a covariance (3, 3) with the variances along the axes of a box."""
    out[0, 0] = c * c * along + s * s * across
    out[1, 1] = s * s * along + c * c * across
    out[0, 1] = out[1, 0] = c * s * (along - across)
    out[0, 2] = out[2, 0] = out[1, 2] = out[2, 1] = 0.0


@njit(cache=True)
def _by_axis(
    offset: float,
    size: float,
    track_size: float,
    side: float,
    loose: bool,
    small: bool,
    familiar: int,
    centre_variance: float,
    face_variance: float,
    skew: float,
) -> tuple[float, float, float]:
    """Compare one axis of two boxes: by an end, :func:`_by_end`, if it has one and the thing is not ``small``.

    Args and returns are those of :func:`_by_end`; ``offset`` of what has but ``loose`` ends is by how much it sticks
    out, of a small thing that between the middles.
    """
    if loose:
        return offset, LOOSE_SIGMA**2, side
    if small:
        return offset, SMALL_SIGMA**2 + face_variance, side
    out: tuple[float, float, float] = _by_end(
        offset, size, track_size, side, familiar, centre_variance, face_variance, skew
    )
    return out


@njit(cache=True)
def _by_end(
    offset: float,
    size: float,
    track_size: float,
    side: float,
    familiar: int,
    centre_variance: float,
    face_variance: float,
    skew: float,
) -> tuple[float, float, float]:
    """Compare one axis of two boxes by the end at ``side``, or by the other where that one alone jumped.

    Args:
        offset: metres between the anchors.
        size: metres measured along the axis, ``track_size`` of the track.
        side: the anchor's place in [-1, 1].
        familiar: see :func:`anchored_innovation`.
        centre_variance: m^2 of the measured middle along the axis.
        face_variance: m^2 of a seen face.
        skew: metres by which the ends of the face are off where it is measured askew.

    Returns:
        Innovation in metres, its variance in m^2, and the side that was used.
    """
    far = offset - side * (size - track_size)
    if familiar >= SETTLED and _other_end(offset, far, size - track_size):
        offset, side = far, -side
    elif familiar == RIGID and -side * offset > _CHANGED and size < _PIECE * track_size:
        offset, side = offset - side * (size - track_size) / 2.0, 0.0
    variance = _anchor_variance(centre_variance, abs(side), face_variance, skew)
    innovation, variance = _partial(offset, size, track_size, abs(side), variance)
    return innovation, variance, side


@njit(cache=True)
def _other_end(near: float, far: float, longer: float) -> bool:
    """Tell whether the ``near`` end jumped, in metres, while the ``far`` one stayed: ends that move, move alike.

    A neighbour touched, or something nearer gave a part free; the box is ``longer`` by so many metres.
    """
    return abs(longer) > _CHANGED and abs(far) < _STAYED * abs(near)


@njit(cache=True)
def _trusted_side(side: float, broad: bool, known: Mask, loose: Mask, quarter: int) -> tuple[float, bool]:
    """Return the anchor's place along one axis of the track, and whether there is no end to be trusted.

    ``broad``: the box is broad enough for a face there; ``known``: bool (2,) ends of the track there; ``quarter``: the
    axis, counted in quarter turns from the length of the measured box.
    """
    q = quarter % 4
    axis, flip = q % 2, q >= 2
    lower, upper = loose[axis, 1 if flip else 0] or not known[0], loose[axis, 0 if flip else 1] or not known[1]
    if lower and upper:
        return 0.0, True
    other = 1.0 if lower else -1.0
    if not (lower or upper):
        return side if broad else 0.0, False
    if side * other < -_TURNED_AWAY:
        return 0.0, True
    return other, False


@njit(cache=True)
def sticking_out(offset: float, size: float, track_size: float) -> float:
    """Return by how many metres the part, its middle at ``offset``, leaves the interval of the track around 0."""
    room = max(track_size - size, 0.0) / 2.0
    return offset - min(max(offset, -room), room)


@njit(cache=True)
def _partial(offset: float, size: float, track_size: float, seen: float, variance: float) -> tuple[float, float]:
    """Return innovation and variance along one axis of which only a part may be seen.

    The more a face is ``seen`` (0 to 1), the less the part may lie elsewhere. Else it may be anywhere within the track,
    or the track within it (a uniform distribution), and is so for many looks: only both ends that move alike move.
    """
    room = (1.0 - seen) * abs(track_size - size) / 2.0
    if room < _PART / 2.0:
        return offset, variance + room * room
    return offset - min(max(offset, -room), room), variance + _PERSISTENCE * room * room / 3.0


@njit(cache=True)
def _anchor_variance(centre_variance: float, seen: float, face_variance: float, skew: float) -> float:
    """Return the variance in m^2 of an anchor along one axis of the box.

    Blends from the centre's variance to the face's, whose ends are ``skew`` metres off where it is measured askew.
    """
    face = min(centre_variance, face_variance) + skew * skew
    return (1.0 - seen) * centre_variance + seen * face
