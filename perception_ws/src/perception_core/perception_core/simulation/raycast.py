"""Ray casting on one mesh with Open3D's RaycastingScene (Embree); Open3D is loaded when the first mesh is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.mesh import Mesh

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hits:
    """Nearest hits of N rays.

    Attributes:
        distance: float32 (N,) in units of the ray's direction; inf where nothing was hit.
        triangle: int32 (N,), -1 where nothing was hit.
        uv: float32 (N, 2) barycentric coordinates of the second and third corner.
    """

    distance: Floats32
    triangle: NDArray[np.int32]
    uv: Floats32


class RayScene:
    """A mesh, indexed for rays given in its own frame."""

    def __init__(self, mesh: Mesh) -> None:
        """Build the index once; casting does not change it."""
        import open3d

        self._core: Any = open3d.core
        self._scene: Any = open3d.t.geometry.RaycastingScene()
        vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float32)
        triangles = np.ascontiguousarray(mesh.triangles, dtype=np.uint32)
        self._scene.add_triangles(self._core.Tensor.from_numpy(vertices), self._core.Tensor.from_numpy(triangles))

    def cast(self, origins: Floats32, directions: Floats32) -> Hits:
        """Cast N rays; origins (N, 3) or (3,) metres, directions (N, 3)."""
        result = self._scene.cast_rays(self._rays(origins, directions))
        triangle = result["primitive_ids"].numpy().view(np.int32)  # Embree's "none" is 0xffffffff, that is -1
        return Hits(result["t_hit"].numpy(), triangle, result["primitive_uvs"].numpy())

    def occluded(self, origins: Floats32, directions: Floats32) -> NDArray[np.bool_]:
        """Tell for N rays whether anything stands in their way."""
        blocked: NDArray[np.bool_] = self._scene.test_occlusions(self._rays(origins, directions)).numpy()
        return blocked

    def _rays(self, origins: Floats32, directions: Floats32) -> Any:
        rays = np.empty((len(directions), 6), dtype=np.float32)
        rays[:, :3] = origins
        rays[:, 3:] = directions
        return self._core.Tensor.from_numpy(rays)
