"""Where things move: a street's centreline, and trajectories along it as functions of time.

Street coordinates are (s, d): metres along the centreline and to its left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

from perception_core.errors import ConfigError

Floats = NDArray[np.float64]

_STEP = 0.1
_ROUNDING = 4.0
"""Metres over which a path is averaged: its curvature has no steps, and corners are walked in a bend."""


class Route:
    """A smooth centreline through waypoints in the world's xy plane; straight beyond its ends."""

    def __init__(self, waypoints: ArrayLike) -> None:
        """Lay a cubic spline through waypoints (K, 2) in metres, s = 0 at the first.

        Raises:
            ConfigError: fewer than two waypoints, or two of them in the same place.
        """
        points = np.asarray(waypoints, dtype=np.float64).reshape(-1, 2)
        chords = np.linalg.norm(np.diff(points, axis=0), axis=1)
        if len(points) < 2 or (chords < 1e-6).any():
            raise ConfigError(f"centreline: {points.tolist()}: expected two or more different points")
        knots = np.concatenate([[0.0], np.cumsum(chords)])
        spline = CubicSpline(knots, points, bc_type="natural")
        u = np.linspace(0.0, knots[-1], int(np.ceil(knots[-1] / _STEP)) + 1)
        self._xy = np.asarray(spline(u), dtype=np.float64)
        self._s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self._xy, axis=0), axis=1))])
        tangent = np.asarray(spline(u, 1))
        self._heading = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))

    @property
    def length(self) -> float:
        """Metres from the first waypoint to the last."""
        return float(self._s[-1])

    def heading(self, s: ArrayLike) -> Floats:
        """Return the direction of the street in radians at s (N,) metres."""
        return np.asarray(np.interp(np.asarray(s, dtype=np.float64), self._s, self._heading), dtype=np.float64)

    def position(self, s: ArrayLike, d: ArrayLike = 0.0) -> Floats:
        """Return world xy (N, 2) in metres of street coordinates s (N,), d (N,)."""
        s, d = np.broadcast_arrays(np.asarray(s, dtype=np.float64), np.asarray(d, dtype=np.float64))
        inside = np.clip(s, 0.0, self.length)
        beyond = s - inside
        angle = self.heading(inside)
        along = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        left = np.stack([-np.sin(angle), np.cos(angle)], axis=-1)
        x = np.interp(inside, self._s, self._xy[:, 0])
        y = np.interp(inside, self._s, self._xy[:, 1])
        return np.asarray(np.stack([x, y], axis=-1) + beyond[..., None] * along + d[..., None] * left)


@dataclass(frozen=True, slots=True)
class Motion:
    """Motion over the ground at N moments, float64 (N,).

    Attributes:
        x: metres in the world.
        y: metres.
        z: metres, height of the ground.
        yaw: radians.
        speed: m/s along yaw, level.
        climb: m/s upwards.
        yaw_rate: rad/s.
    """

    x: Floats
    y: Floats
    z: Floats
    yaw: Floats
    speed: Floats
    climb: Floats
    yaw_rate: Floats

    def poses(self) -> Floats:
        """Return float64 (N, 4, 4) poses in the world, z up, on the ground."""
        T = np.zeros((len(self.x), 4, 4))
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        T[:, 0, 0], T[:, 0, 1], T[:, 1, 0], T[:, 1, 1] = c, -s, s, c
        T[:, 2, 2] = T[:, 3, 3] = 1.0
        T[:, 0, 3], T[:, 1, 3], T[:, 2, 3] = self.x, self.y, self.z
        return T


