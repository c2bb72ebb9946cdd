"""Tracks as the planner's obstacles."""

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry import boxes, transforms
from perception_core.tracking import doubt, existence, imm, motion, witness
from perception_core.tracking.config import LifeConfig, MotionConfig, OutputConfig
from perception_core.tracking.prediction import predicted_paths
from perception_core.tracking.table import TrackTable
from perception_core.types import Mode, Motion, Obstacles, Sensor, SensorStatus
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]

_TILT_VARIANCE = 0.05**2
"""rad^2 of roll and pitch, and rad^2/s^2 of their rates: boxes stand upright by definition, slopes do not."""


def report(
    tracks: TrackTable,
    stamp_ns: int,
    frame: str,
    over_ground: bool,
    robot: Floats,
    mode: Mode,
    statuses: tuple[SensorStatus, ...],
    config: OutputConfig,
    motion_config: MotionConfig,
    life: LifeConfig,
) -> Obstacles:
    """Return the confirmed ones of ``tracks``, which stand at ``stamp_ns`` in ``frame``, as obstacles.

    Args:
        tracks: any, also unconfirmed.
        stamp_ns: nanoseconds.
        frame: the fixed frame.
        over_ground: ``frame`` does not move with the robot.
        robot: (2,) its velocity in ``frame``, m/s.
        mode: passed through.
        statuses: passed through.
        config: prediction and motion state.
        motion_config: by what the predicted path gets uncertain.
        life: how probable a track must be that is not seen.
    """
    told = tracks.select(tracks.confirmed & ((tracks.sensors != Sensor.NONE) | probable(tracks, life)))
    doubt.unrest(told, stamp_ns)
    doubt.widen(told)
    centre, velocity, yaw = told.state[:, :3], told.state[:, 3:], transforms.wrap_angle(told.heading[:, 0])
    motions, doubtful = motion.classify(told, over_ground, robot, config), witness.unproven(told, robot)
    turned = doubt.yaw_variance(told, motions == Motion.MOVING)
    unseen = told.hidden_variance + doubt.centre_variance(told)
    path, path_covariance = _paths(told, doubtful, unseen, turned, config, motion_config)
    twist = told.covariance[:, 3:, 3:].copy()
    twist[doubtful] = witness.doubted(twist[doubtful], velocity[doubtful])
    return Obstacles(
        stamp_ns=stamp_ns,
        frame=frame,
        ids=told.ids,
        centre=centre,
        size=told.size,
        yaw=yaw,
        pose_covariance=_pose_covariance(told, unseen, turned),
        velocity=velocity,
        yaw_rate=told.heading[:, 1],
        twist_covariance=_six(twist, told.heading_covariance[:, 1, 1]),
        class_probabilities=told.class_probabilities,
        existence=existence.probability(told.log_odds),
        footprints=_footprints(told, yaw),
        motion=motions,
        sensors=told.sensors,
        first_seen_ns=told.first_seen_ns,
        last_seen_ns=told.last_seen_ns,
        predicted_path=path,
        prediction_step_ns=round(config.prediction_step * 1e9),
        mode=mode,
        statuses=statuses,
        predicted_covariance=path_covariance,
    )


def _paths(
    told: TrackTable,
    doubtful: NDArray[np.bool_],
    unseen: Floats,
    turned: Floats,
    config: OutputConfig,
    motion_config: MotionConfig,
) -> tuple[Floats, Floats]:
    """Return the predicted poses (T, P, 3) and their covariances (T, P, 3, 3).

    Args:
        told: T tracks.
        doubtful: bool (T,) whose velocities may as well be none.
        unseen: (T, 2) and
        turned: (T,) as of :func:`_pose_covariance`.
        config: number and distance of the poses.
        motion_config: by what they get uncertain.
    """
    path, covariance = predicted_paths(
        _doubted(told, doubtful),
        motion.wheeled(told),
        unseen,
        config.prediction_steps,
        config.prediction_step,
        motion_config,
    )
    path[..., 2] = transforms.wrap_angle(path[..., 2])
    covariance[..., 2, 2] += turned[:, None]
    return path, covariance


def probable(tracks: TrackTable, life: LifeConfig) -> NDArray[np.bool_]:
    """Tell which tracks (T,) are probable enough to be told while nobody sees them; one that is hidden goes on."""
    out: NDArray[np.bool_] = existence.probability(tracks.log_odds) >= life.coast_existence
    return out


def _doubted(told: TrackTable, which: NDArray[np.bool_]) -> imm.Models:
    """Return the models of the tracks, with velocities that may as well be none in some of them (T,)."""
    states, covariances, probability = told.models
    covariances = covariances.copy()
    for model in (imm.STRAIGHT, imm.TURNING):
        twist = covariances[which, model, 3:6, 3:6]
        covariances[which, model, 3:6, 3:6] = witness.doubted(twist, states[which, model, 3:6])
    return states, covariances, probability


def _footprints(told: TrackTable, yaw: Floats) -> tuple[Floats, ...]:
    """Return the footprints (K, 2): what was seen of things without a class where that is known, else the boxes'."""
    centre = told.state[:, :2]
    corners = boxes.bev_corners(told.state[:, :3], told.size, yaw)
    corners.flags.writeable = False
    nameless = told.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN]
    rows = zip(corners, told.hull, centre, nameless.tolist(), strict=True)
    return tuple(hull + middle if bare and len(hull) else box for box, hull, middle, bare in rows)


def _pose_covariance(told: TrackTable, unseen: Floats, turned: Floats) -> Floats:
    """Return (T, 6, 6): the anchor's covariance, and what is added to it.

    Args:
        told: T tracks.
        unseen: (T, 2) m^2 along length and width that the unseen part of the box, or a neighbour in it, adds.
        turned: (T,) rad^2 that an exchange of its sides adds to the yaw's.
    """
    position = told.covariance[:, :3, :3].copy()
    c, s = np.cos(told.heading[:, 0]), np.sin(told.heading[:, 0])
    along, across = unseen.T
    position[:, 0, 0] += c * c * along + s * s * across
    position[:, 1, 1] += s * s * along + c * c * across
    position[:, 0, 1] += c * s * (along - across)
    position[:, 1, 0] = position[:, 0, 1]
    return _six(position, told.heading_covariance[:, 0, 0] + turned)


def _six(linear: Floats, about_z: Floats) -> Floats:
    out = np.zeros((len(linear), 6, 6))
    out[:, :3, :3] = linear
    out[:, 3, 3] = out[:, 4, 4] = _TILT_VARIANCE
    out[:, 5, 5] = about_z
    return out
