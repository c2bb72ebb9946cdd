"""Triangle meshes with a material and a colour a triangle, and the primitives everything is built of."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perception_core.geometry.transforms import Transform
from perception_core.simulation.materials import Material

Floats = NDArray[np.float64]
Colour = tuple[float, float, float]

_CREASE = np.cos(np.radians(50.0))


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles, counter-clockwise seen from outside; vertices that faces share are shaded smoothly.

    Attributes:
        vertices: float32 (V, 3) metres.
        triangles: int32 (T, 3) rows of ``vertices``.
        material: uint8 (T,) of :class:`Material`.
        colour: float32 (T, 3) red green blue, 0..1.
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    material: NDArray[np.uint8]
    colour: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of triangles."""
        return len(self.triangles)

    def moved(self, T: Transform) -> "Mesh":
        """Return the mesh under a rigid transform (4, 4)."""
        vertices = self.vertices.astype(np.float64) @ T[:3, :3].T + T[:3, 3]
        return Mesh(vertices.astype(np.float32), self.triangles, self.material, self.colour)

    def scaled(self, factors: ArrayLike) -> "Mesh":
        """Return the mesh stretched by factors (3,) along its axes."""
        vertices = self.vertices * np.asarray(factors, dtype=np.float32)
        return Mesh(vertices, self.triangles, self.material, self.colour)

    def corner_normals(self) -> NDArray[np.float32]:
        """Return unit normals float32 (T, 3 corners, 3): the vertex's mean where the crease is flat enough."""
        a, b, c = (self.vertices[self.triangles[:, i]].astype(np.float64) for i in range(3))
        weighted = np.cross(b - a, c - a)
        face = _unit(weighted)
        vertex = np.zeros((len(self.vertices), 3))
        for corner in range(3):
            np.add.at(vertex, self.triangles[:, corner], weighted)
        smooth = _unit(vertex)[self.triangles]
        flat = np.broadcast_to(face[:, None], smooth.shape)
        keep = (smooth * flat).sum(axis=2) > _CREASE
        return np.where(keep[..., None], smooth, flat).astype(np.float32)


def merge(meshes: Iterable[Mesh]) -> Mesh:
    """Join meshes into one."""
    parts = list(meshes)
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts)])
    triangles = [part.triangles + np.int32(offset) for part, offset in zip(parts, offsets, strict=False)]
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(triangles),
        np.concatenate([part.material for part in parts]),
        np.concatenate([part.colour for part in parts]),
    )


def painted(vertices: ArrayLike, triangles: ArrayLike, material: Material, colour: Colour) -> Mesh:
    """Make a mesh of one material and colour from vertices (V, 3) and triangles (T, 3)."""
    faces = np.asarray(triangles, dtype=np.int32).reshape(-1, 3)
    return Mesh(
        np.asarray(vertices, dtype=np.float32).reshape(-1, 3),
        faces,
        np.full(len(faces), material, dtype=np.uint8),
        np.tile(np.asarray(colour, dtype=np.float32), (len(faces), 1)),
    )


def grid(points: ArrayLike, material: Material, colour: Colour) -> Mesh:
    """Make a surface from points (M, K, 3); the outside is where rows x columns points (right-hand rule)."""
    p = np.asarray(points, dtype=np.float64)
    m, k = p.shape[:2]
    i, j = np.meshgrid(np.arange(m - 1), np.arange(k - 1), indexing="ij")
    a = (i * k + j).ravel()
    quads = np.stack([a, a + k, a + k + 1, a, a + k + 1, a + 1], axis=1)
    return painted(p.reshape(-1, 3), quads.reshape(-1, 3), material, colour)


def box(size: ArrayLike, centre: ArrayLike, material: Material, colour: Colour) -> Mesh:
    """Make a box with hard edges; size and centre (3,) in metres."""
    half = np.asarray(size, dtype=np.float64) / 2.0
    faces = []
    for axis in range(3):
        u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
        for sign in (1.0, -1.0):
            normal = sign * np.eye(3)[axis]
            corners = [normal - sign * u - v, normal + sign * u - v, normal - sign * u + v, normal + sign * u + v]
            faces.append(
                painted(
                    np.array(corners) * half + np.asarray(centre, dtype=np.float64),
                    [[0, 1, 3], [0, 3, 2]],
                    material,
                    colour,
                )
            )
    return merge(faces)


