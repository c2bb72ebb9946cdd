"""The tracker: objects of one scan in, obstacles with identity, velocity and existence out."""

import dataclasses
import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError
from perception_core.geometry import transforms
from perception_core.tracking import (
    correction,
    existence,
    flow,
    fragments,
    hulls,
    imm,
    life,
    motion,
    reporting,
    seam,
    witness,
)
from perception_core.tracking.anchoring import visible_sides
from perception_core.tracking.association import associate
from perception_core.tracking.config import TrackerConfig
from perception_core.tracking.measurements import Measurements, from_objects
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.types import CLASSES, Mode, Motion, Objects, Obstacles, Sensor, SensorStatus

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrackerEvents:
    """What happened since the tracker was made; counts that only grow.

    Attributes:
        clock_resets: the clock was set back, all tracks were dropped.
        frame_changes: the fixed frame changed its name, all tracks were dropped.
        duplicates: scans with the stamp of the last one, ignored.
        out_of_order: scans older than the last one, ignored.
        invalid_objects: objects with values that are not finite, ignored.
        births: tracks started.
        confirmations: tracks reported for the first time.
        deaths: tracks dropped for want of evidence or after a reset.
        fragments: measurements taken for a part of a confirmed track.
        reunions: younger tracks merged into the lost one that they continued.
    """

    clock_resets: int = 0
    frame_changes: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    invalid_objects: int = 0
    births: int = 0
    confirmations: int = 0
    deaths: int = 0
    fragments: int = 0
    reunions: int = 0


