"""Birth, confirmation and death of tracks by rule; every limit is in seconds or a probability."""

import uuid

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import class_belief, correction, crumbs, doubt, existence, hulls, imm
from perception_core.tracking.anchoring import visible_sides
from perception_core.tracking.config import LifeConfig, TrackerConfig
from perception_core.tracking.fragments import SAME_CLASS, inside_share
from perception_core.tracking.measurements import Measurements
from perception_core.tracking.table import TrackTable
from perception_core.types import Sensor

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ON_ANOTHER = 0.4
"""Share of the smaller of two boxes inside the larger from which on the younger may be a part of the older."""

_OPEN = 0.1
"""Probability of standing still from which on, and of moving, neither is known."""

_OF_THE_BODY = (
    "state",
    "covariance",
    "model_states",
    "model_covariances",
    "model_probability",
    "heading",
    "heading_covariance",
    "size",
    "last_size",
    "hidden_variance",
    "shared",
    "dropped_motion",
    "known_ends",
    "witnessed",
    "oriented",
    "last_seen_ns",
    "sensors",
    "hull",
)
"""Columns that a reunited track takes over; identity, age, class and existence stay its own."""


def born(
    new: Measurements,
    stamp_ns: int,
    sensor: Floats,
    namespace: uuid.UUID,
    first_serial: int,
    over_ground: bool,
    config: TrackerConfig,
    still: Floats | float = 0.0,
) -> TrackTable:
    """Start a track from each of N measurements.

    Args:
        new: measurements that nothing explains.
        stamp_ns: time of the scan, nanoseconds.
        sensor: (2,) where the robot stands, fixed frame.
        namespace: of the ids: uuid5(namespace, serial), RFC 9562.
        first_serial: number of the first; the others count on.
        over_ground: standing still has a meaning.
        config: all of the tracker's.
        still: (N, 3) m/s of what stands still.
    """
    n = len(new)
    sides = visible_sides(new.centre, new.size, new.yaw, sensor, config.measurement.grazing_sine)
    noise, hidden = correction.birth_noise(new, sides, new.face_variance(config.measurement))
    models = imm.begin(noise, new.centre, new.yaw, new.yaw_variance, new.late, over_ground, config.motion, still)
    serial = np.arange(first_serial, first_serial + n)
    ids = [np.frombuffer(uuid.uuid5(namespace, str(s)).bytes, dtype=np.uint8) for s in serial]
    young = TrackTable(
        serial=serial,
        ids=np.array(ids, dtype=np.uint8).reshape(n, 16),
        state=np.empty((n, 6)),
        covariance=np.empty((n, 6, 6)),
        model_states=models[0],
        model_covariances=models[1],
        model_probability=models[2],
        heading=np.empty((n, 2)),
        heading_covariance=np.empty((n, 2, 2)),
        size=new.size.copy(),
        last_size=new.size[:, :2].copy(),
        hidden_variance=hidden,
        shared=doubt.shared(new),
        dropped_motion=np.zeros((n, 3, 3)),
        known_ends=~new.loose,
        class_probabilities=class_belief.begin(new.class_probabilities, config.shape.class_memory),
        log_odds=existence.born(new.existence, config.life),
        first_seen_ns=np.full(n, stamp_ns, dtype=np.int64),
        last_seen_ns=np.full(n, stamp_ns, dtype=np.int64),
        fragments_since_ns=np.full(n, -1, dtype=np.int64),
        witnessed=np.zeros(n),
        occluded=np.zeros(n, dtype=np.bool_),
        confirmed=np.zeros(n, dtype=np.bool_),
        oriented=np.zeros(n, dtype=np.bool_),
        sensors=new.sensors.copy(),
        hull=hulls.around(new.hull, new.centre),
    )
    young.sum_up()
    return young


def expired(tracks: TrackTable, stamp_ns: int, config: LifeConfig) -> Mask:
    """Tell which tracks (T,) went unseen for longer than they may.

    Who was hardly watched coasts hardly; but where something nearer explains why nobody sees them, ``coast_time``.
    """
    unseen = (stamp_ns - tracks.last_seen_ns) / 1e9
    watched = (tracks.last_seen_ns - tracks.first_seen_ns) / 1e9
    coast = np.where(tracks.occluded, config.occluded_coast_time, config.coast_time)
    least = np.where(tracks.occluded, config.coast_time, config.tentative_timeout)
    coast = np.minimum(coast, np.maximum(config.coast_ratio * watched, least))
    over: Mask = unseen > np.where(tracks.confirmed, coast, config.tentative_timeout)
    return over


def lost(tracks: TrackTable, config: LifeConfig) -> Mask:
    """Tell which tracks (T,) nobody sees and whose place is too uncertain to tell anybody."""
    spread = tracks.covariance[:, 0, 0] + tracks.covariance[:, 1, 1]
    out: Mask = (tracks.sensors == Sensor.NONE) & (spread > 2.0 * config.max_position_sigma**2)
    return out


def to_confirm(tracks: TrackTable, config: LifeConfig) -> Mask:
    """Tell which tracks (T,) were watched long enough, seen twice at least, and probably exist."""
    watched = (tracks.last_seen_ns - tracks.first_seen_ns) / 1e9
    probable = existence.probability(tracks.log_odds) >= config.confirm_existence
    return (watched > 0.0) & (watched >= config.confirm_time - 1e-6) & probable


