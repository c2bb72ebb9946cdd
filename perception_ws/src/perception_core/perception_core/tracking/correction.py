"""One scan's correction of matched tracks: anchor, heading, size and class, each by its own filter."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.tracking import class_belief, doubt, ends, hulls, imm, sizes, witness
from perception_core.tracking.anchoring import NEW, QUARTER, anchor_offset, anchored_innovation, axis_variances
from perception_core.tracking.config import ShapeConfig, TrackerConfig
from perception_core.tracking.measurements import Measurements
from perception_core.tracking.table import TrackTable

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_YAW_OUTLIER = 4.0
"""Squared normalised yaw innovation from which on the measurement is believed less (Huber 1964)."""

_OUTLIER, _MOST_DOUBT = 6.0, 10.0
"""The same of the place, two numbers; and by how much a variance grows for it at most."""

_END_SIGMA = 0.1
"""Metres by which the ends of a face scatter."""

_STANDS = 0.5
"""Probability of standing still below which a part with loose ends does not make the object smaller."""

_GLIDES = 0.5
"""Metres by which a part with loose ends has gone along with the view: that it stands is as open as that it moves."""

_WALL = 1.0
"""Metres: what is thinner, and has no ends, is a piece of a wall, and those stand."""

_HIDDEN_PART = 0.3
"""Metres by which the box exceeds what is seen now where it remembers more: then it is the footprint."""


def correct(
    tracks: TrackTable,
    rows: Indices,
    seen: Measurements,
    sides: Floats,
    stamp_ns: int,
    over_ground: bool,
    config: TrackerConfig,
    still: Floats | float = 0.0,
) -> Floats:
    """Correct K tracks, in place, by one measurement each.

    Heading and size go first. What they change about the box must not look like motion, so the centre moves
    along and the anchor stays; then the innovation of the anchor corrects position and velocity.

    Args:
        tracks: predicted to ``stamp_ns``.
        rows: (K,) the matched tracks.
        seen: (K,) their measurements.
        sides: (K, 2) anchors of the matched tracks.
        stamp_ns: time of the scan, nanoseconds.
        over_ground: standing still has a meaning.
        config: all of the tracker's.
        still: (K, 3) m/s of what stands still.

    Returns:
        (K, 2) in [0, 1]: how well a motion along either axis of the track could be seen, see
        :func:`perception_core.tracking.witness.evidence`.
    """
    if len(rows) == 0:
        return np.zeros((0, 2))
    dt = (stamp_ns - tracks.last_seen_ns[rows]) / 1e9
    pairs = _compared(tracks, rows, seen, sides, dt, still, config)
    tracks.hidden_variance[rows] = _learnt(tracks.hidden_variance[rows], pairs.hidden, dt, config.shape)
    tracks.shared[rows] = doubt.shared(seen)
    tracks.dropped_motion[rows] = 0.0
    quarter_turns = np.rint((tracks.heading[rows, 0] - seen.yaw) / QUARTER).astype(np.int64)
    measured_size = sizes.along(tracks.size[rows], quarter_turns, seen)
    size = _correct_models(tracks, rows, seen, sides, pairs, measured_size, dt, over_ground, config, still)
    faces = sides * np.where(pairs.loose, 0.0, pairs.anchored)
    now_lost = ends.turned(seen.loose, quarter_turns)
    lost = now_lost | ~tracks.known_ends[rows]
    clear = _seen_motion(tracks, rows, faces, pairs.loose, lost, measured_size, dt, still)
    tracks.size[rows] = size
    _remember_view(tracks, rows, seen, measured_size, now_lost, dt, stamp_ns, config.shape)
    return clear


@dataclass(frozen=True, slots=True)
class _Pairs:
    """K tracks and their measurements compared.

    Attributes:
        state: (K, 6) of the tracks where the measurements were taken.
        face: (K,) m^2 of a face that is seen.
        innovation: (K, 3) metres, what corrects the filter.
        follow: (K, 2) metres by which the box just follows.
        noise: (K, 3, 3) m^2 of the innovation, more where it surprises.
        anchored: (K, 2) sides of the anchors that were used.
        loose: bool (K, 2) both ends are loose along the axes of the track.
        hidden: (K, 2) m^2 by which the centre is less certain than the anchor.
    """

    state: Floats
    face: Floats
    innovation: Floats
    follow: Floats
    noise: Floats
    anchored: Floats
    loose: Mask
    hidden: Floats


def _compared(
    tracks: TrackTable,
    rows: Indices,
    seen: Measurements,
    sides: Floats,
    dt: Floats,
    still: Floats | float,
    config: TrackerConfig,
) -> _Pairs:
    """Compare tracks ``dt`` (K,) seconds after they were last seen; the other arguments as of :func:`correct`."""
    face, yaw = seen.face_variance(config.measurement), tracks.heading[rows, 0]
    state = moved_to(tracks.state[rows], seen.late)
    innovation, noise, anchored, loose = innovations(
        state, tracks.size[rows], yaw, sides, tracks.known_ends[rows], tracks.familiar[rows], seen, face
    )
    travelled = (state[:, 3:] - still)[:, :2] * dt[:, None]
    innovation, follow = _split(innovation, loose, travelled, np.cos(yaw), np.sin(yaw))
    hidden = _hidden(seen, noise, yaw, face)
    noise = _doubted(innovation, tracks.covariance[rows], noise)
    return _Pairs(state, face, innovation, follow, noise, anchored, loose, hidden)


def _correct_models(
    tracks: TrackTable,
    rows: Indices,
    seen: Measurements,
    sides: Floats,
    pairs: _Pairs,
    measured_size: Floats,
    dt: Floats,
    over_ground: bool,
    config: TrackerConfig,
    still: Floats | float,
) -> Floats:
    """Correct heading and motion, in place, return the sizes (K, 3) to be: the anchor stays while they change."""
    state, size, heading = pairs.state, tracks.size[rows], tracks.heading[rows]
    models = tracks.model_states[rows], tracks.model_covariances[rows], tracks.model_probability[rows]
    imm.correct_yaw(models, *_yaw_innovation(heading[:, 0], tracks.heading_covariance[rows, 0, 0], seen, pairs.face))
    shrinks = ~pairs.loose | (models[2][:, imm.STILL] > _STANDS)[:, None]
    bigger = sizes.followed(size, measured_size, tracks.last_size[rows], sides, seen.lidar, shrinks, dt, config.shape)
    rise = sizes.height_shift(state[:, 2], size[:, 2], bigger[:, 2], seen)
    before = anchor_offset(size, heading[:, 0], pairs.anchored)
    shift = before - anchor_offset(bigger, imm.mean_yaw(models), pairs.anchored) + pairs.follow
    models[0][:, :, :2] += shift[:, None, :]
    models[0][:, :, 2] += rise[:, None]
    position = state[:, :3] + pairs.innovation
    position[:, :2] += shift
    position[:, 2] += rise
    thin = np.minimum(seen.size[:, 0], seen.size[:, 1]) <= _WALL
    undecided = (np.hypot(pairs.follow[:, 0], pairs.follow[:, 1]) > _GLIDES) & ~thin
    belief = models[2][undecided]
    imm.correct_position(models, position, pairs.noise, seen.late, over_ground)
    models[2][undecided] = belief
    imm.roll(models, dt, still, config.motion)
    tracks.model_states[rows], tracks.model_covariances[rows], tracks.model_probability[rows] = models
    tracks.sum_up()
    return bigger


def _seen_motion(
    tracks: TrackTable,
    rows: Indices,
    faces: Floats,
    loose: Mask,
    lost: Mask,
    measured_size: Floats,
    dt: Floats,
    still: Floats | float,
) -> Floats:
    """Return how well motions of corrected tracks could be seen, by what they remember of the view before."""
    velocity = tracks.state[rows, 3:] - still
    c, s = np.cos(tracks.heading[rows, 0]), np.sin(tracks.heading[rows, 0])
    along, across = c * velocity[:, 0] + s * velocity[:, 1], -s * velocity[:, 0] + c * velocity[:, 1]
    advance = np.stack([along * dt, across * dt], axis=1)
    return witness.evidence(faces, loose, lost, measured_size, tracks.last_size[rows], advance)


def _remember_view(
    tracks: TrackTable,
    rows: Indices,
    seen: Measurements,
    measured_size: Floats,
    lost: Mask,
    dt: Floats,
    stamp_ns: int,
    config: ShapeConfig,
) -> None:
    """Note, in place, what was seen of corrected tracks, and as what."""
    tracks.last_size[rows] = measured_size[:, :2]
    tracks.known_ends[rows] = ~lost
    tracks.last_seen_ns[rows], tracks.sensors[rows] = stamp_ns, seen.sensors
    weight = np.minimum(dt / config.class_time, 1.0)
    tracks.class_probabilities[rows] = class_belief.fuse(
        tracks.class_probabilities[rows], seen.class_probabilities, weight, config.class_memory
    )
    partly = (measured_size[:, :2] < tracks.size[rows, :2] - _HIDDEN_PART).any(axis=1)
    tracks.hull[rows] = hulls.around(hulls.bare(seen.hull, partly), tracks.state[rows])


def _doubted(innovation: Floats, covariance: Floats, noise: Floats) -> Floats:
    """Return noise (K, 3, 3) of innovations (K, 3) made larger where they surprise (Huber 1964): boxes jump."""
    s = covariance[:, :2, :2] + noise[:, :2, :2]
    surprise = np.einsum("ki,ki->k", innovation[:, :2], np.linalg.solve(s, innovation[:, :2, None])[:, :, 0])
    out = noise.copy()
    out[:, :2, :2] *= np.clip(surprise / _OUTLIER, 1.0, _MOST_DOUBT)[:, None, None]
    return out


def _learnt(hidden: Floats, measured: Floats, dt: Floats, config: ShapeConfig) -> Floats:
    """Return the hidden variances (K, 2): a better view is believed soon, forgotten slowly."""
    better, worse = 1.0 - np.exp(-dt / config.grow_time), 1.0 - np.exp(-dt / config.forget_time)
    return hidden + np.where(measured < hidden, better[:, None], worse[:, None]) * (measured - hidden)


@njit(cache=True)
def _split(innovation: Floats, loose: Mask, travelled: Floats, c: Floats, s: Floats) -> tuple[Floats, Floats]:
    """Part innovations (K, 3) into what corrects the filter (K, 3) and by how much the box just follows (K, 2).

    Along an axis with two ``loose`` ends (K, 2) the visible part may glide over the object. It never proves a motion,
    so the box follows without a velocity; but where it lags behind, it disproves one, as far as the track has
    ``travelled`` (K, 2) metres since it was seen. The axes lie as cosines and sines (K,) tell.
    """
    rest, follow, glides = innovation.copy(), np.empty((len(c), 2)), np.empty(2)
    for i in range(len(c)):
        for a in range(2):
            ux, uy = (c[i], s[i]) if a == 0 else (-s[i], c[i])
            local = ux * innovation[i, 0] + uy * innovation[i, 1]
            ahead = ux * travelled[i, 0] + uy * travelled[i, 1]
            lag = min(max(local, -max(ahead, 0.0)), max(-ahead, 0.0))
            glides[a] = local - lag if loose[i, a] else 0.0
        follow[i, 0] = c[i] * glides[0] + -s[i] * glides[1]
        follow[i, 1] = s[i] * glides[0] + c[i] * glides[1]
        rest[i, 0] -= follow[i, 0]
        rest[i, 1] -= follow[i, 1]
    return rest, follow


def innovations(
    state: Floats,
    size: Floats,
    yaw: Floats,
    sides: Floats,
    known: Mask,
    familiar: NDArray[np.uint8],
    seen: Measurements,
    face_variance: Floats,
) -> tuple[Floats, Floats, Floats, Mask]:
    """Compare K matched pairs by their anchors.

    Returns:
        Innovations (K, 3) in metres, their noise (K, 3, 3), the sides (K, 2) of the anchors that were used, and bool
        (K, 2) along which axes of the track both ends are loose.
    """
    out: tuple[Floats, Floats, Floats, Mask] = _innovations(
        state,
        size,
        np.ascontiguousarray(yaw),  # of any layout it would be compiled twice
        sides,
        known,
        familiar,
        seen.centre,
        seen.size,
        seen.yaw,
        seen.noise,
        seen.lidar,
        seen.loose,
        face_variance,
        _END_SIGMA**2 + 2.0 * face_variance,
    )
    return out


def moved_to(state: Floats, late: Floats) -> Floats:
    """Return states (K, 6) where they are ``late`` (K,) seconds later: where the measurements were taken."""
    out = state.copy()
    out[:, :3] += late[:, None] * state[:, 3:]
    return out


def _yaw_innovation(
    yaw: Floats, yaw_variance: Floats, seen: Measurements, face_variance: Floats
) -> tuple[Floats, Floats]:
    """Return by how much the measured yaws (K,) differ but for quarter turns, and with what variance (K,).

    ``yaw`` (K,) and ``yaw_variance`` (K,) are the tracks'.
    """
    difference = seen.yaw - yaw
    innovation = difference - QUARTER * np.rint(difference / QUARTER)
    longest = np.maximum(seen.size[:, 0], seen.size[:, 1])
    variance = seen.yaw_variance + 4.0 * face_variance / longest**2
    surprise = innovation**2 / (yaw_variance + variance)
    return innovation, variance * np.minimum(np.maximum(surprise / _YAW_OUTLIER, 1.0), _MOST_DOUBT)


def _hidden(seen: Measurements, anchor_noise: Floats, yaw: Floats, face_variance: Floats) -> Floats:
    """Return (K, 2) m^2 along length and width: what the centre is less certain than the anchor.

    Which parts of a face are hit is chance to who follows its motion, but stays about the same from scan to scan: that
    share of the anchor's own variance no filter averages away.
    """
    relief = seen.relief_variance / face_variance
    out: Floats = _less_certain(frozen(seen.noise), anchor_noise, np.cos(yaw), np.sin(yaw), face_variance, relief)
    return out


@njit(cache=True)
def _less_certain(noise: Floats, anchor: Floats, c: Floats, s: Floats, face_variance: Floats, relief: Floats) -> Floats:
    """Return :func:`_hidden` by the cosines and sines of the yaws, and ``relief`` (K,) as a share of the face's."""
    out = np.empty((len(c), 2))
    for i in range(len(c)):
        excess = axis_variances(noise[i, :2, :2] - anchor[i, :2, :2], c[i], s[i])
        own = axis_variances(anchor[i, :2, :2], c[i], s[i])
        for a in range(2):
            out[i, a] = max(excess[a], 0.0) + relief[i] * min(own[a], face_variance[i])
    return out


