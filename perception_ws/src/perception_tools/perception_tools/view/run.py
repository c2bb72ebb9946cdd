"""The LiDAR path on one scan, as a replay runs it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import TransformError
from perception_core.geometry.transforms import apply
from perception_core.lidar.processor import LidarResult
from perception_core.pipeline import Pipeline
from perception_core.types import PointClass
from perception_tools.view.scan import Scan

_NO_IDS = bytes(16)
"""Nothing is tracked here, so no id is derived."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A scan's points float32 (N, 3) in base, and what the LiDAR path made of them."""

    xyz: NDArray[np.float32]
    result: LidarResult


def look(scan: Scan) -> Seen:
    """Run the pipeline's LiDAR stage once, warmed up.

    Raises:
        TransformError: where the sensor is, is not known at the scan's stamp.
    """
    rig, cloud = scan.profile.rig, scan.cloud
    T_base_sensor = scan.transforms.lookup(rig.base_frame, cloud.frame, cloud.stamp_ns)
    pipeline = Pipeline(scan.profile.pipeline, rig, scan.transforms, {}, _NO_IDS, with_occupancy=False)
    pipeline.warm_up()
    result = pipeline.on_scan(cloud, scan.log_ns)
    if result is None:
        raise TransformError("; ".join(pipeline.drops))
    return Seen(apply(T_base_sensor, np.asarray(cloud.xyz)), result)


def summary(scan: Scan, seen: Seen) -> dict[str, Any]:
    """Return stamp, counts, drops, timings and clusters as one plain object."""
    result, clusters = seen.result, seen.result.clusters
    counts = np.bincount(result.point_class, minlength=len(PointClass))
    return {
        "source": scan.name,
        "topic": scan.topic or None,
        "profile": scan.profile.name,
        "frame": clusters.frame,
        "at_s": round(scan.at_s, 6),
        "stamp_ns": scan.cloud.stamp_ns,
        "points": len(scan.cloud),
        "classes": {kind.name.lower(): int(counts[kind]) for kind in PointClass},
        "dropped": {"non_finite": scan.non_finite, **result.dropped},
        "timings_ms": {stage: round(ms, 3) for stage, ms in result.timings_ms.items()},
        "clusters": [
            {
                "centre": np.round(clusters.centre[i], 3).tolist(),
                "size": np.round(clusters.size[i], 3).tolist(),
                "yaw": round(float(clusters.yaw[i]), 4),
                "points": int(clusters.point_count[i]),
            }
            for i in range(len(clusters))
        ],
        "notes": list(scan.notes),
    }
