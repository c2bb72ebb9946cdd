"""Speed of what comes behind the sensors: fusion, tracking, the planner's outputs."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from perception_core.camera.detector import CameraConfig, build_detector
from perception_core.errors import ModelError
from perception_core.fusion import CameraView, Fusion, FusionConfig
from perception_core.lidar.config import LidarConfig
from perception_core.lidar.processor import LidarProcessor
from perception_core.planning.occupancy import OccupancyConfig, OccupancyGrid
from perception_core.planning.sectors import SectorConfig, sector_ranges
from perception_core.tracking import Tracker, TrackerConfig
from perception_tools.benchmarks.frames import BenchFrame
from perception_tools.benchmarks.measure import Row, compare


def tracking(frames: Sequence[BenchFrame], folders: Sequence[Path]) -> list[Row]:
    """Fusion, tracking and the planner's outputs, over the clusters and detections of the same frames."""
    processor = LidarProcessor(LidarConfig())
    results = [processor.process(f.cloud, f.T_base_lidar) for f in frames]
    views = _views(frames, folders)
    fusion, tracker = Fusion(FusionConfig()), Tracker(TrackerConfig(), uuid.UUID(int=1).bytes)
    fused = [fusion.fuse(r.clusters, v) for r, v in zip(results, views, strict=True)]
    rows = compare("fusion", {"ours": lambda k: fusion.fuse(results[k].clusters, views[k])}, list(range(len(frames))))
    obstacles = [tracker.update(o, f.T_fixed_base, "odom") for o, f in zip(fused, frames, strict=True)]
    fresh = Tracker(TrackerConfig(), uuid.UUID(int=2).bytes)
    rows += compare(
        "tracking", {"ours": lambda k: fresh.update(fused[k], frames[k].T_fixed_base, "odom")}, range(len(frames))
    )
    grid, sectors = OccupancyGrid(OccupancyConfig()), SectorConfig()
    rows += compare(
        "occupancy and sectors",
        {
            "ours": lambda k: (
                grid.update(obstacles[k], frames[k].T_fixed_base, results[k].coverage),
                sector_ranges(obstacles[k], frames[k].T_fixed_base, results[k].coverage, sectors),
            )
        },
        range(len(frames)),
    )
    return rows


def _views(frames: Sequence[BenchFrame], folders: Sequence[Path]) -> list[list[CameraView]]:
    try:
        detector = build_detector(CameraConfig(), folders)
    except ModelError:
        return [[] for _ in frames]
    found = [detector.detect(f.image) for f in frames]
    return [[CameraView("front", f.camera, f.T_camera_base, d)] for f, d in zip(frames, found, strict=True)]