def birth_noise(seen: Measurements, sides: Floats, face_variance: Floats) -> tuple[Floats, Floats]:
    """Return the anchors' covariance (M, 3, 3) and the hidden variance (M, 2) of boxes that start a track."""
    state = np.hstack([seen.centre, np.zeros((len(seen), 3))])
    young = np.full(len(seen), NEW, dtype=np.uint8)
    _, noise, _, _ = innovations(state, seen.size, seen.yaw, sides, ~seen.loose, young, seen, face_variance)
    return noise, _hidden(seen, noise, seen.yaw, face_variance)


@njit(cache=True)
def _innovations(
    state: Floats,
    track_size: Floats,
    track_yaw: Floats,
    sides: Floats,
    known: Mask,
    familiar: NDArray[np.uint8],
    centre: Floats,
    size: Floats,
    yaw: Floats,
    noise: Floats,
    lidar: Mask,
    loose: Mask,
    face_variance: Floats,
    end_variance: Floats,
) -> tuple[Floats, Floats, Floats, Mask]:
    n = len(state)
    innovation, out = np.empty((n, 3)), np.empty((n, 3, 3))
    anchor, both_loose = np.empty((n, 2)), np.empty((n, 2), dtype=np.bool_)
    for i in range(n):
        anchor[i, 0], anchor[i, 1], both_loose[i, 0], both_loose[i, 1] = anchored_innovation(
            state[i, :3],
            track_size[i],
            track_yaw[i],
            sides[i],
            known[i],
            familiar[i],
            centre[i],
            size[i],
            yaw[i],
            noise[i],
            lidar[i],
            loose[i],
            face_variance[i],
            end_variance[i],
            innovation[i],
            out[i],
        )
    return innovation, out, anchor, both_loose
