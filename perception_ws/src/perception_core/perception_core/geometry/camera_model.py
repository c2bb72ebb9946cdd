"""Pinhole camera with the distortion models of sensor_msgs/CameraInfo.

``plumb_bob`` (k1 k2 p1 p2 k3) and ``rational_polynomial`` (k1 k2 p1 p2 k3 k4 k5 k6) follow Brown 1966 as OpenCV's
calib3d documents them; ``equidistant`` (k1 k2 k3 k4) is the fisheye model of Kannala and Brandt 2006.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.errors import CalibrationError

COEFFICIENTS: dict[str, tuple[int, ...]] = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 8),
    "equidistant": (0, 4),
}
"""Accepted numbers of distortion coefficients a model; 0 means none."""

MIN_DEPTH = 0.05
"""Metres: nearer points are behind or inside the lens."""

_UNDISTORT_ITERATIONS = 20


@dataclass(frozen=True, slots=True)
class CameraModel:
    """Intrinsics of one camera.

    Attributes:
        width: pixels.
        height: pixels.
        matrix: float64 (3, 3) K = [[fx, s, cx], [0, fy, cy], [0, 0, 1]] in pixels; pixel centres at integers.
        distortion: coefficients in the order of sensor_msgs/CameraInfo.d.
        model: ``plumb_bob``, ``rational_polynomial`` or ``equidistant``.
        frame: optical frame, z forward, x right, y down (REP-103).

    Raises:
        CalibrationError: sizes or focal lengths that are not positive, values not finite, an unknown model or a
            number of coefficients it does not take.
    """

    width: int
    height: int
    matrix: NDArray[np.float64]
    distortion: tuple[float, ...] = ()
    model: str = "plumb_bob"
    frame: str = ""

    def __post_init__(self) -> None:
        """Check every number that could turn a projection into garbage."""
        K = np.ascontiguousarray(self.matrix, dtype=np.float64)
        who = f"camera {self.frame!r}"
        if self.width <= 0 or self.height <= 0:
            raise CalibrationError(f"{who}: image size {self.width} x {self.height}, expected positive")
        if K.shape != (3, 3) or not np.isfinite(K).all():
            raise CalibrationError(f"{who}: camera matrix {K.tolist()}, expected finite (3, 3)")
        if K[0, 0] <= 0 or K[1, 1] <= 0 or abs(K[2, 2] - 1.0) > 1e-6 or K[1, 0] or K[2, 0] or K[2, 1]:
            raise CalibrationError(
                f"{who}: camera matrix {K.tolist()}, expected positive focal lengths and rows as in K (uncalibrated?)"
            )
        if self.model not in COEFFICIENTS:
            raise CalibrationError(f"{who}: unknown distortion model {self.model!r}, known: {', '.join(COEFFICIENTS)}")
        if len(self.distortion) not in COEFFICIENTS[self.model]:
            raise CalibrationError(
                f"{who}: {self.model} takes {COEFFICIENTS[self.model]} coefficients, got {len(self.distortion)}"
            )
        if not np.isfinite(self.distortion).all():
            raise CalibrationError(f"{who}: distortion {self.distortion} is not finite")
        K.flags.writeable = False
        object.__setattr__(self, "matrix", K)
        object.__setattr__(self, "distortion", tuple(float(d) for d in self.distortion))

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Project points (N, 3) of the optical frame, metres.

        Returns:
            pixels float64 (N, 2) (NaN where not valid) and bool (N,): in front of the camera, inside the image and
            inside the field of view where the distortion polynomial still grows (beyond it points fold back).
        """
        pixels, valid = np.full((len(points), 2), np.nan), np.zeros(len(points), dtype=np.bool_)
        rows, inside = self.visible(points)
        valid[rows] = True
        pixels[rows] = inside
        return pixels, valid

    def visible(self, points: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Project points (N, 3) of the optical frame, metres; return those of :meth:`project` that are valid.

        Returns:
            int64 (K,) their rows, ascending, and float64 (K, 2) their pixels.
        """
        p = np.asarray(points, dtype=np.float64)
        if not any(self.distortion):
            rows, pixels = _pinhole(frozen(p), frozen(self.matrix), self.width, self.height)
            return rows, pixels
        front = np.flatnonzero(p[:, 2] > MIN_DEPTH)
        p = p[front]
        distorted, unique = self._distort(p[:, :2] / p[:, 2:])
        uv = distorted @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        u, v = uv.T
        inside = unique & (u >= -0.5) & (v >= -0.5) & (u < self.width - 0.5) & (v < self.height - 0.5)
        return front[inside], uv[inside]

    def rays(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return unit rays (N, 3) in the optical frame through pixels (N, 2), undistorted by Newton steps."""
        uv = np.asarray(pixels, dtype=np.float64) - self.matrix[:2, 2]
        target = np.linalg.solve(self.matrix[:2, :2], uv.T).T
        if self.model == "equidistant" and any(self.distortion):
            normal = self._undistort_equidistant(target)
        else:
            normal = self._undistort_fixed_point(target)
        rays = np.empty((len(normal), 3))
        rays[:, :2], rays[:, 2] = normal, 1.0
        rays /= np.sqrt((rays * rays).sum(axis=1, keepdims=True))
        return rays

    def half_angle(self) -> float:
        """Return the radians from the optical axis to the farthest corner or middle of an edge of the image.

        A quarter of a turn, which nothing that is projected goes beyond, where one of their rays is not known: where
        the distortion reaches it from nowhere, or the steps that undistort do not find the way back.
        """
        return _half_angle(self.width, self.height, self.matrix.tobytes(), self.distortion, self.model)

    def _distort(self, normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if not any(self.distortion):
            return normal, np.ones(len(normal), dtype=np.bool_)
        r2 = (normal**2).sum(axis=1)
        if self.model == "equidistant":
            theta = np.arctan(np.sqrt(r2))
            bent, slope = _odd_polynomial(theta, self.distortion)
            scale = np.where(r2 > 1e-16, bent / np.sqrt(np.maximum(r2, 1e-16)), 1.0)
            return normal * scale[:, None], slope > 0.0
        radial, slope = _radial(r2, self.distortion)
        p1, p2 = self.distortion[2:4]
        x, y = normal.T
        tangential = np.column_stack([2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y])
        return normal * radial[:, None] + tangential, (slope > 0.0) & (radial > 0.0)

    def _undistort_fixed_point(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        normal = target.copy()
        if not any(self.distortion):
            return normal
        for _ in range(_UNDISTORT_ITERATIONS):
            normal += target - self._distort(normal)[0]
        return normal

    def _undistort_equidistant(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        bent = np.linalg.norm(target, axis=1)
        theta = bent.copy()
        for _ in range(_UNDISTORT_ITERATIONS):
            value, slope = _odd_polynomial(theta, self.distortion)
            theta -= (value - bent) / slope
        theta = np.clip(theta, 0.0, np.pi / 2 - 1e-6)
        scale = np.where(bent > 1e-12, np.tan(theta) / np.maximum(bent, 1e-12), 1.0)
        return target * scale[:, None]


@njit(cache=True)
def _pinhole(
    points: NDArray[np.float64], matrix: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return what :meth:`CameraModel.visible` does, without distortion."""
    rows, pixels = np.empty(len(points), np.int64), np.empty((len(points), 2))
    n = 0
    for i in range(len(points)):
        if points[i, 2] > MIN_DEPTH:
            x, y = points[i, 0] / points[i, 2], points[i, 1] / points[i, 2]
            u, v = x * matrix[0, 0] + y * matrix[0, 1] + matrix[0, 2], y * matrix[1, 1] + matrix[1, 2]
            if u >= -0.5 and v >= -0.5 and u < width - 0.5 and v < height - 0.5:
                rows[n], pixels[n, 0], pixels[n, 1] = i, u, v
                n += 1
    return rows[:n].copy(), pixels[:n].copy()


@functools.lru_cache(maxsize=64)
def _half_angle(width: int, height: int, matrix: bytes, distortion: tuple[float, ...], model: str) -> float:
    """Return what :meth:`CameraModel.half_angle` does; the intrinsics of a camera hardly ever change."""
    camera = CameraModel(width, height, np.frombuffer(matrix).reshape(3, 3), distortion, model)
    w, h = width - 1, height - 1
    border = np.array([[0, 0], [w, 0], [0, h], [w, h], [w / 2, 0], [w / 2, h], [0, h / 2], [w, h / 2]])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        rays = camera.rays(border)
        pixels, _ = camera.project(rays / rays[:, 2:])
        known = (np.abs(pixels - border) < 0.5).all()
    return float(np.arccos(rays[:, 2].min())) if known else math.pi / 2


def _odd_polynomial(
    theta: NDArray[np.float64], k: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return theta_d of Kannala and Brandt, eq. 6, and its derivative."""
    t2 = theta**2
    value = theta * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))))
    slope = 1 + t2 * (3 * k[0] + t2 * (5 * k[1] + t2 * (7 * k[2] + t2 * 9 * k[3])))
    return value, slope


def _radial(r2: NDArray[np.float64], d: tuple[float, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radial factor and the derivative of ``r * factor`` by r, which is positive where r is unique."""
    k1, k2, k3 = d[0], d[1], d[4] if len(d) > 4 else 0.0
    k4, k5, k6 = d[5:8] if len(d) == 8 else (0.0, 0.0, 0.0)
    above = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    below = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    d_above = k1 + r2 * (2 * k2 + r2 * 3 * k3)
    d_below = k4 + r2 * (2 * k5 + r2 * 3 * k6)
    factor = above / below
    slope = factor + 2 * r2 * (d_above * below - above * d_below) / below**2
    return factor, slope
