"""Where things move: a street's centreline, and trajectories along it as functions of time.

Street coordinates are (s, d): metres along the centreline and to its left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.spatial.transform import Rotation

from perception_core.errors import ConfigError
from perception_core.simulation.flight import Flight

Floats = NDArray[np.float64]

_STEP = 0.1
_GROUND_STEP = 0.5
"""Metres between points of the elevation; it is straight between them."""
_ROUNDING = 4.0
"""Metres over which a path is averaged: its curvature has no steps, and corners are walked in a bend."""


class Route:
    """A smooth centreline through waypoints in the world's xy plane; straight and level beyond its ends."""

    def __init__(self, waypoints: ArrayLike, elevation: ArrayLike = ()) -> None:
        """Lay a cubic spline through waypoints (K, 2) in metres, s = 0 at the first.

        ``elevation`` (J, 2) holds rows (s, z) in metres, joined by parabolas over a third of the shorter neighbour, as
        road builders do; none means level at 0.

        Raises:
            ConfigError: fewer than two waypoints, or two of them in the same place; s of the elevation not rising.
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

        self._profile = _vertical_curves(np.asarray(elevation, dtype=np.float64).reshape(-1, 2))

    @property
    def hilly(self) -> bool:
        """Whether the street has an elevation profile."""
        return len(self._profile) > 0

    def height(self, s: ArrayLike) -> Floats:
        """Return the elevation of the street in metres at s (N,)."""
        s = np.asarray(s, dtype=np.float64)
        if not self.hilly:
            return np.zeros(s.shape)
        return np.asarray(np.interp(s, self._profile[:, 0], self._profile[:, 1]), dtype=np.float64)

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
        pitch: radians about the left axis, nose down positive (REP-103).
        roll: radians about the forward axis.
    """

    x: Floats
    y: Floats
    z: Floats
    yaw: Floats
    speed: Floats
    climb: Floats
    yaw_rate: Floats
    pitch: Floats
    roll: Floats

    def poses(self) -> Floats:
        """Return float64 (N, 4, 4) poses in the world, on the ground."""
        T = np.zeros((len(self.x), 4, 4))
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        T[:, 0, 0], T[:, 0, 1], T[:, 1, 0], T[:, 1, 1] = c, -s, s, c
        T[:, 2, 2] = T[:, 3, 3] = 1.0
        T[:, 0, 3], T[:, 1, 3], T[:, 2, 3] = self.x, self.y, self.z
        if self.pitch.any() or self.roll.any():
            tilt = Rotation.from_euler("YX", np.column_stack([self.pitch, self.roll])).as_matrix()
            T[:, :3, :3] = T[:, :3, :3] @ tilt
        return T


_GROUNDED = Flight()


@dataclass(frozen=True, slots=True)
class Ride:
    """How a body follows the road.

    Attributes:
        wheelbase: metres between the axles that lie on the slope; 0 stays upright.
        pitching: amplitude of its nodding on its springs, radians.
        rolling: amplitude of its swaying, radians.
        reverse: whether it goes its way backwards.
        flight: its height over the road and its tilt.
    """

    wheelbase: float = 0.0
    pitching: float = 0.0
    rolling: float = 0.0
    reverse: bool = False
    flight: Flight = _GROUNDED

    def sway(self, times: Floats) -> tuple[Floats, Floats]:
        """Return pitch and roll (N,) in radians of the springs at times (N,): level at time 0, never repeating."""
        swell = np.clip(times, 0.0, 1.0)
        pitch = self.pitching * swell * np.sin(2.0 * np.pi * 0.9 * times) * np.cos(2.0 * np.pi * 0.137 * times)
        roll = self.rolling * swell * np.sin(2.0 * np.pi * 0.63 * times) * np.cos(2.0 * np.pi * 0.091 * times)
        return pitch, roll


_UPRIGHT = Ride()


