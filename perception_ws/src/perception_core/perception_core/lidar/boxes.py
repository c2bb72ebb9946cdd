"""Oriented boxes of clusters from their points, and how well their centres are known."""

import numpy as np

from perception_core.lidar.jit import F32, F64, I32, kernel


@kernel
def extents(xyz: F32, height: F32, labels: I32, headings: F64) -> tuple[F64, I32]:
    """Measure each cluster along its heading.

    Args:
        xyz: float32 (N, 3) obstacle points, height: float32 (N,) above ground.
        labels: int32 (N,) cluster of each point.
        headings: float64 (M,).

    Returns:
        float64 (M, 8): u_min, u_max, v_min, v_max along and across the heading, z_min, z_max, lowest and highest
        height above ground; int32 (M,) counts.
    """
    m = len(headings)
    out = np.empty((m, 8))
    count = np.zeros(m, np.int32)
    cosine, sine = np.cos(headings), np.sin(headings)
    for k in range(m):
        for a in range(0, 8, 2):
            out[k, a], out[k, a + 1] = 1e18, -1e18
    for p in range(len(xyz)):
        k = labels[p]
        x, y, z, h = xyz[p, 0], xyz[p, 1], xyz[p, 2], height[p]
        u, v = cosine[k] * x + sine[k] * y, cosine[k] * y - sine[k] * x
        out[k, 0], out[k, 1] = min(out[k, 0], u), max(out[k, 1], u)
        out[k, 2], out[k, 3] = min(out[k, 2], v), max(out[k, 3], v)
        out[k, 4], out[k, 5] = min(out[k, 4], z), max(out[k, 5], z)
        out[k, 6], out[k, 7] = min(out[k, 6], h), max(out[k, 7], h)
        count[k] += 1
    return out, count


def oriented_boxes(extent: F64, headings: F64) -> tuple[F64, F64, F64]:
    """Turn extents into centre (M, 3), size (M, 3) with length >= width, and yaw (M,) in (-pi/2, pi/2]."""
    size = np.stack([extent[:, 1] - extent[:, 0], extent[:, 3] - extent[:, 2], extent[:, 5] - extent[:, 4]], axis=1)
    u, v = (extent[:, 0] + extent[:, 1]) / 2, (extent[:, 2] + extent[:, 3]) / 2
    c, s = np.cos(headings), np.sin(headings)
    centre = np.stack([c * u - s * v, s * u + c * v, (extent[:, 4] + extent[:, 5]) / 2], axis=1)
    turned = size[:, 1] > size[:, 0]
    size[turned, :2] = size[turned, 1::-1]
    yaw = headings + np.where(turned, np.pi / 2, 0.0)
    return centre, size, np.where(yaw > np.pi / 2, yaw - np.pi, yaw)


def centre_covariance(centre: F64, size: F64, yaw: F64, sensor: F64) -> F64:
    """Covariance (M, 3, 3) of the box centre against the centre of the whole object.

    Along a box axis whose near face alone is seen, the object may reach farther back: by up to what makes it
    ``HIDDEN_RATIO`` times as long as the seen face is wide (a car's rear of 1.7 m may hide 4.3 m), at most
    ``HIDDEN_MAX``. Uniform on that interval, the centre is off by hidden / (2 sqrt 3) in the mean square.
    """
    seen_sigma, hidden_ratio, hidden_max = 0.05, 2.5, 4.5
    c, s = np.cos(yaw), np.sin(yaw)
    to_sensor = sensor[:2] - centre[:, :2]
    local = np.stack([c * to_sensor[:, 0] + s * to_sensor[:, 1], c * to_sensor[:, 1] - s * to_sensor[:, 0]], axis=1)
    spacing = 0.004 * np.hypot(to_sensor[:, 0], to_sensor[:, 1])
    variance = np.empty((len(centre), 3))
    for axis in range(2):
        one_sided = np.abs(local[:, axis]) > size[:, axis] / 2
        hidden = np.clip(hidden_ratio * size[:, 1 - axis] - size[:, axis], 0.0, hidden_max)
        variance[:, axis] = (seen_sigma + spacing) ** 2 + np.where(one_sided, hidden**2 / 12.0, 0.0)
    variance[:, 2] = (seen_sigma + 2.0 * spacing) ** 2
    rotation = np.zeros((len(centre), 3, 3))
    rotation[:, 0, 0] = rotation[:, 1, 1] = c
    rotation[:, 1, 0], rotation[:, 0, 1] = s, -s
    rotation[:, 2, 2] = 1.0
    out: F64 = (rotation * variance[:, None, :]) @ rotation.transpose(0, 2, 1)
    return out