class Tracker:
    """Follows objects from scan to scan in a fixed frame.

    One instance a robot; it owns its tracks and its counter of ids. The same calls give the same bytes.
    """

    def __init__(self, config: TrackerConfig, id_namespace: bytes) -> None:
        """Make a tracker without tracks.

        Args:
            config: parameters.
            id_namespace: 16 bytes, different for each instance; ids are uuid5 of it and a running number.

        Raises:
            PerceptionError: a namespace that is not 16 bytes long.
        """
        if len(id_namespace) != 16:
            raise PerceptionError(f"id_namespace: expected 16 bytes, got {len(id_namespace)}")
        self._config = config
        self._namespace = uuid.UUID(bytes=id_namespace)
        self._next_serial = 0
        self._tracks = empty_table()
        self._stamp_ns: int | None = None
        self._frame = ""
        self._over_ground = True
        self._place, self._velocity = np.zeros(2), np.zeros(2)
        self._flow: flow.Flow | None = None
        self._events = TrackerEvents()

    @property
    def events(self) -> TrackerEvents:
        """Counts of what happened so far; compare two of them to see what one update did."""
        return self._events

    def reset(self) -> None:
        """Forget all tracks and the clock; ids go on counting."""
        self._count(deaths=len(self._tracks))
        self._tracks = empty_table()
        self._stamp_ns = None
        self._flow = None

    def update(
        self,
        objects: Objects,
        T_fixed_base: transforms.Transform,
        fixed_frame: str,
        statuses: tuple[SensorStatus, ...] = (),
    ) -> Obstacles:
        """Take the objects of one scan into account.

        A scan with the last stamp or an older one changes nothing and yields the obstacles of the last stamp;
        one older by more than ``life.reset_jump``, or in another fixed frame, starts afresh. All are counted
        in :attr:`events`.

        Only a LiDAR looks everywhere: in the modes without it, what is not measured coasts and its existence only
        decays with time.

        Args:
            objects: of one scan, in the robot's base frame.
            T_fixed_base: (4, 4) pose of the base frame in the fixed frame at the objects' stamp.
            fixed_frame: its name; the base frame's own where there is no odometry.
            statuses: health of the sensors, passed through.

        Returns:
            The confirmed tracks at the objects' stamp, oldest first.

        Raises:
            TransformError: the pose is not finite, or no (4, 4) matrix; the tracker does not change.
        """
        transforms.checked(T_fixed_base, "T_fixed_base")
        if not self._accept(objects.stamp_ns, fixed_frame):
            return self._report(self._tracks, self._stamp_ns or 0, objects.mode, statuses)
        self._over_ground = fixed_frame != objects.frame
        if self._over_ground:
            self._flow = flow.Flow()
        seen, invalid = from_objects(objects, T_fixed_base, self._config.measurement)
        if self._flow is None:
            seen.loose[:] = False
        dt = self._advance(objects.stamp_ns)
        self._go_on(T_fixed_base[:2, 3], dt)
        self._take_in(seen, T_fixed_base[:2, 3], dt, watching=objects.mode in (Mode.FUSED, Mode.LIDAR_ONLY))
        self._count(invalid_objects=invalid)
        return self._report(self._tracks, objects.stamp_ns, objects.mode, statuses)

    def predict_only(
        self, stamp_ns: int, fixed_frame: str, mode: Mode, statuses: tuple[SensorStatus, ...] = ()
    ) -> Obstacles:
        """Return the obstacles coasted to ``stamp_ns`` while no scan arrives; the tracker does not change.

        Not seeing because nothing was measured is no evidence against an object: existence only decays with time, and
        tracks end after their coasting time. A stamp before the last scan's yields the state of that scan; a fixed
        frame other than the tracks' yields none.
        """
        if self._stamp_ns is None or fixed_frame != self._frame:
            return self._report(empty_table(), stamp_ns, mode, statuses, fixed_frame)
        stamp_ns = max(stamp_ns, self._stamp_ns)
        alive = self._tracks.select(~life.expired(self._tracks, stamp_ns, self._config.life))
        coasted = _predicted(alive, (stamp_ns - self._stamp_ns) / 1e9, self._flow, self._config)
        if stamp_ns > self._stamp_ns:
            coasted.sensors[:] = Sensor.NONE
        return self._report(coasted, stamp_ns, mode, statuses)

    def _accept(self, stamp_ns: int, fixed_frame: str) -> bool:
        """Compare a stamp and a frame with the last; start afresh where they cannot be continued."""
        if self._stamp_ns is not None and fixed_frame != self._frame:
            self.reset()
            self._count(frame_changes=1)
        self._frame = fixed_frame
        if self._stamp_ns is None or stamp_ns > self._stamp_ns:
            return True
        if (self._stamp_ns - stamp_ns) / 1e9 > self._config.life.reset_jump:
            self.reset()
            self._count(clock_resets=1)
            return True
        if stamp_ns == self._stamp_ns:
            self._count(duplicates=1)
        else:
            self._count(out_of_order=1)
        return False

    def _advance(self, stamp_ns: int) -> float:
        """Move all tracks to ``stamp_ns``, drop those unseen for too long, return the seconds passed."""
        dt = 0.0 if self._stamp_ns is None else (stamp_ns - self._stamp_ns) / 1e9
        self._stamp_ns = stamp_ns
        self._keep(~life.expired(self._tracks, stamp_ns, self._config.life))
        self._tracks = _predicted(self._tracks, dt, self._flow, self._config)
        self._tracks.sensors[:] = Sensor.NONE
        return dt

    def _go_on(self, place: Floats, dt: float) -> None:
        """Learn the robot's own velocity from its ``place`` (2,) now and ``dt`` seconds ago; 0 after a start."""
        self._velocity = (place - self._place) / dt if dt > 0.0 else np.zeros(2)
        self._place = place.copy()

    def _take_in(self, seen: Measurements, sensor: Floats, dt: float, watching: bool) -> None:
        """Match, correct, weigh, begin, settle; ``watching``: an object that is not measured was missed."""
        tracks, stamp_ns, config = self._tracks, self._now, self._config
        seen = seam.join(tracks, seen, config.shape.split_overlap)
        sides = _sides(tracks, sensor, config)
        face = seen.face_variance(config.measurement)
        rows, columns, fit = associate(tracks, sides, seen, face, config.association)
        matched = seen.select(columns)
        left = seen.select(_others(columns, len(seen)))
        owner = self._fragments(rows, matched, left)
        self._follow_flow(rows, matched, sides[rows], dt)
        still = _still(self._flow, tracks.state[rows])
        clear = correction.correct(tracks, rows, matched, sides[rows], stamp_ns, self._flow is not None, config, still)
        witness.remember(tracks, rows, clear, still, dt)
        self._weigh_existence(rows, matched.existence, fit, dt)
        self._weigh_absence(rows, seen, sensor, dt, watching)
        motions = motion.classify(tracks, self._over_ground, self._velocity, config.output)
        motion.orient(tracks, motions == Motion.MOVING)
        resting = (tracks.last_seen_ns < stamp_ns) & ~tracks.oriented
        if self._flow is not None and resting.any():
            motion.rest(tracks, resting)
        self._begin(left.select(np.flatnonzero(owner < 0)), sensor)
        self._settle()

    def _fragments(self, rows: Indices, matched: Measurements, left: Measurements) -> Indices:
        """Find fragments among measurements ``left``, return their owners (L,).

        For a while they are joined with ``matched``; if they last, the track may shrink to what still matches it, and
        a fragment is an object of its own once it lies outside.
        """
        tracks, shape, stamp_ns = self._tracks, self._config.shape, self._now
        owner = fragments.owners(tracks, rows, left, shape.split_overlap)
        owning = np.zeros(len(tracks), dtype=np.bool_)
        owning[owner[owner >= 0]] = True
        since = np.where(tracks.fragments_since_ns >= 0, tracks.fragments_since_ns, stamp_ns)
        tracks.fragments_since_ns = np.where(owning, since, -1)
        if owning.any():
            matched.hull = hulls.bare(matched.hull, owning[rows])
            lasting = (stamp_ns - since) / 1e9 > shape.split_patience
            fragments.rejoin(tracks, rows, matched, left, np.where((owner >= 0) & lasting[owner], -1, owner))
            self._count(fragments=int((owner >= 0).sum()))
        return owner

    def _follow_flow(self, rows: Indices, matched: Measurements, sides: Floats, dt: float) -> None:
        """Without odometry: learn how the surroundings move from the matches, before they correct the tracks."""
        tracks = self._tracks
        if self._over_ground:
            return
        if self._flow is None:
            self._flow = flow.acquire(tracks, self._now - round(dt * 1e9))
            return
        innovation, _, _, _ = correction.innovations(
            correction.moved_to(tracks.state[rows], matched.late),
            tracks.size[rows],
            tracks.heading[rows, 0],
            sides,
            tracks.known_ends[rows],
            tracks.familiar[rows],
            matched,
            matched.face_variance(self._config.measurement),
        )
        self._flow = flow.refine(self._flow, tracks, rows, innovation, dt)

    def _weigh_existence(self, rows: Indices, evidence: Floats, fit: Floats, dt: float) -> None:
        """Let all tracks age, then believe more in those that were measured."""
        tracks, config = self._tracks, self._config
        odds = existence.survive(tracks.log_odds, dt, config.life)
        weight = min(dt / config.life.evidence_time, 1.0)
        detection = config.association.detection_probability
        odds[rows] = existence.seen(odds[rows], evidence, fit, weight, detection, config.life)
        tracks.log_odds = odds

    def _weigh_absence(self, rows: Indices, seen: Measurements, sensor: Floats, dt: float, watching: bool) -> None:
        """Believe less in tracks that were not measured, unless something nearer hides them or nobody looked."""
        tracks, config = self._tracks, self._config
        absent = _others(rows, len(tracks))
        box = tracks.state[absent, :3], tracks.size[absent], tracks.heading[absent, 0]
        tracks.occluded[:] = False
        tracks.occluded[absent] = existence.hidden(*box, seen, sensor)
        if not watching:
            return
        expected = np.where(
            tracks.occluded[absent],
            config.life.occluded_detection_probability,
            config.association.detection_probability,
        )
        weight = min(dt / config.life.evidence_time, 1.0)
        tracks.log_odds[absent] = existence.missed(tracks.log_odds[absent], expected, weight, config.life)

    def _begin(self, new: Measurements, sensor: Floats) -> None:
        if len(new) == 0:
            return
        grounded, still = self._flow is not None, _still(self._flow, new.centre)
        young = life.born(new, self._now, sensor, self._namespace, self._next_serial, grounded, self._config, still)
        self._next_serial += len(young)
        self._tracks = self._tracks.joined(young)
        self._count(births=len(young))

    def _settle(self) -> None:
        """Confirm, reunite and bury."""
        kept = life.reunite(self._tracks, self._now, self._config.shape.split_overlap, self._config.life)
        if not kept.all():
            self._tracks = self._tracks.select(kept)
        fresh = life.to_confirm(self._tracks, self._config.life) & ~self._tracks.confirmed
        fresh &= ~life.within_another(self._tracks, self._config.life)
        self._tracks.confirmed |= fresh
        self._count(confirmations=int(fresh.sum()), reunions=int((~kept).sum()))
        probable = existence.probability(self._tracks.log_odds) >= self._config.life.death_existence
        crowded = life.crowded_out(self._tracks, self._now, self._config.shape.split_overlap, self._config.life)
        self._keep(probable & ~crowded & ~life.lost(self._tracks, self._config.life))

    @property
    def _now(self) -> int:
        assert self._stamp_ns is not None, "only called after a stamp was accepted"
        return self._stamp_ns

    def _keep(self, mask: NDArray[np.bool_]) -> None:
        if mask.all():
            return
        self._count(deaths=int((~mask).sum()))
        self._tracks = self._tracks.select(mask)

    def _count(self, **more: int) -> None:
        changes = {name: getattr(self._events, name) + n for name, n in more.items() if n}
        if changes:
            self._events = dataclasses.replace(self._events, **changes)

    def _report(
        self,
        tracks: TrackTable,
        stamp_ns: int,
        mode: Mode,
        statuses: tuple[SensorStatus, ...],
        frame: str | None = None,
    ) -> Obstacles:
        """Return the obstacles; ``frame``: another than that of the tracks."""
        config = self._config
        return reporting.report(
            tracks,
            stamp_ns,
            self._frame if frame is None else frame,
            self._over_ground,
            self._velocity,
            mode,
            statuses,
            config.output,
            config.motion,
            config.life,
        )


