"""How the surroundings move past a robot that has no odometry: the velocity of what stands still.

Most of what a LiDAR sees is fixed to the ground, so most tracks share one rigid motion relative to the robot, (vx, vy)
and a yaw rate. It is first the mode of the velocities of tracks that know their own, and then follows the innovations
of the tracks that go along with it (an alpha-beta filter, Kalata 1984, whose alpha is the tracks' own gain): the
tracks that it moves have no vote by their velocities, so that it cannot confirm itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking.table import TrackTable

Floats = NDArray[np.float64]

SUPPORT = 8
"""Tracks that must agree."""

_MAJORITY = 0.4
"""Share of the tracks asked that must agree: else traffic may be taken for the ground."""

_AGREEMENT = 1.0
"""m/s by which velocities may differ."""

_KNOWN = 1.0
"""m/s up to which a track knows its velocity."""

_OUTLIER = 0.3
"""Metres of innovation that are no error of the flow."""

_GAIN = 0.15
"""Beta of the alpha-beta filter."""

_RIDGE = 100.0
"""m^2, weak belief in not turning where all tracks stand on one line with the robot."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Velocity of the ground in the robot's frame.

    Attributes:
        vx: m/s at the robot.
        vy: m/s at the robot.
        yaw_rate: rad/s.
    """

    vx: float = 0.0
    vy: float = 0.0
    yaw_rate: float = 0.0

    def at(self, position: Floats) -> Floats:
        """Return the velocities (T, 3) of what stands still at ``position`` (T, >=2) metres."""
        out = np.zeros((len(position), 3))
        out[:, 0] = self.vx - self.yaw_rate * position[:, 1]
        out[:, 1] = self.vy + self.yaw_rate * position[:, 0]
        return out


def acquire(tracks: TrackTable, stamp_ns: int) -> Flow | None:
    """Return the velocity on which the confirmed tracks seen at ``stamp_ns`` agree, None if too few do."""
    spread = np.sqrt(tracks.covariance[:, 3, 3] + tracks.covariance[:, 4, 4])
    asked = (
        tracks.confirmed & (tracks.last_seen_ns == stamp_ns) & (spread < _KNOWN) & tracks.known_ends.all(axis=(1, 2))
    )
    velocity = tracks.state[asked, 3:5]
    if len(velocity) < SUPPORT:
        return None
    near = np.linalg.norm(velocity[:, None] - velocity[None], axis=2) < _AGREEMENT
    best = int(near.sum(axis=1).argmax())
    if near[best].sum() < max(SUPPORT, _MAJORITY * len(velocity)):
        return None
    vx, vy = velocity[near[best]].mean(axis=0)
    return Flow(float(vx), float(vy))


def refine(flow: Flow, tracks: TrackTable, rows: NDArray[np.int64], innovation: Floats, dt: float) -> Flow | None:
    """Correct the flow by the innovations (K, 3) of the tracks ``rows`` (K,), None once too few go along with it."""
    if dt <= 0.0:
        return flow
    asked = tracks.confirmed[rows] & tracks.known_ends[rows].all(axis=(1, 2))
    apart = np.linalg.norm(tracks.state[rows, 3:] - flow.at(tracks.state[rows]), axis=1)
    still = asked & (apart < _AGREEMENT)
    if still.sum() < max(SUPPORT, _MAJORITY * asked.sum()):
        return None
    offset, position = innovation[still, :2], tracks.state[rows[still], :2]
    fair = np.linalg.norm(offset - np.median(offset, axis=0), axis=1) < _OUTLIER
    if fair.sum() < SUPPORT:
        return flow
    offset, position = offset[fair], position[fair]
    one, zero = np.ones(len(offset)), np.zeros(len(offset))
    design = np.vstack([np.column_stack([one, zero, -position[:, 1]]), np.column_stack([zero, one, position[:, 0]])])
    normal = design.T @ design + np.diag([0.0, 0.0, _RIDGE])
    change = np.linalg.solve(normal, design.T @ np.concatenate([offset[:, 0], offset[:, 1]])) * (_GAIN / dt)
    return Flow(flow.vx + float(change[0]), flow.vy + float(change[1]), flow.yaw_rate + float(change[2]))
