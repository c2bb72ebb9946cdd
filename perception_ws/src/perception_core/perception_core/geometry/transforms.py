"""Rigid transforms as float64 (4, 4) matrices named ``T_target_source``: ``p_target = T_target_source @ p_source``.

Quaternions are (x, y, z, w), as in geometry_msgs; angles are radians.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation, Slerp

from perception_core.errors import CalibrationError, TransformError

Transform = NDArray[np.float64]

_FEW = 300
"""Vectors up to which a handful of calls for all columns is faster than one for each."""

UNIT_TOLERANCE = 1e-3
"""Largest accepted deviation of a quaternion's norm from 1; a file rounded to 4 digits still passes."""


def identity() -> Transform:
    """Return the identity transform, float64 (4, 4)."""
    return np.eye(4)


def from_quaternion(translation: ArrayLike, quaternion_xyzw: ArrayLike, name: str = "transform") -> Transform:
    """Build ``T_target_source`` from a translation (3,) in metres and a unit quaternion (4,) x, y, z, w.

    Raises:
        CalibrationError: a wrong shape, a value that is not finite, or a norm off 1 by more than
            :data:`UNIT_TOLERANCE`; the message names ``name`` and the value.
    """
    t = _vector(f"{name}.translation", translation, 3)
    q = _vector(f"{name}.rotation", quaternion_xyzw, 4)
    norm = float(np.linalg.norm(q))
    if abs(norm - 1.0) > UNIT_TOLERANCE:
        raise CalibrationError(f"{name}.rotation: quaternion {q.tolist()} has norm {norm:.4f}, expected 1")
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat(q / norm).as_matrix()
    T[:3, 3] = t
    return T


def from_yaw(yaw: float, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Transform:
    """Build a transform that turns by ``yaw`` radians about +z and shifts by ``translation`` (3,) metres."""
    c, s = math.cos(yaw), math.sin(yaw)
    T = np.eye(4)
    T[:2, :2] = [[c, -s], [s, c]]
    T[:3, 3] = _vector("translation", translation, 3)
    return T


def to_quaternion(T: Transform) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (translation (3,), unit quaternion (4,) x, y, z, w with w >= 0)."""
    q = Rotation.from_matrix(T[:3, :3]).as_quat(canonical=True)
    return T[:3, 3].copy(), q


def invert(T: Transform) -> Transform:
    """Return ``T_source_target`` of ``T_target_source``."""
    R_t = T[:3, :3].T
    out = np.eye(4)
    out[:3, :3] = R_t
    out[:3, 3] = -R_t @ T[:3, 3]
    return out


def apply[F: (NDArray[np.float32], NDArray[np.float64])](T: Transform, points: F) -> F:
    """Move points (N, 3) from the source frame into the target frame; the float dtype is kept."""
    moved = rotate(T, points)
    moved += T[:3, 3].astype(points.dtype)
    return moved


def rotate[F: (NDArray[np.float32], NDArray[np.float64])](T: Transform, vectors: F) -> F:
    """Turn free vectors (N, 3) from the axes of the source into those of the target; the float dtype is kept.

    Column by column rather than by a matrix product: a BLAS would spread 3 x 3 over threads, which costs ten times
    the work on a busy machine and sums in an order of its own. Of a few, the calls cost more than the loops.
    """
    R = T[:3, :3].astype(vectors.dtype)
    turned = np.empty_like(vectors)
    if len(vectors) < _FEW:
        x, y, z = (vectors[:, k, None] * R[:, k] for k in range(3))
        np.add(x + y, z, out=turned)
        return turned
    x, y, z = vectors.T
    for axis in range(3):
        turned[:, axis] = R[axis, 0] * x + R[axis, 1] * y + R[axis, 2] * z
    return turned


def yaw_of(T: Transform) -> float:
    """Return the heading of the source's x axis in the target's xy plane, radians in (-pi, pi]."""
    return math.atan2(float(T[1, 0]), float(T[0, 0]))


def wrap_angle(angle: ArrayLike) -> NDArray[np.float64]:
    """Wrap radians to [-pi, pi); shape is kept."""
    return (np.asarray(angle, dtype=np.float64) + math.pi) % (2.0 * math.pi) - math.pi


def interpolate(T0: Transform, t0_ns: int, T1: Transform, t1_ns: int, t_ns: int) -> Transform:
    """Interpolate between two poses: linear in translation, slerp in rotation (Shoemake 1985).

    Raises:
        TransformError: ``t_ns`` outside [t0_ns, t1_ns]; nothing is extrapolated.
    """
    if not t0_ns <= t_ns <= t1_ns:
        raise TransformError(f"stamp {t_ns} ns lies outside the known poses {t0_ns} to {t1_ns} ns")
    if t0_ns == t1_ns:
        return T0.copy()
    fraction = (t_ns - t0_ns) / (t1_ns - t0_ns)
    rotations = Rotation.from_matrix(np.stack([T0[:3, :3], T1[:3, :3]]))
    out = np.eye(4)
    out[:3, :3] = Slerp([0.0, 1.0], rotations)(fraction).as_matrix()
    out[:3, 3] = (1.0 - fraction) * T0[:3, 3] + fraction * T1[:3, 3]
    return out


def checked(T: Transform, name: str) -> Transform:
    """Return ``T``.

    Raises:
        TransformError: it is no (4, 4) matrix, or not finite.
    """
    if T.shape != (4, 4):
        raise TransformError(f"{name}: expected shape (4, 4), got {T.shape}")
    if not np.isfinite(T).all():
        raise TransformError(f"{name}: {T.tolist()} is not finite")
    return T


def _vector(name: str, values: ArrayLike, length: int) -> NDArray[np.float64]:
    out = np.asarray(values, dtype=np.float64)
    if out.shape != (length,):
        raise CalibrationError(f"{name}: expected shape ({length},), got {out.shape}")
    if not np.isfinite(out).all():
        raise CalibrationError(f"{name}: {out.tolist()} is not finite")
    return out
