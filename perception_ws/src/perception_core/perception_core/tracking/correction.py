"""One scan's correction of matched tracks: anchor, heading, size and class, each by its own filter."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.tracking import class_belief, doubt, ends, hulls, imm, witness
from perception_core.tracking.anchoring import NEW, QUARTER, anchor_offset, anchored_innovation
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

_ELONGATED = 0.5
"""Metres by which length and width differ where it is known which is which: a box across them was cut or completed
wrongly, and makes nothing larger."""

_KNOWN_LENGTH = 0.8
"""Share of the longer side measured that a track must have for its own to be the longer one: what was born of a few
points far away knows neither, and would never grow."""

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
    face = seen.face_variance(config.measurement)
    state, size, heading = moved_to(tracks.state[rows], seen.late), tracks.size[rows], tracks.heading[rows]
    innovation, noise, anchored, loose = innovations(
        state, size, heading[:, 0], sides, tracks.known_ends[rows], tracks.familiar[rows], seen, face
    )
    innovation, follow = _split(innovation, loose, (state[:, 3:] - still)[:, :2] * dt[:, None], heading[:, 0])
    before = anchor_offset(size, heading[:, 0], anchored)
    hidden = _hidden(seen, noise, heading[:, 0], face)
    tracks.hidden_variance[rows] = _learnt(tracks.hidden_variance[rows], hidden, dt, config.shape)
    tracks.shared[rows] = doubt.shared(seen)
    tracks.dropped_motion[rows] = 0.0
    noise = _doubted(innovation, tracks.covariance[rows], noise)

    models = tracks.model_states[rows], tracks.model_covariances[rows], tracks.model_probability[rows]
    position = state[:, :3] + innovation
    quarter_turns = np.rint((heading[:, 0] - seen.yaw) / QUARTER).astype(np.int64)
    imm.correct_yaw(models, *_yaw_innovation(heading, tracks.heading_covariance[rows], seen, face))
    yaw = imm.mean_yaw(models)
    shrinks = ~loose | (models[2][:, imm.STILL] > _STANDS)[:, None]
    measured_size = _size_along(size, heading[:, 0], quarter_turns, seen)
    bigger = _correct_size(size, measured_size, tracks.last_size[rows], sides, seen.lidar, shrinks, dt, config.shape)
    rise = _height_shift(state[:, 2], size[:, 2], bigger[:, 2], seen)
    size = bigger
    shift = before - anchor_offset(size, yaw, anchored) + follow
    models[0][:, :, :2] += shift[:, None, :]
    models[0][:, :, 2] += rise[:, None]
    position[:, :2] += shift
    position[:, 2] += rise
    undecided = (np.hypot(follow[:, 0], follow[:, 1]) > _GLIDES) & (seen.size[:, :2].min(axis=1) > _WALL)
    belief = models[2][undecided]
    imm.correct_position(models, position, noise, seen.late, over_ground)
    models[2][undecided] = belief
    imm.roll(models, dt, still, config.motion)
    tracks.model_states[rows], tracks.model_covariances[rows], tracks.model_probability[rows] = models
    tracks.sum_up()

    faces = sides * np.where(loose, 0.0, anchored)
    clear = _seen_motion(tracks, rows, seen, faces, loose, measured_size, quarter_turns, dt, still)
    tracks.size[rows] = size
    _remember_view(tracks, rows, seen, measured_size, quarter_turns, dt, stamp_ns, config.shape)
    return clear


def _seen_motion(
    tracks: TrackTable,
    rows: Indices,
    seen: Measurements,
    faces: Floats,
    loose: Mask,
    measured_size: Floats,
    quarter_turns: Indices,
    dt: Floats,
    still: Floats | float,
) -> Floats:
    """Return how well motions of corrected tracks could be seen, by what they remember of the view before."""
    lost = ends.turned(seen.loose, quarter_turns) | ~tracks.known_ends[rows]
    velocity = (tracks.state[rows, 3:] - still)[:, :2]
    along, across = _axes(tracks.heading[rows, 0])
    advance = np.column_stack([(along * velocity).sum(axis=1), (across * velocity).sum(axis=1)]) * dt[:, None]
    return witness.evidence(faces, loose, lost, measured_size, tracks.last_size[rows], advance)


def _remember_view(
    tracks: TrackTable,
    rows: Indices,
    seen: Measurements,
    measured_size: Floats,
    quarter_turns: Indices,
    dt: Floats,
    stamp_ns: int,
    config: ShapeConfig,
) -> None:
    """Note, in place, what was seen of corrected tracks, and as what."""
    tracks.last_size[rows] = measured_size[:, :2]
    tracks.known_ends[rows] = ~ends.turned(seen.loose, quarter_turns)
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


def _split(innovation: Floats, loose: Mask, travelled: Floats, yaw: Floats) -> tuple[Floats, Floats]:
    """Part innovations (K, 3) into what corrects the filter (K, 3) and by how much the box just follows (K, 2).

    Along an axis with two ``loose`` ends (K, 2) the visible part may glide over the object. It never proves a motion,
    so the box follows without a velocity; but where it lags behind, it disproves one, as far as the track has
    ``travelled`` (K, 2) metres since it was seen.
    """
    along, across = _axes(yaw)
    local = np.column_stack([(along * innovation[:, :2]).sum(axis=1), (across * innovation[:, :2]).sum(axis=1)])
    ahead = np.column_stack([(along * travelled).sum(axis=1), (across * travelled).sum(axis=1)])
    lag = np.clip(local, -np.clip(ahead, 0.0, None), np.clip(-ahead, 0.0, None))
    glides = np.where(loose, local - lag, 0.0)
    follow = along * glides[:, :1] + across * glides[:, 1:]
    rest = innovation.copy()
    rest[:, :2] -= follow
    return rest, follow


def _axes(yaw: Floats) -> tuple[Floats, Floats]:
    c, s = np.cos(yaw), np.sin(yaw)
    return np.column_stack([c, s]), np.column_stack([-s, c])


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


def aligned_size(size: Floats, yaw: Floats, target_yaw: Floats) -> Floats:
    """Return sizes (K, 3) of boxes turned by quarters until their yaw (K,) is nearest to the target's (K,)."""
    odd = np.rint((target_yaw - yaw) / QUARTER).astype(np.int64) % 2 != 0
    out = size.copy()
    out[odd, :2] = size[odd, 1::-1]
    return out


