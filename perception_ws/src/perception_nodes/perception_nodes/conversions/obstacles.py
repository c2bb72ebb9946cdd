"""perception_interfaces/ObstacleArray to and from the core's tracked obstacles."""

import enum
import struct

import numpy as np
from geometry_msgs.msg import Vector3
from numpy.typing import NDArray

from perception_core.errors import PerceptionError
from perception_core.types import CLASSES, Mode, Obstacles, SensorKind, SensorState, SensorStatus
from perception_core.types.classes import INDEX, UNKNOWN
from perception_interfaces.msg import Obstacle, ObstacleArray
from perception_interfaces.msg import SensorStatus as SensorStatusMsg
from perception_nodes.conversions import cdr
from perception_nodes.conversions.detection3d import Hypotheses, class_lists
from perception_nodes.conversions.header import covariance_from_msg, half_turns, header_to_msg, yaw_from_msg
from perception_nodes.conversions.time import NS, duration_to_msg, ns_from_msg, split_ns, time_to_msg

_FLOAT32 = struct.Struct("<f")


def obstacles_to_cdr(obstacles: Obstacles, latency_ns: int = 0) -> bytes:
    """Return the planner's message; ``latency_ns`` from the stamp of the scan to publishing.

    The probability of ``unknown`` is what the listed classes leave over of 1, so it is not listed.
    """
    out = cdr.CdrWriter()
    out.time(*split_ns(obstacles.stamp_ns))
    out.text(obstacles.frame)
    out.count(len(obstacles))
    _write_obstacles(out, obstacles)
    out.count(len(obstacles.statuses))
    for status in obstacles.statuses:
        _write_status(out, status)
    out.raw(bytes([obstacles.mode]))
    out.time(*divmod(latency_ns, NS))
    return out.message()


def obstacles_to_msg(obstacles: Obstacles, latency_ns: int = 0) -> ObstacleArray:
    """Return the same as a message object."""
    return cdr.to_msg(obstacles_to_cdr(obstacles, latency_ns), ObstacleArray)


def status_to_msg(
    stamp_ns: int, frame: str, mode: Mode, statuses: tuple[SensorStatus, ...], latency_ns: int = 0
) -> ObstacleArray:
    """Return an ObstacleArray without obstacles: what the perception stands on, nothing about what it sees.

    fusion_node sends it as ``objects/status`` beside each array of objects.
    """
    return ObstacleArray(
        header=header_to_msg(stamp_ns, frame),
        sensors=[sensor_status_to_msg(s) for s in statuses],
        mode=int(mode),
        latency=duration_to_msg(latency_ns),
    )


def status_from_msg(msg: ObstacleArray) -> tuple[Mode, tuple[SensorStatus, ...]]:
    """Return mode and sensors of an ObstacleArray.

    Raises:
        PerceptionError: an unknown mode, sensor kind or state.
    """
    return _enum(Mode, msg.mode, "mode"), tuple(sensor_status_from_msg(s) for s in msg.sensors)


def sensor_status_to_msg(status: SensorStatus) -> SensorStatusMsg:
    """Return the health of one sensor."""
    return SensorStatusMsg(
        name=status.name,
        kind=int(status.kind),
        state=int(status.state),
        last_stamp=time_to_msg(status.last_stamp_ns),
        rate_hz=float(status.rate_hz),
        reason=status.reason,
    )


def sensor_status_from_msg(msg: SensorStatusMsg) -> SensorStatus:
    """Return the health of one sensor; ``rate_hz`` is a float32 in the message.

    Raises:
        PerceptionError: an unknown kind or state.
    """
    kind, state = _enum(SensorKind, msg.kind, "kind"), _enum(SensorState, msg.state, "state")
    return SensorStatus(msg.name, kind, state, ns_from_msg(msg.last_stamp), msg.rate_hz, msg.reason)


