"""The ground of a LiDAR scene: elevation along and across, a street's cross-section, exact heights.

Scene coordinates are (s, d): metres along a street and to its left. A bend shifts the street sideways by
``bend s^2 / 2``; elevation and cross-section follow it. The ground is what its mesh is: heights come from rays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perception_core.geometry.transforms import Transform, from_yaw
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, grid

Floats = NDArray[np.float64]
Elevation = Callable[[Floats, Floats], Floats]

REACH = 135.0
"""Metres the ground goes on to every side: farther than any LiDAR here sees ground."""

_GREY: Colour = (0.4, 0.4, 0.4)
_STEEP = 0.25
"""Metres of a vertical step in the ground from which it is a wall and no kerb."""


def level(s: Floats, d: Floats) -> Floats:
    """Return the elevation of level ground."""
    return np.zeros(np.broadcast(s, d).shape)


def grade(s: Floats, start: float, grade_after: float, length: float = 4.0) -> Floats:
    """Return the elevation of a road that is level up to ``start`` and climbs with a grade from ``start + length``.

    Between them it is a parabola, as road builders lay it: z = g (s - start)^2 / (2 length); beyond, the line
    z = g (s - start - length / 2).
    """
    run = np.maximum(s - start, 0.0)
    curved = np.minimum(run, length)
    return np.asarray(grade_after * (curved * curved / (2.0 * length) + (run - curved)))


@dataclass(frozen=True, slots=True)
class Land:
    """Shape of the ground.

    Attributes:
        elevation: metres at (s, d) without the cross-section.
        profile: rows (d, z, material of the strip to the left of it), d rising; empty: all of ``outside``.
        outside: material beyond the profile.
        bend: curvature of the street, 1/m.
        roughness: standard deviation of every vertex's height, metres.
        fine: spacing of vertices within ``fine_reach`` of the origin, metres.
        fine_reach: metres.
        breaks: further s at which vertices are needed.
    """

    elevation: Elevation = level
    profile: tuple[tuple[float, float, Material], ...] = ()
    outside: Material = Material.GRASS
    bend: float = 0.0
    roughness: float = 0.0
    fine: float = 1.0
    fine_reach: float = 40.0
    breaks: tuple[float, ...] = ()

    def height(self, s: ArrayLike, d: ArrayLike) -> Floats:
        """Return the height of the ground in metres at (s, d), without roughness."""
        s, d = np.asarray(s, dtype=np.float64), np.asarray(d, dtype=np.float64)
        z = self.elevation(s, d)
        if self.profile:
            z = z + np.interp(d, [row[0] for row in self.profile], [row[1] for row in self.profile])
        return np.asarray(z, dtype=np.float64)

    def drape(self, points: ArrayLike) -> Floats:
        """Move points (..., 3) given as s, d and metres above ground into the world."""
        p = np.asarray(points, dtype=np.float64)
        s, d = p[..., 0], p[..., 1]
        return np.stack([s, d + self.bend * s * s / 2.0, p[..., 2] + self.height(s, d)], axis=-1)

    def pose(self, s: float, d: float, yaw: float = 0.0, *, upright: bool = True) -> Transform:
        """Return the pose of something at (s, d) whose x axis is turned by yaw against the street.

        Upright things stand; others lie on the slope between the points 1.2 m before and behind, 0.7 m left and right.
        """
        heading = yaw + np.arctan(self.bend * s)
        T = from_yaw(float(heading), self.drape([s, d, 0.0]))
        if upright:
            return T
        c, n = np.cos(yaw), np.sin(yaw)
        ahead = self.drape([[s + 1.2 * c, d + 1.2 * n, 0.0], [s - 1.2 * c, d - 1.2 * n, 0.0]])
        left = self.drape([[s - 0.7 * n, d + 0.7 * c, 0.0], [s + 0.7 * n, d - 0.7 * c, 0.0]])
        x, y = _unit(ahead[0] - ahead[1]), _unit(left[0] - left[1])
        z = _unit(np.cross(x, y))
        T[:3, :3] = np.column_stack([x, np.cross(z, x), z])
        T[2, 3] = (ahead[:, 2].mean() + left[:, 2].mean()) / 2.0
        return T

    def mesh(self, rng: np.random.Generator) -> tuple[Mesh, NDArray[np.bool_]]:
        """Build the ground; also tell which triangles are its vertical steps: retaining walls."""
        s = _stations(self.fine, self.fine_reach, self.breaks)
        d = _stations(self.fine, self.fine_reach, tuple(row[0] for row in self.profile))
        points = np.stack([*np.meshgrid(s, d, indexing="ij"), np.zeros((len(s), len(d)))], axis=2)
        points[..., 2] = rng.normal(0.0, self.roughness, points.shape[:2]) if self.roughness > 0.0 else 0.0
        bare = grid(self.drape(points), Material.GRASS, _GREY)
        material = np.tile(np.repeat(self._strip_materials(d), 2), len(s) - 1)
        corners = bare.vertices[bare.triangles].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        steep = np.abs(normal[:, 2]) < 0.2 * np.linalg.norm(normal, axis=1)
        wall = steep & (np.ptp(corners[:, :, 2], axis=1) > _STEEP)
        return Mesh(bare.vertices, bare.triangles, material, bare.colour), wall

    def _strip_materials(self, d: Floats) -> NDArray[np.uint8]:
        middle = (d[1:] + d[:-1]) / 2.0
        if not self.profile:
            return np.full(len(middle), self.outside, dtype=np.uint8)
        edges = np.array([row[0] for row in self.profile])
        strips = np.array([self.outside, *(row[2] for row in self.profile[:-1]), self.outside], dtype=np.uint8)
        return np.asarray(strips[np.searchsorted(edges, middle)])


def street_profile(
    half: float, kerbs: tuple[float, float], sidewalk: float, road: Material = Material.ASPHALT
) -> tuple[tuple[float, float, Material], ...]:
    """Return the cross-section of a road: half width, kerb heights right and left, sidewalk width, metres."""
    right, left = kerbs
    return (
        (-half - sidewalk, right, Material.PAVING),
        (-half - 0.15, right, Material.KERB),
        (-half - 0.01, right, Material.KERB),
        (-half, 0.0, road),
        (half, 0.0, Material.KERB),
        (half + 0.01, left, Material.KERB),
        (half + 0.15, left, Material.PAVING),
        (half + sidewalk, left, Material.PAVING),
    )


def _stations(fine: float, reach: float, extra: tuple[float, ...]) -> Floats:
    inner = np.arange(-reach, reach + fine / 2.0, fine)
    middle = np.arange(reach, 60.0, max(fine, 1.0))
    outer = np.arange(max(reach, 60.0), REACH + 3.0, 3.0)
    positive = np.concatenate([middle, outer])
    lines = np.concatenate([-positive, inner, positive, extra])
    return np.unique(lines.round(4))


def _unit(v: Floats) -> Floats:
    return np.asarray(v / np.linalg.norm(v))
