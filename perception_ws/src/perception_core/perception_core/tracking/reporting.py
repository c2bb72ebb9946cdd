"""Tracks as the planner's obstacles."""

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry import boxes, transforms
from perception_core.tracking import existence, motion
from perception_core.tracking.config import MotionConfig, OutputConfig
from perception_core.tracking.table import TrackTable
from perception_core.types import Mode, Obstacles, SensorStatus
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]

_TILT_VARIANCE = 0.05**2
"""rad^2 of roll and pitch, and rad^2/s^2 of their rates: boxes stand upright by definition, slopes do not."""


def report(
    tracks: TrackTable,
    stamp_ns: int,
    frame: str,
    over_ground: bool,
    mode: Mode,
    statuses: tuple[SensorStatus, ...],
    config: OutputConfig,
    motion_config: MotionConfig,
) -> Obstacles:
    """Return the confirmed ones of ``tracks``, which stand at ``stamp_ns`` in ``frame``, as obstacles.

    Args:
        tracks: any, also unconfirmed.
        stamp_ns: nanoseconds.
        frame: the fixed frame.
        over_ground: ``frame`` does not move with the robot.
        mode: passed through.
        statuses: passed through.
        config: prediction and motion state.
        motion_config: by what the predicted path gets uncertain.
    """
    told = tracks.select(tracks.confirmed)
    centre, velocity, yaw = told.state[:, :3], told.state[:, 3:], transforms.wrap_angle(told.heading[:, 0])
    pose_covariance = _pose_covariance(told)
    return Obstacles(
        stamp_ns=stamp_ns,
        frame=frame,
        ids=told.ids,
        centre=centre,
        size=told.size,
        yaw=yaw,
        pose_covariance=pose_covariance,
        velocity=velocity,
        yaw_rate=told.heading[:, 1],
        twist_covariance=_six(told.covariance[:, 3:, 3:], told.heading_covariance[:, 1, 1]),
        class_probabilities=told.class_probabilities,
        existence=existence.probability(told.log_odds),
        footprints=_footprints(told, yaw),
        motion=motion.classify(told, over_ground, config),
        sensors=told.sensors,
        first_seen_ns=told.first_seen_ns,
        last_seen_ns=told.last_seen_ns,
        predicted_path=_predicted_path(centre, velocity, yaw, config),
        prediction_step_ns=round(config.prediction_step * 1e9),
        mode=mode,
        statuses=statuses,
        predicted_covariance=_predicted_covariance(told, pose_covariance, motion_config, config),
    )


def _footprints(told: TrackTable, yaw: Floats) -> tuple[Floats, ...]:
    """Return the footprints (K, 2): what was seen of things without a class where that is known, else the boxes'."""
    centre = told.state[:, :2]
    corners = boxes.bev_corners(told.state[:, :3], told.size, yaw)
    nameless = told.class_probabilities.argmax(axis=1) == INDEX[UNKNOWN]
    rows = zip(corners, told.hull, centre, nameless.tolist(), strict=True)
    return tuple(hull + middle if bare and len(hull) else box for box, hull, middle, bare in rows)


def _predicted_path(centre: Floats, velocity: Floats, yaw: Floats, config: OutputConfig) -> Floats:
    """Return (T, P, 3) of x, y, yaw at constant velocity."""
    after = config.prediction_step * np.arange(1, config.prediction_steps + 1)
    path = np.empty((len(centre), config.prediction_steps, 3))
    path[:, :, :2] = centre[:, None, :2] + after[None, :, None] * velocity[:, None, :2]
    path[:, :, 2] = yaw[:, None]
    return path


def _predicted_covariance(
    told: TrackTable, pose_covariance: Floats, motion_config: MotionConfig, config: OutputConfig
) -> Floats:
    """Return (T, P, 3, 3) of x, y, yaw at constant velocity and yaw rate, driven by white-noise acceleration."""
    after = config.prediction_step * np.arange(1, config.prediction_steps + 1)[None, :, None, None]
    cross, speed = told.covariance[:, None, :2, 3:5], told.covariance[:, None, 3:5, 3:5]
    out = np.zeros((len(told), config.prediction_steps, 3, 3))
    noise = np.eye(2) * motion_config.acceleration_density * after**3 / 3.0
    out[..., :2, :2] = pose_covariance[:, None, :2, :2] + after**2 * speed + noise
    out[..., :2, :2] += after * (cross + cross.swapaxes(2, 3))
    t, heading = after[..., 0, 0], told.heading_covariance[:, None]
    out[..., 2, 2] = heading[..., 0, 0] + 2.0 * t * heading[..., 0, 1] + t**2 * heading[..., 1, 1]
    out[..., 2, 2] += motion_config.yaw_density * t**3 / 3.0
    return out


def _pose_covariance(told: TrackTable) -> Floats:
    """Return (T, 6, 6): the anchor's covariance plus what the unseen part of the box adds along its axes."""
    position = told.covariance[:, :3, :3].copy()
    c, s = np.cos(told.heading[:, 0]), np.sin(told.heading[:, 0])
    along, across = told.hidden_variance.T
    position[:, 0, 0] += c * c * along + s * s * across
    position[:, 1, 1] += s * s * along + c * c * across
    position[:, 0, 1] += c * s * (along - across)
    position[:, 1, 0] = position[:, 0, 1]
    return _six(position, told.heading_covariance[:, 0, 0])


def _six(linear: Floats, about_z: Floats) -> Floats:
    out = np.zeros((len(linear), 6, 6))
    out[:, :3, :3] = linear
    out[:, 3, 3] = out[:, 4, 4] = _TILT_VARIANCE
    out[:, 5, 5] = about_z
    return out