def rings(sections: ArrayLike, material: Material, colour: Colour) -> Mesh:
    """Make a closed solid from closed sections (M, K, 3), each counter-clockwise seen against the direction of M."""
    p = np.asarray(sections, dtype=np.float64)
    m, k = p.shape[:2]
    i, j = np.meshgrid(np.arange(m - 1), np.arange(k), indexing="ij")
    a, b = (i * k + j).ravel(), (i * k + (j + 1) % k).ravel()
    quads = np.stack([a, b, b + k, a, b + k, a + k], axis=1).reshape(-1, 3)
    side = painted(p.reshape(-1, 3), quads, material, colour)
    fan = np.stack([np.zeros(k - 2), np.arange(1, k - 1), np.arange(2, k)], axis=1).astype(np.int32)
    return merge([side, painted(p[0], fan[:, ::-1], material, colour), painted(p[-1], fan, material, colour)])


def tube(
    start: ArrayLike,
    end: ArrayLike,
    radii: tuple[float, float],
    material: Material,
    colour: Colour,
    segments: int = 12,
    round_ends: bool = False,
) -> Mesh:
    """Make a cone frustum from start to end (3,) with radii in metres at both; round ends make it a capsule."""
    p, q = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    axis = q - p
    length = float(np.linalg.norm(axis))
    axis = axis / length
    side = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.8 else [0.0, 1.0, 0.0])
    side = side / np.linalg.norm(side)
    up = np.cross(axis, side)
    if round_ends:
        bend = np.radians([80.0, 45.0, 15.0])
        along = [*(-radii[0] * np.sin(bend)), 0.0, length, *(length + radii[1] * np.sin(bend[::-1]))]
        width = [*(radii[0] * np.cos(bend)), *radii, *(radii[1] * np.cos(bend[::-1]))]
    else:
        along, width = [0.0, length], list(radii)
    angle = np.linspace(0.0, 2.0 * np.pi, segments, endpoint=False)
    circle = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * up
    sections = [p + a * axis + w * circle for a, w in zip(along, width, strict=True)]
    return rings(sections, material, colour)


def ellipsoid(
    radii: ArrayLike,
    centre: ArrayLike,
    material: Material,
    colour: Colour,
    segments: int = 12,
    bumps: NDArray[np.float64] | None = None,
) -> Mesh:
    """Make an ellipsoid of radii (3,) metres; ``bumps`` (segments // 2 - 1, segments) scale the radius (foliage)."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)[1:-1]
    longitude = np.linspace(0.0, 2.0 * np.pi, segments, endpoint=False)
    z, ring = np.sin(latitude)[:, None], np.cos(latitude)[:, None]
    sphere = np.stack(np.broadcast_arrays(ring * np.cos(longitude), ring * np.sin(longitude), z), axis=2)
    if bumps is not None:
        sphere = sphere * bumps[..., None]
    return rings(sphere * np.asarray(radii) + np.asarray(centre), material, colour)


def wheel_ring(centre: ArrayLike, radius: float, thickness: float, colour: Colour, segments: int = 20) -> Mesh:
    """Make a bicycle tyre: a torus in the xz plane; radius to the middle of the tyre, thickness across, metres."""
    angle = np.linspace(2.0 * np.pi, 0.0, segments + 1)
    around = np.linspace(0.0, 2.0 * np.pi, 7)
    reach = radius + thickness / 2 * np.cos(around)
    x = np.cos(angle)[:, None] * reach
    z = np.sin(angle)[:, None] * reach
    y = np.broadcast_to(thickness / 2 * np.sin(around), x.shape)
    return grid(np.stack([x, y, z], axis=2) + np.asarray(centre), Material.RUBBER, colour)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))