def obstacles_from_msg(msg: ObstacleArray) -> Obstacles:
    """Return columns; class probabilities, existence, footprints and the covariances of paths are float32 there.

    Raises:
        PerceptionError: an orientation that is no rotation, paths of different lengths, covariances of them that are
            none or not 9 numbers a pose, an unknown mode.
    """
    rows = msg.obstacles
    mode, statuses = status_from_msg(msg)
    steps = {len(o.predicted_path) for o in rows}
    if len(steps) > 1:
        raise PerceptionError(f"obstacles: predicted paths of {sorted(steps)} poses, expected one length")
    return Obstacles(
        stamp_ns=ns_from_msg(msg.header.stamp),
        frame=msg.header.frame_id,
        ids=np.array([o.id.uuid for o in rows], dtype=np.uint8).reshape(-1, 16),
        centre=_table([_xyz(o.pose.pose.position) for o in rows], 3),
        size=_table([_xyz(o.size) for o in rows], 3),
        yaw=np.array([yaw_from_msg(o.pose.pose.orientation) for o in rows], dtype=np.float64),
        pose_covariance=_stack([covariance_from_msg(o.pose.covariance) for o in rows]),
        velocity=_table([_xyz(o.twist.twist.linear) for o in rows], 3),
        yaw_rate=np.array([o.twist.twist.angular.z for o in rows], dtype=np.float64),
        twist_covariance=_stack([covariance_from_msg(o.twist.covariance) for o in rows]),
        class_probabilities=_table([_probabilities(o) for o in rows], len(CLASSES)),
        existence=np.array([o.existence_probability for o in rows], dtype=np.float64),
        footprints=tuple(_table([(p.x, p.y) for p in o.footprint.points], 2) for o in rows),
        motion=np.array([o.motion for o in rows], dtype=np.uint8),
        sensors=np.array([o.sensors for o in rows], dtype=np.uint8),
        first_seen_ns=np.array([ns_from_msg(o.first_seen) for o in rows], dtype=np.int64),
        last_seen_ns=np.array([ns_from_msg(o.last_seen) for o in rows], dtype=np.int64),
        predicted_path=_paths(rows, max(steps, default=0)),
        predicted_covariance=_path_covariances(rows, max(steps, default=0)),
        prediction_step_ns=ns_from_msg(rows[0].prediction_step) if rows else 0,
        mode=mode,
        statuses=statuses,
    )


def _write_obstacles(out: cdr.CdrWriter, obstacles: Obstacles) -> None:
    """Write perception_interfaces/Obstacle, field by field, of all."""
    poses, motions = _poses(obstacles), _motions(obstacles)
    ids, existence = cdr.rows(obstacles.ids), cdr.rows(obstacles.existence.astype("<f4"))
    states = cdr.rows(np.stack([obstacles.motion, obstacles.sensors], axis=1).astype(np.uint8))
    floor = (obstacles.centre[:, 2] - obstacles.size[:, 2] / 2.0).tolist()
    first, last = obstacles.first_seen_ns.tolist(), obstacles.last_seen_ns.tolist()
    steps, paths = obstacles.predicted_path.shape[1], _paths_to_bytes(obstacles)
    step = divmod(obstacles.prediction_step_ns, NS)
    numbers = 9 * obstacles.predicted_covariance.shape[1]
    covariances = cdr.rows(obstacles.predicted_covariance.astype("<f4"))
    for i, classes in enumerate(class_lists(obstacles.class_probabilities)):
        out.raw(ids[i])
        _write_classes(out, classes)
        out.raw(existence[i])
        out.align(8)
        out.raw(poses[i] + motions[i])
        _write_footprint(out, obstacles.footprints[i], floor[i])
        out.raw(states[i])
        out.time(*split_ns(first[i]))
        out.time(*split_ns(last[i]))
        out.count(steps)
        if steps:
            out.align(8)
            out.raw(paths[i])
        out.time(*step)
        out.count(numbers)
        out.raw(covariances[i])


