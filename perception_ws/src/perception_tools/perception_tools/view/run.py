"""The LiDAR path on one scan, as a replay runs it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import BagError
from perception_core.geometry.transforms import apply
from perception_core.lidar.assembly import ScanAssembler
from perception_core.lidar.join import JoinedScan, ScanJoin
from perception_core.lidar.processor import LidarProcessor, LidarResult
from perception_core.lidar.rates import RateHistory
from perception_core.types import PointClass, PointCloud
from perception_tools.view.scan import Scan

_END_OF_TIME_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Seen:
    """What the LiDAR path made of a scan.

    Attributes:
        xyz: float32 (N, 3) all points in base, ego motion taken out, those of several LiDARs one after the other.
        result: of the LiDAR path.
        deskewed: by LiDAR, whether ego motion was taken out, in words.
        missing: LiDARs without a scan near enough in time.
    """

    xyz: NDArray[np.float32]
    result: LidarResult
    deskewed: dict[str, str]
    missing: tuple[str, ...]


def look(scan: Scan) -> Seen:
    """Run the pieces of the pipeline's LiDAR stage once, warmed up: join, mounts, deskewing, ground and clusters.

    Raises:
        TransformError: where the sensor is, is not known at the scan's stamp.
        BagError: the scan is joined with none, as in a replay one whose stamp is set back.
    """
    rig, config = scan.profile.rig, scan.profile.pipeline.lidar
    processor = LidarProcessor(config, rig.base_frame, scan.body)
    processor.warm_up()
    rates = RateHistory() if rig.has_rates else None
    assembler = ScanAssembler(config.deskew, rig.base_frame, rig.deskew_frame, scan.transforms.lookup, rates)
    joined = _joined(scan, rates)
    assembled = assembler.assemble(joined, patient=False)
    result = processor.process_joined(assembled.clouds)
    xyz = np.concatenate([apply(T_base_sensor, np.asarray(cloud.xyz)) for cloud, T_base_sensor in assembled.clouds])
    return Seen(xyz, result, dict(assembled.deskewed), (*joined.missing, *assembled.left_out))


def _joined(scan: Scan, rates: RateHistory | None) -> JoinedScan[PointCloud]:
    """Return the joined scan that the scan is part of, from what had arrived by then."""
    rig = scan.profile.rig
    join: ScanJoin[PointCloud] = ScanJoin(rig.lidars, scan.profile.pipeline.lidar.join)
    for arrival in scan.arrivals:
        data = arrival.data
        if isinstance(data, PointCloud):
            ready = join.add(arrival.lidar, data.stamp_ns, data, arrival.log_ns)
        else:
            if rates is not None:
                T_base_frame = scan.transforms.lookup(rig.base_frame, data.frame, data.stamp_ns)
                rates.add(data.stamp_ns, data.angular, data.linear, T_base_frame)
            ready = join.due(arrival.log_ns)
        for joined in ready:
            if _holds(joined, scan):
                return joined
    for joined in join.due(_END_OF_TIME_NS):
        if _holds(joined, scan):
            return joined
    raise BagError(f"{scan.name}: the scan of {scan.cloud.stamp_ns} ns is joined with none: its stamp is set back")


def _holds(joined: JoinedScan[PointCloud], scan: Scan) -> bool:
    cloud = joined.scans.get(scan.lidar)
    return cloud is not None and cloud.stamp_ns == scan.cloud.stamp_ns


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
        "points": len(seen.xyz),
        "deskewed": seen.deskewed,
        "lidars_missing": list(seen.missing),
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
