"""How the robot moved between two scans, for recordings without odometry.

Point to plane ICP (Chen and Medioni, "Object modelling by registration of multiple range images", 1992) with a robust
weight, the distances at which points pair shrinking from the largest motion to the noise. What stands weighs more than
the ground, which says nothing of the way along the road.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from perception_core.geometry.transforms import Transform, apply

Floats = NDArray[np.float64]

_VOXEL = 0.4
_CELLS = 1024
"""Cubes along each axis: more than 60 m to either side."""
_NEIGHBOURS = 8
_FLATNESS = 0.1
"""Largest share of the smallest in the middle eigenvalue for a plane."""
_REACHES = (3.0, 3.0, 2.0, 2.0, 1.5, 1.0, 1.0, 0.7, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3)
"""Metres within which points pair, a round each."""
_CLOSE = 0.15
_LEAST_PAIRS = 100
_MOST = 5000
"""Places that are looked at."""


@dataclass(frozen=True, slots=True)
class Planes:
    """Places of a scan around which it is flat.

    Attributes:
        points: float64 (P, 3) metres.
        normals: float64 (P, 3) unit vectors.
    """

    points: Floats
    normals: Floats

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.points)


def planes_of(points: Floats) -> Planes:
    """Return the places of a scan (N, 3), thinned out, whose neighbours lie on a plane."""
    points = _thinned(points)
    if len(points) <= _NEIGHBOURS:
        return Planes(np.empty((0, 3)), np.empty((0, 3)))
    centres = points[:: 1 + (len(points) - 1) // _MOST]
    _, k = cKDTree(points).query(centres, k=_NEIGHBOURS)
    around = points[k] - points[k].mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))
    flat = values[:, 0] < _FLATNESS * values[:, 1]
    return Planes(centres[flat], np.ascontiguousarray(vectors[flat, :, 0]))


def motion_between(first: Planes, second: Planes) -> tuple[Transform, float]:
    """Register a scan on the one before; both in the same frame fixed to the robot.

    Returns:
        T_first_second (4, 4) where the robot has gone, and the share of the second's places that lie within 0.15 m of
        the first's planes afterwards; identity and 0 where there is too little to go by.
    """
    if len(first) < _LEAST_PAIRS or len(second) < _LEAST_PAIRS:
        return np.eye(4), 0.0
    tree = cKDTree(first.points)
    T, share = np.eye(4), 0.0
    for reach in _REACHES:
        at = apply(T, second.points)
        distance, k = (np.asarray(column) for column in tree.query(at, distance_upper_bound=reach))
        paired = np.flatnonzero(np.isfinite(distance))
        if len(paired) < _LEAST_PAIRS:
            return np.eye(4), 0.0
        onto = k[paired]
        step, residual = _gauss_newton(at[paired], first.points[onto], first.normals[onto], 0.3 * reach)
        T = step @ T
        share = float((np.abs(residual) < _CLOSE).sum() / len(second))
    return T, share


def _gauss_newton(at: Floats, onto: Floats, normals: Floats, scale: float) -> tuple[Transform, Floats]:
    """Return a step (4, 4) towards planes, and the distances (P,) from them before it."""
    residual = ((at - onto) * normals).sum(axis=1)
    J = np.hstack([normals, np.cross(at, normals)])
    upright = 1.0 - 0.9 * np.abs(normals[:, 2])
    weight = upright / (1.0 + (residual / scale) ** 2) ** 2
    H = (J * weight[:, None]).T @ J + 1e-6 * np.eye(6)
    move = -np.linalg.solve(H, (J * (weight * residual)[:, None]).sum(axis=0))
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(move[3:]).as_matrix()
    T[:3, 3] = move[:3]
    return T, residual


def _thinned(points: Floats) -> Floats:
    """Return the first point of each cube."""
    reach = np.linalg.norm(points, axis=1)
    points = points[(reach > 2.0) & (reach < 60.0)]
    cell = np.floor(points / _VOXEL).astype(np.int64) + _CELLS // 2
    _, first = np.unique((cell[:, 0] * _CELLS + cell[:, 1]) * _CELLS + cell[:, 2], return_index=True)
    return np.asarray(points[np.sort(first)])