def warm_up() -> None:
    """Compile what numba compiles, so that nothing does so in the first scan."""
    tracker = Tracker(TrackerConfig(), bytes(16))
    n = 3  # with one row numba would take strided columns for contiguous ones, and compile again later
    for stamp in range(2):
        objects = Objects(
            stamp_ns=stamp * 100_000_000,
            frame="base_link",
            centre=np.outer(np.arange(1.0, n + 1.0), [10.0, 0.0, 0.1]),
            size=np.full((n, 3), 2.0),
            yaw=np.zeros(n),
            covariance=np.tile(np.eye(6) * 0.01, (n, 1, 1)),
            class_probabilities=np.full((n, len(CLASSES)), 1.0 / len(CLASSES)),
            existence=np.ones(n),
            sensors=np.full(n, Sensor.LIDAR, dtype=np.uint8),
            point_count=np.full(n, 100, dtype=np.int32),
            mode=Mode.LIDAR_ONLY,
        )
        tracker.update(objects, np.eye(4), "odom")
    boxes = objects.centre, objects.size, objects.yaw
    fragments.inside_share(*boxes, *boxes)
    existence.hidden(*boxes, from_objects(objects, np.eye(4), TrackerConfig().measurement)[0], np.zeros(2))


def _others(index: Indices, count: int) -> Indices:
    """Return which of ``count`` rows are not in ``index``, in their order."""
    free = np.ones(count, dtype=np.bool_)
    free[index] = False
    return np.flatnonzero(free)


def _still(ground: flow.Flow | None, position: Floats) -> Floats | float:
    """Return the velocities (T, 3) of what stands still at ``position`` (T, >=2), 0 where that is not known."""
    return 0.0 if ground is None else ground.at(position)


def _predicted(tracks: TrackTable, dt: float, ground: flow.Flow | None, config: TrackerConfig) -> TrackTable:
    """Return a copy of the tracks moved ahead by ``dt`` seconds."""
    moved = tracks.copy()
    models = imm.predict(
        tracks.models, motion.wheeled(tracks), dt, ground is not None, config.motion, _still(ground, tracks.state)
    )
    moved.model_states, moved.model_covariances, moved.model_probability = models
    moved.sum_up()
    return moved


def _sides(tracks: TrackTable, sensor: Floats, config: TrackerConfig) -> Floats:
    return visible_sides(
        tracks.state[:, :3], tracks.size, tracks.heading[:, 0], sensor, config.measurement.grazing_sine
    )
