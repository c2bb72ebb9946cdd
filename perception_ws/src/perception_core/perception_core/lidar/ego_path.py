"""How a sensor moved during a sweep: poses at a few moments, from transforms or from measured rates.

Between two poses the motion is a screw of constant rate: ``T(t) = T0 exp(s log(T0^-1 T1))`` on SE(3) (Lynch and Park,
"Modern Robotics", 2017, section 3.3.3; Barfoot, "State Estimation for Robotics", 2017, section 7.1). The constant
rate is what KISS-ICP assumes over a whole sweep (Vizzo et al., RA-L 2023, section III-A); here it holds between two
poses 10 ms apart, as the integrated rates of a gyro do in LIO pipelines (Xu et al., FAST-LIO2, T-RO 2022).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError, TransformError
from perception_core.geometry.transforms import Transform
from perception_core.types._checks import column

KNOT_NS = 10_000_000
"""Distance of the poses that are looked up: wheel odometry comes at 50 to 100 Hz."""


@dataclass(frozen=True, slots=True)
class EgoPath:
    """Poses of one frame at K >= 1 moments, in a frame that stands still.

    Attributes:
        stamp_ns: int64 (K,) nanoseconds, rising.
        poses: float64 (K, 4, 4) T_fixed_frame.
        turns_only: translation is not known and left out (a gyro alone).

    Raises:
        PerceptionError: no pose, wrong shapes, stamps that do not rise, a pose that is not finite.
    """

    stamp_ns: NDArray[np.int64]
    poses: NDArray[np.float64]
    turns_only: bool = False

    def __post_init__(self) -> None:
        """Check shapes, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "stamp_ns", column("path.stamp_ns", self.stamp_ns, np.int64, (None,)))
        set_(self, "poses", column("path.poses", self.poses, np.float64, (len(self.stamp_ns), 4, 4)))
        if len(self.stamp_ns) == 0 or not np.isfinite(self.poses).all():
            raise PerceptionError(f"path: expected finite poses, at least one, got {len(self.stamp_ns)}")
        if (np.diff(self.stamp_ns) <= 0).any():
            raise PerceptionError("path.stamp_ns: stamps have to rise")

    def __len__(self) -> int:
        """Return the number of poses."""
        return len(self.stamp_ns)

    def seen_from(self, T_frame_child: Transform) -> "EgoPath":
        """Return the path of a frame mounted on this one."""
        return EgoPath(self.stamp_ns, self.poses @ T_frame_child, self.turns_only)

    def missing_ns(self, begin_ns: int, end_ns: int) -> int:
        """Return how far, at most, [begin, end] reaches beyond the poses."""
        return max(0, int(self.stamp_ns[0]) - begin_ns, end_ns - int(self.stamp_ns[-1]))

    def at(self, stamp_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return poses float64 (M, 4, 4) at any stamps; beyond the ends the motion goes on as in the last interval."""
        if len(self) == 1:
            return np.broadcast_to(self.poses[0], (len(stamp_ns), 4, 4)).copy()
        k = np.clip(np.searchsorted(self.stamp_ns, stamp_ns, side="right") - 1, 0, len(self) - 2)
        step = (self.stamp_ns[k + 1] - self.stamp_ns[k]).astype(np.float64)
        share = (stamp_ns - self.stamp_ns[k]) / step
        twists = log_se3(_between(self.poses[:-1], self.poses[1:]))
        return np.asarray(self.poses[k] @ exp_se3(twists[k] * share[:, None]))


def path_from_transforms(
    pose_at: Callable[[int], Transform], begin_ns: int, end_ns: int, max_poses: int = 32
) -> EgoPath:
    """Ask ``pose_at`` (T_fixed_frame at a stamp, or TransformError) through a sweep, some 10 ms apart.

    What is not known at either end is left out: the path may be shorter than the sweep.

    Raises:
        TransformError: fewer than two poses are known; it is that of the sweep's end.
    """
    count = min(max(2, math.ceil((end_ns - begin_ns) / KNOT_NS) + 1), max_poses)
    stamps: list[int] = []
    poses: list[Transform] = []
    refused: TransformError | None = None
    for stamp in np.linspace(begin_ns, end_ns, count).astype(np.int64).tolist():
        try:
            poses.append(pose_at(stamp))
            stamps.append(stamp)
        except TransformError as error:
            refused = error
            if stamps:  # what comes later is not known either
                break
    if len(stamps) < 2:
        raise refused or TransformError(f"no two poses between {begin_ns} and {end_ns} ns")
    return EgoPath(np.array(stamps, np.int64), np.stack(poses))


def path_from_rates(
    stamp_ns: NDArray[np.int64], angular: NDArray[np.float64], linear: NDArray[np.float64] | None
) -> EgoPath:
    """Integrate body rates to a path that begins at the identity: trapezoids of the rates, exact on SE(3) for each.

    Args:
        stamp_ns: int64 (K,), rising.
        angular: float64 (K, 3) rad/s in the axes of the moving frame.
        linear: float64 (K, 3) m/s of its origin, in the same axes, or None: only the rotation is known.
    """
    rates = np.zeros((len(stamp_ns), 6))
    rates[:, 3:] = angular
    if linear is not None:
        rates[:, :3] = linear
    seconds = np.diff(stamp_ns) * 1e-9
    steps = exp_se3(0.5 * (rates[1:] + rates[:-1]) * seconds[:, None])
    poses = np.empty((len(stamp_ns), 4, 4))
    poses[0] = np.eye(4)
    for k, step in enumerate(steps):
        poses[k + 1] = poses[k] @ step
    return EgoPath(stamp_ns, poses, linear is None)


def exp_se3(twists: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (M, 4, 4) of twists (M, 6) (translation, rotation): Rodrigues' formula and its integral."""
    v, w = twists[:, :3], twists[:, 3:]
    angle = np.linalg.norm(w, axis=1)[:, None, None]
    W = _cross(w)
    W2 = W @ W
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    square = angle * angle
    a = np.where(small, 1.0 - square / 6.0, np.sin(safe) / safe)
    b = np.where(small, 0.5 - square / 24.0, (1.0 - np.cos(safe)) / safe**2)
    c = np.where(small, 1.0 / 6.0 - square / 120.0, (safe - np.sin(safe)) / safe**3)
    out = np.zeros((len(twists), 4, 4))
    out[:, :3, :3] = np.eye(3) + a * W + b * W2
    out[:, :3, 3] = ((np.eye(3) + b * W + c * W2) @ v[:, :, None])[:, :, 0]
    out[:, 3, 3] = 1.0
    return out


def log_se3(T: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the twists (M, 6) (translation, rotation) of transforms (M, 4, 4) that turn by less than half a turn."""
    R = T[:, :3, :3]
    axis = 0.5 * np.stack([R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]], axis=1)
    sine = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(sine, 0.5 * (np.trace(R, axis1=1, axis2=2) - 1.0))
    w = axis * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0)[:, None]
    W = _cross(w)
    half = np.maximum(0.5 * angle, 1e-9)
    c = np.where(angle > 1e-4, (1.0 - half / np.tan(half)) / (4.0 * half * half), 1.0 / 12.0)
    V_inverse = np.eye(3) - 0.5 * W + c[:, None, None] * (W @ W)
    return np.concatenate([(V_inverse @ T[:, :3, 3:])[:, :, 0], w], axis=1)


def _between(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the transforms first^-1 second, (M, 4, 4) each."""
    R_t = first[:, :3, :3].transpose(0, 2, 1)
    out = second.copy()
    out[:, :3, :3] = R_t @ second[:, :3, :3]
    out[:, :3, 3:] = R_t @ (second[:, :3, 3:] - first[:, :3, 3:])
    return out


def _cross(w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrices (M, 3, 3) of cross products with w (M, 3)."""
    out = np.zeros((len(w), 3, 3))
    out[:, 0, 1], out[:, 0, 2], out[:, 1, 2] = -w[:, 2], w[:, 1], -w[:, 0]
    out[:, 1, 0], out[:, 2, 0], out[:, 2, 1] = w[:, 2], -w[:, 1], w[:, 0]
    return out
