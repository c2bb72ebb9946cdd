"""How the ground lies, as far as the feet of what stands on it tell.

Each cluster knows its lowest point in the base frame and above the ground under it; their difference is the height of
the ground there. So the ground that the LiDAR path found is known wherever it found anything, without its points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.types import Clusters

Floats = NDArray[np.float64]

_SLOPE, _SLOPE_IN_THE_AIR = 0.03, 0.3
"""Slopes of the ground in the base frame that are reckoned with before anything is seen, and where the robot flies."""

_KNOWN = 1.0
"""Metres; a height of the ground that is less certain tells nothing."""

_FOOT_SIGMA = 0.08
"""Metres, of the ground under one cluster, and how far real ground is from a plane, near the robot ..."""

_BEND = 0.01
"""... and a metre of range."""

_FEWEST = 4
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class GroundPlane:
    """Plane z = a + b x + c y of the base frame: ``coefficients`` float64 (3,) metres, slopes.

    ``seen`` tells whether it was looked at, or is the base frame's own; ``sigma`` how certain its height under the
    robot is, in metres.
    """

    coefficients: Floats
    seen: bool = False
    sigma: float = 0.0

    @property
    def known(self) -> bool:
        """Whether it tells where things stand."""
        return self.sigma < _KNOWN

    def height(self, x: Floats | float, y: Floats | float) -> Floats:
        """Return metres of the ground in the base frame."""
        a, b, c = self.coefficients
        return np.asarray(a + b * np.asarray(x) + c * np.asarray(y))


def base_plane(sigma: float) -> GroundPlane:
    """Return z = 0, of which the ground under the robot lies ``sigma`` metres off."""
    return GroundPlane(np.zeros(3), sigma=sigma)


def plane_under(clusters: Clusters, base_sigma: float) -> GroundPlane:
    """Fit the ground under a scan's clusters; z = 0 where there are too few of them.

    Robust least squares with the weights of Geman and McClure, drawn to the base frame's plane by how well that is
    known: ``base_sigma`` metres, see ``CameraOnlyConfig.ground_sigma``.
    """
    base = base_plane(base_sigma)
    if len(clusters) < _FEWEST:
        return base
    x, y = clusters.centre[:, 0], clusters.centre[:, 1]
    foot = clusters.centre[:, 2] - clusters.size[:, 2] / 2 - clusters.bottom
    design = np.column_stack([np.ones(len(x)), x, y])
    sigma = _FOOT_SIGMA + _BEND * np.hypot(x, y)
    slope = _SLOPE if base.known else _SLOPE_IN_THE_AIR
    start = np.diag(1.0 / np.square([base_sigma, slope, slope]))
    solution = np.array([0.0 if base.known else np.median(foot), 0.0, 0.0])
    for _ in range(_SWEEPS):
        residual = (foot - design @ solution) / sigma
        weight = 1.0 / (sigma * (1.0 + (residual / 2.0) ** 2)) ** 2
        solution = np.linalg.solve(design.T @ (weight[:, None] * design) + start, design.T @ (weight * foot))
    return GroundPlane(solution, seen=True) if np.isfinite(solution).all() else base
