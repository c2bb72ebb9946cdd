"""Pairs of a true object and its obstacle over all scans as columns: what errors and consistency are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.scans import Scan
from perception_core.geometry.transforms import wrap_angle

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """N pairs of objects that were asked for; errors are result minus truth, NaN where the truth is not known.

    Attributes:
        object: int64 (N,) number of the true object over all drives.
        class_ids: int32 (N,) class of the true object.
        named: int64 (N,) most probable class of the obstacle.
        since: float64 (N,) seconds since the object was first asked for.
        age: float64 (N,) seconds since the track's first observation.
        speed: float64 (N,) m/s of the true object over ground.
        position: float64 (N, 3) metres, in the axes of the fixed frame.
        position_covariance: float64 (N, 3, 3).
        velocity: float64 (N, 3) m/s.
        velocity_covariance: float64 (N, 3, 3).
        yaw: float64 (N,) radians, modulo pi: which end is the front cannot be seen of what stands.
        yaw_variance: float64 (N,).
        yaw_rate: float64 (N,) rad/s.
        yaw_rate_variance: float64 (N,).
        size: float64 (N, 3) metres.
    """

    object: NDArray[np.int64]
    class_ids: NDArray[np.int32]
    named: NDArray[np.int64]
    since: Floats
    age: Floats
    speed: Floats
    position: Floats
    position_covariance: Floats
    velocity: Floats
    velocity_covariance: Floats
    yaw: Floats
    yaw_variance: Floats
    yaw_rate: Floats
    yaw_rate_variance: Floats
    size: Floats

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.object)

    def where(self, mask: NDArray[np.bool_]) -> "Pairs":
        """Return the rows of a mask (N,)."""
        return Pairs(*(getattr(self, field.name)[mask] for field in fields(self)))


_WIDTHS: dict[str, tuple[int, ...]] = {
    "position": (3,), "position_covariance": (3, 3), "velocity": (3,), "velocity_covariance": (3, 3), "size": (3,),
}  # fmt: skip


def pairs_of(scans: Sequence[Scan]) -> Pairs:
    """Return the pairs of all scans, in their order."""
    since: dict[tuple[int, int], tuple[int, int]] = {}
    parts = [_pairs(scan, since) for scan in scans]
    columns = []
    for field in fields(Pairs):
        shape = (0, *_WIDTHS.get(field.name, ()))
        dtype = np.int64 if field.name in ("object", "named") else np.int32 if field.name == "class_ids" else np.float64
        columns.append(np.concatenate([np.empty(shape, dtype), *(part[field.name] for part in parts)]))
    return Pairs(*columns)


def _pairs(scan: Scan, since: dict[tuple[int, int], tuple[int, int]]) -> dict[str, NDArray[np.generic]]:
    """Return the columns of one scan; ``since`` collects number and first stamp of the objects."""
    truth, result, stamp = scan.frame.truth, scan.frame.result, scan.frame.stamp_ns
    for identity in truth.ids[scan.asked]:
        since.setdefault((scan.sequence, int(identity)), (len(since), stamp))
    t, r = scan.pairs()
    known = [since[scan.sequence, int(identity)] for identity in truth.ids[t]]
    turn = result.yaw[r] - truth.yaw[t]
    pose, twist = result.pose_covariance[r], result.twist_covariance[r]
    return {
        "object": np.array([number for number, _ in known], dtype=np.int64),
        "class_ids": truth.class_ids[t],
        "named": result.class_probabilities[r].argmax(axis=1),
        "since": np.array([(stamp - first) * 1e-9 for _, first in known], dtype=np.float64),
        "age": (stamp - result.first_seen_ns[r]) * 1e-9,
        "speed": np.hypot(truth.velocity[t, 0], truth.velocity[t, 1]),
        "position": result.centre[r] - truth.centre[t],
        "position_covariance": pose[:, :3, :3],
        "velocity": result.velocity[r] - truth.velocity[t],
        "velocity_covariance": twist[:, :3, :3],
        "yaw": wrap_angle(2.0 * turn) / 2.0,
        "yaw_variance": pose[:, 5, 5],
        "yaw_rate": result.yaw_rate[r] - truth.yaw_rate[t],
        "yaw_rate_variance": twist[:, 5, 5],
        "size": result.size[r] - truth.size[t],
    }