def within_another(tracks: TrackTable, config: LifeConfig) -> Mask:
    """Tell which tracks (T,) of a few looks lie on an older confirmed one of like class: parts of it, taken in turns.

    Nothing drives through a standing car; whoever is there will still be there when its track is ``settled``.
    """
    out = np.zeros(len(tracks), dtype=np.bool_)
    old, young = np.flatnonzero(tracks.confirmed), np.flatnonzero(~tracks.confirmed & ~tracks.settled)
    young = young[to_confirm(tracks, config)[young]]
    if len(old) == 0 or len(young) == 0:
        return out
    agreement = class_belief.agreement(tracks.class_probabilities[old], tracks.class_probabilities[young])
    out[young] = ((_overlap(tracks, old, young) >= _ON_ANOTHER) & (agreement >= SAME_CLASS)).any(axis=0)
    return out


def reunite(tracks: TrackTable, stamp_ns: int, overlap: float, config: LifeConfig) -> Mask:
    """Give lost tracks their object back, in place, and tell which rows (T,) are left.

    A confirmed track that has been coasting and a younger one seen now, at the same place, of like class, never seen
    at the same time, are one object: the older id goes on with the younger's motion and box. The younger must have
    earned its confirmation: before that its velocity is a guess. No vehicle that moves becomes a crumb.
    """
    kept = np.ones(len(tracks), dtype=np.bool_)
    gone = np.flatnonzero(tracks.confirmed & (tracks.last_seen_ns < stamp_ns))
    fresh = np.flatnonzero((tracks.last_seen_ns == stamp_ns) & to_confirm(tracks, config))
    if len(gone) == 0 or len(fresh) == 0:
        return kept
    if tracks.first_seen_ns[fresh].max() <= tracks.last_seen_ns[gone].min():
        return kept
    share = _overlap(tracks, gone, fresh)
    agreement = class_belief.agreement(tracks.class_probabilities[gone], tracks.class_probabilities[fresh])
    after = tracks.first_seen_ns[fresh][None, :] > tracks.last_seen_ns[gone][:, None]
    one = (share >= overlap) & (agreement >= SAME_CLASS) & after
    one &= ~crumbs.of_moving(tracks.select(gone), tracks.size[fresh])
    for i, j in zip(*np.nonzero(one), strict=True):
        old, young = gone[i], fresh[j]
        if kept[young] and tracks.last_seen_ns[old] < stamp_ns:
            _take_over(tracks, old, young)
            kept[young] = False
    return kept


def crowded_out(tracks: TrackTable, stamp_ns: int, overlap: float, config: LifeConfig) -> Mask:
    """Tell which coasting tracks (T,) stand where a confirmed track of like class is seen: two in one place are one.

    They get ``tentative_timeout`` seconds, so that people who brush past each other both survive.
    """
    out = np.zeros(len(tracks), dtype=np.bool_)
    unseen = (stamp_ns - tracks.last_seen_ns) / 1e9
    gone = np.flatnonzero(unseen > config.tentative_timeout)
    seen = np.flatnonzero(tracks.confirmed & (unseen == 0.0))
    if len(gone) == 0 or len(seen) == 0:
        return out
    agreement = class_belief.agreement(tracks.class_probabilities[gone], tracks.class_probabilities[seen])
    out[gone] = ((_overlap(tracks, gone, seen) >= overlap) & (agreement >= SAME_CLASS)).any(axis=1)
    return out


def _overlap(tracks: TrackTable, a: NDArray[np.int64], b: NDArray[np.int64]) -> Floats:
    """Return (A, B): the larger share by which one box lies inside the other."""
    centre, yaw = tracks.state[:, :3], tracks.heading[:, 0]
    forth = inside_share(centre[a], tracks.size[a], yaw[a], centre[b], tracks.size[b], yaw[b])
    back = inside_share(centre[b], tracks.size[b], yaw[b], centre[a], tracks.size[a], yaw[a])
    return np.maximum(forth, back.T)


def _take_over(tracks: TrackTable, old: int, young: int) -> None:
    """Give ``old``, in place, the body of ``young``; but not its motion where that is open and its own was seen."""
    stands = tracks.model_probability[young, imm.STILL]
    keeps = tracks.witnessed[old] > 0.0 and _OPEN < stands < 1.0 - _OPEN
    motion = tracks.model_states[old, :, 3:6].copy(), tracks.model_covariances[old, :, 3:6, 3:6].copy()
    probability, witnessed = tracks.model_probability[old].copy(), tracks.witnessed[old]
    for name in _OF_THE_BODY:
        column = getattr(tracks, name)
        column[old] = column[young]
    if keeps:
        tracks.model_states[old, :, 3:6] = motion[0]
        tracks.model_covariances[old, :, 3:6, :] = tracks.model_covariances[old, :, :, 3:6] = 0.0
        tracks.model_covariances[old, :, 3:6, 3:6] = motion[1]
        tracks.model_probability[old], tracks.witnessed[old] = probability, witnessed
        tracks.sum_up()
    tracks.log_odds[old] = max(tracks.log_odds[old], tracks.log_odds[young])
    tracks.occluded[old] = False
