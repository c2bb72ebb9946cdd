"""What the check looks for, and how a point moves in the image when it changes.

The seven unknowns ``x``: how the camera is really turned (rad) and shifted (m) against what the calibration says,
about and along the axes of the base frame at the camera (x forward, y left, z up: roll, pitch, yaw), and by how much
its stamps have to be corrected (s). With the rotation R and place t of the camera in the base frame as calibrated, and
the twist xi of the base at the image's stamp, a standing point p of the base frame at that stamp is seen at

    p_camera = R^T exp(-[w]) (exp(-c xi) p - t - d),    x = (w, d, c).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from perception_core.types._checks import column

ROTATION, TRANSLATION, OFFSET = slice(0, 3), slice(3, 6), 6
UNKNOWNS = 7
NAMES = ("roll", "pitch", "yaw", "x", "y", "z", "offset")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EdgePoints:
    """Depth steps of a frame in the base frame at the image's stamp.

    Attributes:
        points: float64 (E, 3) metres.
        outward: float64 (E, 3) unit vectors from the thing to what is behind.
        step: float64 (E,) radians between the two rays.
        channel: uint8 (E,) ``UPRIGHT`` or ``LEVEL``: the direction of the edge in the image.
        group: int64 (E,) which points err alike (the side of the thing and how far it is).
    """

    points: Floats
    outward: Floats
    step: Floats
    channel: NDArray[np.uint8]
    group: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "points", column("edges.points", self.points, np.float64, (None, 3)))
        n = len(self.points)
        set_(self, "outward", column("edges.outward", self.outward, np.float64, (n, 3)))
        set_(self, "step", column("edges.step", self.step, np.float64, (n,)))
        set_(self, "channel", column("edges.channel", self.channel, np.uint8, (n,)))
        set_(self, "group", column("edges.group", self.group, np.int64, (n,)))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)


@dataclass(frozen=True, slots=True)
class Views:
    """How the frames, F of them, are looked at as calibrated.

    Attributes:
        T_base_camera: float64 (F, 4, 4) of the optical frame.
        K: float64 (F, 3, 3) of the undistorted images.
        twists: float64 (F, 6) of the base at each image's stamp, m/s and rad/s in its own axes.
    """

    T_base_camera: Floats
    K: Floats
    twists: Floats

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "T_base_camera", column("views.T_base_camera", self.T_base_camera, np.float64, (None, 4, 4)))
        n = len(self.T_base_camera)
        set_(self, "K", column("views.K", self.K, np.float64, (n, 3, 3)))
        set_(self, "twists", column("views.twists", self.twists, np.float64, (n, 6)))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.K)


@dataclass(frozen=True, slots=True)
class Poses:
    """The cameras of F frames under some unknowns.

    Attributes:
        T_camera_base: float64 (F, 3, 4) moves points of the base at the image's stamp into the optical frame.
        R_camera_base: float64 (F, 3, 3) R^T exp(-[w]): turns the base's axes at the moment of exposure.
        place: float64 (F, 3) metres, the camera in the base frame.
    """

    T_camera_base: Floats
    R_camera_base: Floats
    place: Floats


def poses_under(views: Views, x: Floats) -> Poses:
    """Return the cameras under the unknowns ``x`` (7,)."""
    correction = Rotation.from_rotvec(-x[ROTATION]).as_matrix()
    turned = views.T_base_camera[:, :3, :3].transpose(0, 2, 1) @ correction
    place = views.T_base_camera[:, :3, 3] + x[TRANSLATION]
    R, t = exp_twists(-x[OFFSET] * views.twists)
    poses = np.empty((len(views), 3, 4))
    poses[:, :, :3] = turned @ R
    poses[:, :, 3] = (turned @ (t - place)[:, :, None])[:, :, 0]
    return Poses(poses, turned, place)


def corrected_mount(T_base_camera: Floats, x: Floats) -> Floats:
    """Return T_base_camera (4, 4) as the correction ``x`` (7,) makes it."""
    T = T_base_camera.copy()
    T[:3, :3] = Rotation.from_rotvec(x[ROTATION]).as_matrix() @ T[:3, :3]
    T[:3, 3] += x[TRANSLATION]
    return T


def exp_twists(twists: Floats) -> tuple[Floats, Floats]:
    """Return rotations (F, 3, 3) and translations (F, 3) of small twists (F, 6): V to the second order of the angle."""
    w = twists[:, 3:]
    W = np.zeros((len(w), 3, 3))
    W[:, 0, 1], W[:, 0, 2], W[:, 1, 2] = -w[:, 2], w[:, 1], -w[:, 0]
    W -= W.transpose(0, 2, 1)
    V = np.eye(3) + W / 2.0 + W @ W / 6.0
    return Rotation.from_rotvec(w).as_matrix(), (V @ twists[:, :3, None])[:, :, 0]


def project(pose: Floats, K: Floats, points: Floats) -> Floats:
    """Return the pixels (E, 2) of points (E, 3) under T_camera_base (3, 4); NaN behind the camera."""
    p = points @ pose[:, :3].T + pose[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        uv = p[:, :2] / p[:, 2:] @ K[:2, :2].T + K[:2, 2]
    uv[p[:, 2] < 0.1] = np.nan
    return np.asarray(uv)


@njit(cache=True, error_model="numpy")
def score_frame(
    edges: NDArray[np.float32],
    scale: float,
    points: Floats,
    channel: NDArray[np.uint8],
    pose: Floats,
    turned: Floats,
    place: Floats,
    twist: Floats,
    K: Floats,
    out: Floats,
) -> None:
    """Write the score of each of a frame's points, and its gradient: float64 (E, 8).

    Args:
        edges: float32 (2, h, w) spread edges, of an image ``scale`` times the size that K speaks of.
        scale: pixels of ``edges`` a pixel.
        points: float64 (E, 3) in the base frame.
        channel: uint8 (E,) of ``edges``.
        pose: float64 (3, 4) of :class:`Poses`, as ``turned`` (3, 3) and ``place`` (3,).
        twist: float64 (6,) of the base.
        K: float64 (3, 3).
        out: float64 (E, 8), filled.
    """
    _, h, w = edges.shape
    for i in range(len(points)):
        out[i] = 0.0
        x, y, z = points[i]
        px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3]
        py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3]
        pz = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3]
        if pz < 0.1:
            continue
        u = (K[0, 0] * px + K[0, 1] * py) / pz + K[0, 2]
        v = K[1, 1] * py / pz + K[1, 2]
        us, vs = (u + 0.5) * scale - 0.5, (v + 0.5) * scale - 0.5
        if not (us >= 0.0 and vs >= 0.0 and us < w - 1 and vs < h - 1):
            continue
        c, col, row = channel[i], int(us), int(vs)
        fu, fv = us - col, vs - row
        a, b = edges[c, row, col], edges[c, row, col + 1]
        d, e = edges[c, row + 1, col], edges[c, row + 1, col + 1]
        top, low = a + fu * (b - a), d + fu * (e - d)
        out[i, 0] = top + fv * (low - top)
        du = scale * ((b - a) + fv * ((e - d) - (b - a)))
        dv = scale * (low - top)
        # by the point in the camera's axes
        gx = du * K[0, 0] / pz
        gy = (du * K[0, 1] + dv * K[1, 1]) / pz
        gz = -(du * (u - K[0, 2]) + dv * (v - K[1, 2])) / pz
        # the same in the axes of the base as corrected: q = turned^T p
        bx = turned[0, 0] * gx + turned[1, 0] * gy + turned[2, 0] * gz
        by = turned[0, 1] * gx + turned[1, 1] * gy + turned[2, 1] * gz
        bz = turned[0, 2] * gx + turned[1, 2] * gy + turned[2, 2] * gz
        qx = turned[0, 0] * px + turned[1, 0] * py + turned[2, 0] * pz
        qy = turned[0, 1] * px + turned[1, 1] * py + turned[2, 1] * pz
        qz = turned[0, 2] * px + turned[1, 2] * py + turned[2, 2] * pz
        out[i, 1] = by * qz - bz * qy
        out[i, 2] = bz * qx - bx * qz
        out[i, 3] = bx * qy - by * qx
        out[i, 4] = -bx
        out[i, 5] = -by
        out[i, 6] = -bz
        ax, ay, az = qx + place[0], qy + place[1], qz + place[2]
        mx = twist[0] + twist[4] * az - twist[5] * ay
        my = twist[1] + twist[5] * ax - twist[3] * az
        mz = twist[2] + twist[3] * ay - twist[4] * ax
        out[i, 7] = -(bx * mx + by * my + bz * mz)