class Trajectory:
    """A path driven with a speed that is piecewise linear in time; it stands still at its end."""

    def __init__(
        self,
        route: Route,
        path: ArrayLike,
        speed: ArrayLike,
        heading: float = 0.0,
        ground: Callable[[Floats], Floats] = np.zeros_like,
    ) -> None:
        """Build from waypoints in street coordinates and a speed profile.

        Args:
            route: the street.
            path: (K, 2) rows (s, d) in metres; one row stands still.
            speed: (J, 2) rows (time s, speed m/s), times rising.
            heading: radians against the street, for one that stands still.
            ground: height (N,) of the ground in metres at d (N,).

        Raises:
            ConfigError: an empty path, equal neighbours in it, falling times or a negative speed.
        """
        waypoints = np.asarray(path, dtype=np.float64).reshape(-1, 2)
        profile = np.asarray(speed, dtype=np.float64).reshape(-1, 2)
        if len(waypoints) == 0:
            raise ConfigError("path: expected at least one waypoint (s, d), got none")
        if len(profile) and ((np.diff(profile[:, 0]) <= 0.0).any() or (profile[:, 1] < 0.0).any()):
            raise ConfigError(f"speed: {profile.tolist()}: expected rising times and speeds >= 0")
        self._t, self._v = (profile[:, 0], profile[:, 1]) if len(profile) else (np.zeros(1), np.zeros(1))
        self._travelled = np.concatenate([[0.0], np.cumsum(np.diff(self._t) * (self._v[1:] + self._v[:-1]) / 2.0)])
        if len(waypoints) == 1:
            street = waypoints
            self._yaw = route.heading(street[:, 0]) + heading
        else:
            street = _dense(waypoints)
        self._xy = route.position(street[:, 0], street[:, 1])
        self._z = ground(street[:, 1])
        self._along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self._xy, axis=0), axis=1))])
        if len(street) > 1:
            tangent = np.gradient(self._xy, axis=0)
            self._yaw = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))

    def at(self, times: ArrayLike) -> Motion:
        """Return the motion at times (N,) in seconds; outside the profile the nearest speed is kept."""
        travelled, speed = self._progress(times)
        moving = (travelled < self._along[-1]) & (travelled >= 0.0)
        s = np.clip(travelled, 0.0, self._along[-1])
        speed = np.where(moving, speed, 0.0)
        return Motion(
            np.interp(s, self._along, self._xy[:, 0]),
            np.interp(s, self._along, self._xy[:, 1]),
            np.interp(s, self._along, self._z),
            np.interp(s, self._along, self._yaw),
            speed,
            speed * self._slope(s, self._z),
            speed * self._slope(s, self._yaw),
        )

    def travelled(self, time: float) -> float:
        """Return the metres along the path at one time, which set the phase of a walker's gait."""
        travelled, _ = self._progress(time)
        return float(np.clip(travelled[0], 0.0, self._along[-1]))

    def _progress(self, times: ArrayLike) -> tuple[Floats, Floats]:
        """Integrate the speed profile: metres driven and speed at times (N,)."""
        t = np.atleast_1d(np.asarray(times, dtype=np.float64))
        inside = np.clip(t, self._t[0], self._t[-1])
        before = np.clip(np.searchsorted(self._t, inside, side="right") - 1, 0, len(self._t) - 1)
        speed = np.interp(inside, self._t, self._v)
        travelled = self._travelled[before] + (inside - self._t[before]) * (speed + self._v[before]) / 2.0
        return travelled + (t - inside) * speed, speed

    def _slope(self, s: Floats, values: Floats) -> Floats:
        """Return the derivative by the way of a column of the dense path."""
        ahead, behind = np.minimum(s + _STEP, self._along[-1]), np.maximum(s - _STEP, 0.0)
        rise = np.interp(ahead, self._along, values) - np.interp(behind, self._along, values)
        return np.asarray(rise / np.maximum(ahead - behind, 1e-9), dtype=np.float64)


def _dense(waypoints: Floats) -> Floats:
    """Sample a path every 0.1 m, (N, 2) street coordinates. PCHIP does not overshoot its waypoints."""
    chords = np.linalg.norm(np.diff(waypoints, axis=0), axis=1)
    if (chords < 1e-6).any():
        raise ConfigError(f"path: {waypoints.tolist()}: expected neighbours in different places")
    knots = np.concatenate([[0.0], np.cumsum(chords)])
    u = np.linspace(0.0, knots[-1], int(np.ceil(knots[-1] / _STEP)) + 1)
    return _rounded(np.asarray(PchipInterpolator(knots, waypoints)(u), dtype=np.float64))


def _rounded(points: Floats) -> Floats:
    """Average dense points (N, 2) over :data:`_ROUNDING`; ends stay in place (odd reflection)."""
    half = min(int(_ROUNDING / _STEP / 2), len(points) - 1)
    before = 2.0 * points[0] - points[half:0:-1]
    after = 2.0 * points[-1] - points[-2 : -half - 2 : -1]
    padded = np.concatenate([before, points, after])
    window = np.ones(2 * half + 1) / (2 * half + 1)
    return np.column_stack([np.convolve(padded[:, i], window, mode="valid") for i in range(2)])