class Trajectory:
    """A path driven with a speed that is piecewise linear in time; it stands still at its end."""

    def __init__(
        self,
        route: Route,
        path: ArrayLike,
        speed: ArrayLike,
        heading: float = 0.0,
        ground: Callable[[Floats], Floats] = np.zeros_like,
        ride: Ride = _UPRIGHT,
    ) -> None:
        """Build from waypoints in street coordinates and a speed profile.

        Args:
            route: the street.
            path: (K, 2) rows (s, d) in metres; one row stands still.
            speed: (J, 2) rows (time s, speed m/s), times rising.
            heading: radians against the street, for one that stands still.
            ground: height (N,) of the ground in metres over the street's at d (N,).
            ride: how it tilts.

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
        self._ride = ride
        self._z = ground(street[:, 1]) + route.height(street[:, 0])
        self._along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self._xy, axis=0), axis=1))])
        if len(street) > 1:
            tangent = np.gradient(self._xy, axis=0)
            self._yaw = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0])) + (np.pi if ride.reverse else 0.0)
        self._pitch = self._lean(route, street)

    def at(self, times: ArrayLike) -> Motion:
        """Return the motion at times (N,) in seconds; outside the profile the nearest speed is kept."""
        travelled, speed = self._progress(times)
        moving = (travelled < self._along[-1]) & (travelled >= 0.0)
        s = np.clip(travelled, 0.0, self._along[-1])
        speed = np.where(moving, speed, 0.0)
        pitch, roll = self._ride.sway(np.atleast_1d(np.asarray(times, dtype=np.float64)))
        flight = self._ride.flight.at(times)
        return Motion(
            np.interp(s, self._along, self._xy[:, 0]),
            np.interp(s, self._along, self._xy[:, 1]),
            np.interp(s, self._along, self._z) + flight.altitude,
            np.interp(s, self._along, self._yaw),
            -speed if self._ride.reverse else speed,
            speed * self._slope(s, self._z) + flight.climb,
            speed * self._slope(s, self._yaw),
            pitch + np.interp(s, self._along, self._pitch) + flight.pitch,
            roll + flight.roll,
        )

    def travelled(self, time: float) -> float:
        """Return the metres along the path at one time, which set the phase of a walker's gait."""
        travelled, _ = self._progress(time)
        return float(np.clip(travelled[0], 0.0, self._along[-1]))

    def _lean(self, route: Route, street: Floats) -> Floats:
        """Return the pitch (N,) of a body whose axles stand on the street's slope at (s, d) (N, 2)."""
        half = self._ride.wheelbase / 2.0
        if half == 0.0 or not route.hilly:
            return np.zeros(len(street))
        along = half * np.cos(self._yaw - route.heading(street[:, 0]))
        rise = route.height(street[:, 0] + along) - route.height(street[:, 0] - along)
        return np.asarray(-np.arctan2(rise, 2.0 * half), dtype=np.float64)

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


def _vertical_curves(points: Floats) -> Floats:
    """Return the height of a road through points (J, 2) of (s, z), every :data:`_GROUND_STEP`; corners are rounded."""
    if len(points) == 0:
        return points
    gaps = np.diff(points[:, 0])
    if (gaps <= 0.0).any():
        raise ConfigError(f"elevation: {points.tolist()}: expected rising s")
    start, end = points[0, 0] - 20.0, points[-1, 0] + 20.0
    s = np.arange(np.floor(start / _GROUND_STEP), np.ceil(end / _GROUND_STEP) + 1.0) * _GROUND_STEP
    z = np.interp(s, points[:, 0], points[:, 1])
    around = np.concatenate([[20.0], gaps, [20.0]])
    grades = np.concatenate([[0.0], np.diff(points[:, 1]) / gaps, [0.0]])
    for i, (place, _) in enumerate(points):
        reach = min(around[i], around[i + 1]) / 3.0
        off = np.maximum(reach - np.abs(s - place), 0.0)
        z += (grades[i + 1] - grades[i]) * off**2 / (4.0 * reach)
    return np.column_stack([s, z])


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