def _size_along(size: Floats, yaw: Floats, quarter_turns: Indices, seen: Measurements) -> Floats:
    """Return the measured sizes (K, 3) along the axes of tracks of ``size`` (K, 3) and ``yaw`` (K,).

    A LiDAR's box that lies across a track whose length is known makes nothing larger.
    """
    measured = aligned_size(seen.size, seen.yaw, yaw)
    across = (quarter_turns % 2 != 0) & seen.lidar & (np.abs(size[:, 0] - size[:, 1]) > _ELONGATED)
    across &= size[:, :2].max(axis=1) > _KNOWN_LENGTH * seen.size[:, :2].max(axis=1)
    measured[across, :2] = np.minimum(measured[across, :2], size[across, :2])
    return measured


def _yaw_innovation(
    heading: Floats, covariance: Floats, seen: Measurements, face_variance: Floats
) -> tuple[Floats, Floats]:
    """Return by how much the measured yaws (K,) differ but for quarter turns, and with what variance (K,)."""
    difference = seen.yaw - heading[:, 0]
    innovation = difference - QUARTER * np.rint(difference / QUARTER)
    longest = seen.size[:, :2].max(axis=1)
    variance = seen.yaw_variance + 4.0 * face_variance / longest**2
    surprise = innovation**2 / (covariance[:, 0, 0] + variance)
    return innovation, variance * np.clip(surprise / _YAW_OUTLIER, 1.0, _MOST_DOUBT)


def _correct_size(
    size: Floats,
    measured: Floats,
    before: Floats,
    sides: Floats,
    lidar: Mask,
    shrinks: Mask,
    dt: Floats,
    config: ShapeConfig,
) -> Floats:
    """Follow the size by an asymmetric exponential filter (an expectile: near the largest seen, not beyond).

    A visible part is a lower bound: more of it is believed soon (``grow_time``), less of it only where the extent was
    seen from end to end, which takes a view of the neighbouring face, and slowly (``shrink_time``). A single large box
    is two things that touched, or one cut askew: what grows must have been measured twice.

    Args:
        size: (K, 3) of the tracks.
        measured: (K, 3) along the same axes.
        before: (K, 2) measured the last time.
        sides: (K, 2) anchors.
        lidar: bool (K,) seen by a LiDAR.
        shrinks: bool (K, 2) a shorter part is a smaller object.
        dt: (K,) seconds since the last time.
        config: time constants.
    """
    end_to_end = np.column_stack([np.abs(sides[:, ::-1]) * shrinks, np.ones(len(sides))])
    grow = 1.0 - np.exp(-dt / config.grow_time)
    shrink = 1.0 - np.exp(-dt / config.shrink_time)
    believed = measured.copy()
    believed[:, :2] = np.where(measured[:, :2] > size[:, :2], np.minimum(measured[:, :2], before), measured[:, :2])
    believed[:, :2] = np.where(measured[:, :2] > size[:, :2], np.maximum(believed[:, :2], size[:, :2]), believed[:, :2])
    gain = np.where(measured > size, np.where(lidar, grow, shrink)[:, None], shrink[:, None] * end_to_end)
    return size + gain * (believed - size)


def _height_shift(z: Floats, height: Floats, new_height: Floats, seen: Measurements) -> Floats:
    """Return by how much (K,) the middles follow a change of height, so that no part that is seen sticks out.

    Where upper or lower end are cut off the box changes at that end alone, which is no motion.
    """
    change = np.abs(new_height - height) / 2.0
    low = seen.centre[:, 2] - seen.size[:, 2] / 2.0 + new_height / 2.0 - z
    high = seen.centre[:, 2] + seen.size[:, 2] / 2.0 - new_height / 2.0 - z
    wanted = np.clip(0.0, np.minimum(low, high), np.maximum(low, high))
    out: Floats = np.clip(wanted, -change, change)
    return out


def _hidden(seen: Measurements, anchor_noise: Floats, yaw: Floats, face_variance: Floats) -> Floats:
    """Return (K, 2) m^2 along length and width: what the centre is less certain than the anchor.

    Which parts of a face are hit is chance to who follows its motion, but stays about the same from scan to scan: that
    share of the anchor's own variance no filter averages away.
    """
    excess = _along_axes(seen.noise[:, :2, :2] - anchor_noise[:, :2, :2], yaw)
    anchor = np.minimum(_along_axes(anchor_noise[:, :2, :2], yaw), face_variance[:, None])
    return np.maximum(excess, 0.0) + (seen.relief_variance / face_variance)[:, None] * anchor


def _along_axes(covariance: Floats, yaw: Floats) -> Floats:
    """Return the variances (K, 2) of (K, 2, 2) along the axes of boxes."""
    c, s = np.cos(yaw), np.sin(yaw)
    cross = 2.0 * c * s * covariance[:, 0, 1]
    along = c * c * covariance[:, 0, 0] + cross + s * s * covariance[:, 1, 1]
    across = s * s * covariance[:, 0, 0] - cross + c * c * covariance[:, 1, 1]
    return np.column_stack([along, across])


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
