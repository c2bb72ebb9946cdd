"""Birth, confirmation and death of tracks by rule; every limit is in seconds or a probability."""

import uuid

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import class_belief, correction, existence
from perception_core.tracking.anchoring import visible_sides
from perception_core.tracking.config import LifeConfig, TrackerConfig
from perception_core.tracking.fragments import SAME_CLASS, inside_share
from perception_core.tracking.measurements import Measurements
from perception_core.tracking.table import TrackTable

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def born(
    new: Measurements,
    stamp_ns: int,
    sensor: Floats,
    namespace: uuid.UUID,
    first_serial: int,
    config: TrackerConfig,
) -> TrackTable:
    """Start a track from each of N measurements.

    Args:
        new: measurements that nothing explains.
        stamp_ns: time of the scan, nanoseconds.
        sensor: (2,) where the robot stands, fixed frame.
        namespace: of the ids: uuid5(namespace, serial), RFC 9562.
        first_serial: number of the first; the others count on.
        config: all of the tracker's.
    """
    n = len(new)
    sides = visible_sides(new.centre, new.size, new.yaw, sensor, config.measurement.grazing_sine)
    noise, hidden = correction.birth_noise(new, sides, new.face_variance(config.measurement))
    speed = np.array([config.motion.birth_speed_sigma] * 2 + [config.motion.birth_vertical_speed_sigma])
    covariance = np.zeros((n, 6, 6))
    covariance[:, :3, :3], covariance[:, 3:, 3:] = noise, np.diag(speed**2)
    heading_covariance = np.zeros((n, 2, 2))
    heading_covariance[:, 0, 0] = new.yaw_variance
    heading_covariance[:, 1, 1] = config.motion.birth_yaw_rate_sigma**2
    serial = np.arange(first_serial, first_serial + n)
    ids = [np.frombuffer(uuid.uuid5(namespace, str(s)).bytes, dtype=np.uint8) for s in serial]
    return TrackTable(
        serial=serial,
        ids=np.array(ids, dtype=np.uint8).reshape(n, 16),
        state=np.hstack([new.centre, np.zeros((n, 3))]),
        covariance=covariance,
        heading=np.column_stack([new.yaw, np.zeros(n)]),
        heading_covariance=heading_covariance,
        size=new.size.copy(),
        hidden_variance=hidden,
        class_probabilities=new.class_probabilities.copy(),
        log_odds=existence.log_odds(config.life.birth_existence * new.existence),
        first_seen_ns=np.full(n, stamp_ns, dtype=np.int64),
        last_seen_ns=np.full(n, stamp_ns, dtype=np.int64),
        fragments_since_ns=np.full(n, -1, dtype=np.int64),
        occluded=np.zeros(n, dtype=np.bool_),
        confirmed=np.zeros(n, dtype=np.bool_),
        oriented=np.zeros(n, dtype=np.bool_),
        sensors=new.sensors.copy(),
    )


def expired(tracks: TrackTable, stamp_ns: int, config: LifeConfig) -> Mask:
    """Tell which tracks (T,) went unseen for longer than they may."""
    unseen = (stamp_ns - tracks.last_seen_ns) / 1e9
    coast = np.where(tracks.occluded, config.occluded_coast_time, config.coast_time)
    return unseen > np.where(tracks.confirmed, coast, config.tentative_timeout)


def to_confirm(tracks: TrackTable, config: LifeConfig) -> Mask:
    """Tell which tracks (T,) were watched long enough, seen twice at least, and probably exist."""
    watched = (tracks.last_seen_ns - tracks.first_seen_ns) / 1e9
    probable = existence.probability(tracks.log_odds) >= config.confirm_existence
    return (watched > 0.0) & (watched >= config.confirm_time - 1e-6) & probable


def reunite(tracks: TrackTable, stamp_ns: int, overlap: float) -> Mask:
    """Give lost tracks their object back, in place, and tell which rows (T,) are left.

    A confirmed track that has been coasting and a younger one seen now, at the same place, of like class,
    never seen at the same time, are one object: the older id goes on with the younger's motion and box.
    """
    kept = np.ones(len(tracks), dtype=np.bool_)
    lost = np.flatnonzero(tracks.confirmed & (tracks.last_seen_ns < stamp_ns))
    fresh = np.flatnonzero(tracks.last_seen_ns == stamp_ns)
    if len(lost) == 0 or len(fresh) == 0:
        return kept
    share = _overlap(tracks, lost, fresh)
    agreement = class_belief.agreement(tracks.class_probabilities[lost], tracks.class_probabilities[fresh])
    after = tracks.first_seen_ns[fresh][None, :] > tracks.last_seen_ns[lost][:, None]
    for i, j in zip(*np.nonzero((share >= overlap) & (agreement >= SAME_CLASS) & after), strict=True):
        old, young = lost[i], fresh[j]
        if kept[young] and tracks.last_seen_ns[old] < stamp_ns:
            _take_over(tracks, old, young)
            kept[young] = False
    return kept


def _overlap(tracks: TrackTable, a: NDArray[np.int64], b: NDArray[np.int64]) -> Floats:
    """Return (A, B): the larger share by which one box lies inside the other."""
    centre, yaw = tracks.state[:, :3], tracks.heading[:, 0]
    forth = inside_share(centre[a], tracks.size[a], yaw[a], centre[b], tracks.size[b], yaw[b])
    back = inside_share(centre[b], tracks.size[b], yaw[b], centre[a], tracks.size[a], yaw[a])
    return np.maximum(forth, back.T)


def _take_over(tracks: TrackTable, old: int, young: int) -> None:
    for name in (
        "state",
        "covariance",
        "heading",
        "heading_covariance",
        "size",
        "hidden_variance",
        "last_seen_ns",
    ):
        column = getattr(tracks, name)
        column[old] = column[young]
    tracks.log_odds[old] = max(tracks.log_odds[old], tracks.log_odds[young])
    tracks.sensors[old] = tracks.sensors[young]
    tracks.oriented[old] = tracks.oriented[young]
    tracks.occluded[old] = False