def _poses(obstacles: Obstacles) -> list[bytes]:
    """Return the bytes of each PoseWithCovariance."""
    table = np.zeros((len(obstacles), 43), "<f8")
    table[:, :3] = obstacles.centre
    table[:, 5:7] = half_turns(obstacles.yaw)
    table[:, 7:] = obstacles.pose_covariance.reshape(-1, 36)
    return cdr.rows(table)


def _motions(obstacles: Obstacles) -> list[bytes]:
    """Return the bytes of each TwistWithCovariance and of the size behind it."""
    table = np.zeros((len(obstacles), 45), "<f8")
    table[:, :3] = obstacles.velocity
    table[:, 5] = obstacles.yaw_rate
    table[:, 6:42] = obstacles.twist_covariance.reshape(-1, 36)
    table[:, 42:] = obstacles.size
    return cdr.rows(table)


def _paths_to_bytes(obstacles: Obstacles) -> list[bytes]:
    """Return the bytes of each obstacle's predicted poses, at the height of its centre."""
    path = obstacles.predicted_path
    table = np.zeros((*path.shape[:2], 7), "<f8")
    table[..., :2] = path[..., :2]
    table[..., 2] = obstacles.centre[:, None, 2]
    table[..., 5:] = half_turns(path[..., 2].ravel()).reshape(*path.shape[:2], 2)
    return cdr.rows(table)


def _write_footprint(out: cdr.CdrWriter, footprint: NDArray[np.float64], floor: float) -> None:
    corners = np.full((len(footprint), 3), floor, dtype="<f4")
    corners[:, :2] = footprint
    out.count(len(corners))
    out.raw(corners.tobytes())


def _write_classes(out: cdr.CdrWriter, classes: Hypotheses) -> None:
    named = [pair for pair in classes if pair[0] != UNKNOWN]
    out.count(len(named))
    for label, p in named:
        out.name(label, 4)
        out.raw(_FLOAT32.pack(p))
    out.align(4)


def _write_status(out: cdr.CdrWriter, status: SensorStatus) -> None:
    out.text(status.name)
    out.raw(bytes([status.kind, status.state]))
    out.time(*split_ns(status.last_stamp_ns))
    out.raw(struct.pack("<f", status.rate_hz))
    out.text(status.reason)


def _probabilities(obstacle: Obstacle) -> list[float]:
    row = [0.0] * len(CLASSES)
    for entry in obstacle.classes:
        row[INDEX.get(entry.label, INDEX[UNKNOWN])] += entry.probability
    row[INDEX[UNKNOWN]] += max(0.0, 1.0 - sum(row))
    return row


def _paths(rows: list[Obstacle], steps: int) -> NDArray[np.float64]:
    poses = [(p.position.x, p.position.y, yaw_from_msg(p.orientation)) for o in rows for p in o.predicted_path]
    return np.array(poses, dtype=np.float64).reshape(len(rows), steps, 3)


def _path_covariances(rows: list[Obstacle], steps: int) -> NDArray[np.float64]:
    lengths = {len(o.predicted_path_covariance) for o in rows}
    if lengths - {0} and lengths != {9 * steps}:
        raise PerceptionError(
            f"obstacles: path covariances of {sorted(lengths)} numbers for {steps} poses, expected 9 a pose"
        )
    known = steps if lengths - {0} else 0
    numbers = [o.predicted_path_covariance for o in rows]
    return np.array(numbers, dtype=np.float64).reshape(len(rows), known, 3, 3)


def _xyz(v: Vector3) -> tuple[float, float, float]:
    return v.x, v.y, v.z


def _table(rows: list, width: int) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _stack(matrices: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array(matrices, dtype=np.float64).reshape(-1, 6, 6)


def _enum[E: enum.IntEnum](kind: type[E], value: int, field: str) -> E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(f"{e.name}={e.value}" for e in kind)
        raise PerceptionError(f"{field}: {value} is none of {known}") from None
