"""The tracks as columns: one array a quantity, one row a track, oldest first."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import imm
from perception_core.tracking.anchoring import NEW, RIGID, SETTLED
from perception_core.tracking.imm import MODELS
from perception_core.tracking.kalman import N
from perception_core.types import CLASSES
from perception_core.types.classes import BUS, CAR, INDEX, TRAIN, TRUCK

Floats = NDArray[np.float64]

_SETTLED_NS = 500_000_000

_VEHICLES = [INDEX[name] for name in (CAR, TRUCK, BUS, TRAIN)]

_SURE = 0.5
"""Probability from which on something is a vehicle, and stands."""


@dataclass(slots=True)
class TrackTable:
    """T tracks at one stamp, in the fixed frame; owned and changed by the tracker alone.

    Attributes:
        serial: int64 (T,) running number, never given twice.
        ids: uint8 (T, 16) UUID bytes.
        state: (T, 6) centre in metres and velocity in m/s, the mean over the motion models.
        covariance: (T, 6, 6) of ``state``.
        model_states: (T, K, 8), see :mod:`perception_core.tracking.imm`; of ``state``, ``covariance``, ``heading`` and
            ``heading_covariance``, which sum them up.
        model_covariances: (T, K, 8, 8).
        model_probability: (T, K), rows sum to 1.
        heading: (T, 2) yaw in radians (unwrapped) and yaw rate in rad/s; defined up to quarter turns, which
            exchange length and width.
        heading_covariance: (T, 2, 2).
        size: (T, 3) metres along the axes of the box.
        last_size: (T, 2) metres along length and width as they were last measured.
        hidden_variance: (T, 2) m^2, what the unseen part of the box adds to the centre along length and
            width.
        shared: (T, 3, 3) m^2, covariance of an error that all measurements of the centre have in common, which no
            filter averages away, see :func:`perception_core.tracking.doubt.shared`.
        dropped_motion: (T, 3, 3) m^2/s^2, second moments about standing still of the velocity that was taken from it
            when it got out of sight, see :func:`perception_core.tracking.motion.rest`; 0 while it is seen.
        known_ends: bool (T, 2, 2) lower and upper end along length and width that were no loose ends when last seen,
            see :mod:`perception_core.tracking.ends`.
        class_probabilities: (T, C).
        log_odds: (T,) of existence.
        first_seen_ns, last_seen_ns: int64 (T,).
        fragments_since_ns: int64 (T,) since when fragments came without a pause, -1: none in the last scan.
        witnessed: (T,) seconds for which its ends moved along with it, less those since, see
            :mod:`perception_core.tracking.witness`.
        occluded: bool (T,) hidden by something nearer at the last scan.
        confirmed: bool (T,) has been reported.
        oriented: bool (T,) the x axis points where the object has moved.
        sensors: uint8 (T,) bits over the last update, 0 while coasting.
        hull: object (T,) of float64 (K, 2): convex footprint of what was last seen, from the centre, in the axes of the
            fixed frame; without corners the box is the footprint.
    """

    serial: NDArray[np.int64]
    ids: NDArray[np.uint8]
    state: Floats
    covariance: Floats
    model_states: Floats
    model_covariances: Floats
    model_probability: Floats
    heading: Floats
    heading_covariance: Floats
    size: Floats
    last_size: Floats
    hidden_variance: Floats
    shared: Floats
    dropped_motion: Floats
    known_ends: NDArray[np.bool_]
    class_probabilities: Floats
    log_odds: Floats
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]
    fragments_since_ns: NDArray[np.int64]
    witnessed: Floats
    occluded: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    oriented: NDArray[np.bool_]
    sensors: NDArray[np.uint8]
    hull: NDArray[np.object_]

    def __len__(self) -> int:
        """Return the number of tracks."""
        return len(self.serial)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "TrackTable":
        """Return a copy that holds the rows of a mask (T,) or an index array, in that order."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return TrackTable(**{name: getattr(self, name).take(index, axis=0) for name in _COLUMNS})

    def copy(self) -> "TrackTable":
        """Return a copy of all columns."""
        return TrackTable(**{name: getattr(self, name).copy() for name in _COLUMNS})

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Tell which tracks (T,) were watched long enough for what they do to be known."""
        out: NDArray[np.bool_] = self.last_seen_ns - self.first_seen_ns >= _SETTLED_NS
        return out

    @property
    def familiar(self) -> NDArray[np.uint8]:
        """Tell how well each track (T,) is known: ``NEW``, ``SETTLED``, or ``RIGID``, a settled vehicle that stands."""
        vehicle = self.class_probabilities[:, _VEHICLES].sum(axis=1) > _SURE
        rigid = vehicle & (self.model_probability[:, imm.STILL] > _SURE)
        return np.where(self.settled, np.where(rigid, RIGID, SETTLED), NEW).astype(np.uint8)

    @property
    def models(self) -> imm.Models:
        """The columns of the motion models themselves: what changes them changes the tracks."""
        return self.model_states, self.model_covariances, self.model_probability

    def sum_up(self) -> None:
        """Bring state and heading, in place, to the mean of the models."""
        mean, covariance = imm.combine(self.models)
        self.state, self.covariance = mean[:, :6], np.ascontiguousarray(covariance[:, :6, :6])
        self.heading, self.heading_covariance = mean[:, 6:], np.ascontiguousarray(covariance[:, 6:, 6:])

    def joined(self, younger: "TrackTable") -> "TrackTable":
        """Return these tracks followed by ``younger`` ones."""
        return TrackTable(**{n: np.concatenate([getattr(self, n), getattr(younger, n)]) for n in _COLUMNS})


_COLUMNS = tuple(f.name for f in dataclasses.fields(TrackTable))


def empty_table() -> TrackTable:
    """Return a table without tracks."""
    return TrackTable(
        serial=np.empty(0, np.int64),
        ids=np.empty((0, 16), np.uint8),
        state=np.empty((0, 6)),
        covariance=np.empty((0, 6, 6)),
        model_states=np.empty((0, MODELS, N)),
        model_covariances=np.empty((0, MODELS, N, N)),
        model_probability=np.empty((0, MODELS)),
        heading=np.empty((0, 2)),
        heading_covariance=np.empty((0, 2, 2)),
        size=np.empty((0, 3)),
        last_size=np.empty((0, 2)),
        hidden_variance=np.empty((0, 2)),
        shared=np.empty((0, 3, 3)),
        dropped_motion=np.empty((0, 3, 3)),
        known_ends=np.empty((0, 2, 2), np.bool_),
        class_probabilities=np.empty((0, len(CLASSES))),
        log_odds=np.empty(0),
        first_seen_ns=np.empty(0, np.int64),
        last_seen_ns=np.empty(0, np.int64),
        fragments_since_ns=np.empty(0, np.int64),
        witnessed=np.empty(0),
        occluded=np.empty(0, np.bool_),
        confirmed=np.empty(0, np.bool_),
        oriented=np.empty(0, np.bool_),
        sensors=np.empty(0, np.uint8),
        hull=np.empty(0, np.object_),
    )
