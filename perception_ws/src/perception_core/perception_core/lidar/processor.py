"""From one scan to clusters: crop, ground, bird's-eye components, oriented boxes, coverage."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CalibrationError
from perception_core.geometry.transforms import Transform
from perception_core.lidar import deskew
from perception_core.lidar.bev import BevCells, collect_cells, collect_hanging
from perception_core.lidar.body import around_sensor, body_table
from perception_core.lidar.box_covariance import centre_covariance, hidden_ends
from perception_core.lidar.boxes import Columns, columns, extents, oriented_boxes
from perception_core.lidar.capture_times import capture_times
from perception_core.lidar.config import LidarConfig
from perception_core.lidar.connect import components
from perception_core.lidar.coverage import ground_and_coverage
from perception_core.lidar.ground import GroundModel, above_ground, fit_ground
from perception_core.lidar.hulls import footprint_hulls
from perception_core.lidar.joined_cloud import joined_cloud
from perception_core.lidar.kerbs import beside_higher_ground
from perception_core.lidar.merge import merge_fragments
from perception_core.lidar.point_classes import classify
from perception_core.lidar.polar import polar_grid
from perception_core.lidar.scan_grid import GriddedScan, grid_scan
from perception_core.lidar.specks import density_of, find_specks
from perception_core.lidar.split import split_components
from perception_core.lidar.upright import free_upright
from perception_core.types.body import BodyBox
from perception_core.types.cloud import PointCloud
from perception_core.types.clusters import Clusters

STANDING = 0.3
"""Metres above ground below which the lowest point of what stands on it lies; specks and leaves float."""
STANDING_SHARE, STANDING_LEAST = 0.5, 0.75
"""Shares of the points asked for near the robot, and at any range, that are enough for what stands."""
LONG = 0.5
"""Metres; longer things as low as a kerb are driven over or along, shorter ones are stones and boxes."""
PLATE, ONE_RING = 0.03, 8.0
"""Metres of height that a low thing shows at least within these metres of range: less is the top of a kerb; farther
away a single ring may be all that meets it."""
LOW_REACH = 25.0
"""Metres of range beyond which a few centimetres above ground say nothing."""
WARM_POINTS = 60_000
"""Points of each of the two clouds of the warm-up: the memory for a scan is there before the first."""
KEPT_MEMORY = 30_000_000
"""Bytes. A block of this size, freed, tells the C library to keep what is freed for the next scan rather than to hand
it back to the kernel and fault it in anew, a tenth of the time of a scan (mallopt(3): the thresholds are dynamic)."""


@dataclass(frozen=True, slots=True)
class LidarResult:
    """What one scan says about the surroundings, in the base frame.

    Attributes:
        clusters: obstacles with their points.
        ground_points: float32 (G, 3) points on the ground.
        height: float32 (N,) metres above ground of ``clusters.points``.
        point_class: uint8 (P,) :class:`PointClass` of every point of the cloud, in its order.
        point_height: float32 (P,) metres of every point of the cloud above the ground, NaN where it was cropped.
        coverage: float32 (S,) metres a sector (sector 0 starts at -pi, counter-clockwise) up to which ground was
            seen or an obstacle hit, from the sensor's place; 0 where nothing was seen.
        timings_ms: milliseconds a stage.
        dropped: points left out, by reason: ``range``, ``height``, ``body`` and ``intensity`` (cropped), ``overhead``
            (above the clearance with nothing under it), ``below_ground`` (reflections), ``speck`` (rain, dust, and what
            is too small or too low to be a thing); none of them is among the points of the clusters.
    """

    clusters: Clusters
    ground_points: NDArray[np.float32]
    height: NDArray[np.float32]
    point_class: NDArray[np.uint8]
    point_height: NDArray[np.float32]
    coverage: NDArray[np.float32]
    timings_ms: dict[str, float]
    dropped: dict[str, int]


class LidarProcessor:
    """The LiDAR path for one sensor, or several joined; holds its configuration and grid, no state between scans."""

    def __init__(
        self, config: LidarConfig | None = None, base_frame: str = "base_link", body: Sequence[BodyBox] = ()
    ) -> None:
        """Prepare the grid for ``config``; ``body`` is cropped beside the box in it."""
        self.config = config or LidarConfig()
        self.base_frame = base_frame
        self._grid = polar_grid(self.config.crop.max_range)
        self._body = body_table(self.config.crop, body)

    def warm_up(self) -> None:
        """Compile every kernel (cached on disk), so that nothing compiles in the first scan."""
        np.empty(KEPT_MEMORY, np.uint8)  # and free it
        generator = np.random.default_rng(0)
        xyz = generator.uniform(-20.0, 20.0, (WARM_POINTS, 3)).astype(np.float32)
        xyz[:, 2] = generator.uniform(-1.8, 4.0, WARM_POINTS)
        T = np.eye(4)
        T[2, 3] = 1.73
        once = np.zeros(len(xyz), np.int64)
        cloud = PointCloud(xyz, 0, "sensor", intensity=np.ones(len(xyz), np.float32), time_offset_ns=once)
        self.process_joined([(cloud, T), (cloud, T)])
        deskew.warm_up()

    def process(self, cloud: PointCloud, T_base_sensor: NDArray[np.float64]) -> LidarResult:
        """Find ground and clusters.

        Args:
            cloud: the scan in the sensor's frame.
            T_base_sensor: float64 (4, 4), base <- sensor.

        Raises:
            CalibrationError: the transform is no finite (4, 4).
        """
        return self._process(cloud, T_base_sensor, self._body)

    def process_joined(self, clouds: Sequence[tuple[PointCloud, Transform]]) -> LidarResult:
        """Find ground and clusters in the clouds of several LiDARs; ranges and azimuths are those from the first.

        ``point_class`` and ``point_height`` hold the points of all clouds, one after the other. What lies within
        ``crop.min_range`` of any of the sensors is left out.

        Args:
            clouds: (cloud in its sensor's frame, T_base_sensor) of each LiDAR, all at one stamp; at least one.

        Raises:
            CloudError: no cloud.
            CalibrationError: a transform is no finite (4, 4).
        """
        cloud, T_base_first = joined_cloud(clouds)
        crop = self.config.crop
        height = crop.max_height - crop.min_height
        columns = [around_sensor(T, crop.min_range, height) for _, T in clouds[1:]]
        return self._process(cloud, T_base_first, np.concatenate([self._body, *columns]))

    def _process(self, cloud: PointCloud, T_base_sensor: Transform, body: NDArray[np.float32]) -> LidarResult:
        if T_base_sensor.shape != (4, 4) or not np.isfinite(T_base_sensor).all():
            raise CalibrationError(f"T_base_sensor: expected a finite (4, 4), got {T_base_sensor!r}")
        clock = _Clock()
        scan = grid_scan(cloud.xyz, T_base_sensor, self._grid, self.config.crop, cloud.intensity, body)
        clock.lap("crop")
        model = fit_ground(scan, self._grid, self.config.ground)
        height, classes = above_ground(scan, model, self.config.ground)
        clock.lap("ground")
        cells = self._standing_cells(scan, height, classes)
        labels, headings = self._clusters(cells, scan)
        if self.config.cluster.hanging_to > self.config.cluster.clearance:
            hanging = self._hanging_cells(scan, height, cells)
            more, turns = self._clusters(hanging, scan)
            labels = np.concatenate([labels, np.where(more >= 0, more + len(headings), -1).astype(np.int32)])
            cells, headings = cells.beside(hanging), np.concatenate([headings, turns])
        clock.lap("cluster")
        clusters, of_point = self._boxes(cloud.stamp_ns, cloud.time_offset_ns, scan, model, cells, labels, headings)
        clock.lap("boxes")
        ground_points, coverage = ground_and_coverage(
            scan, classes, np.stack([cells.x, cells.y], axis=1), self._grid, self.config.coverage_sectors
        )
        clock.lap("coverage")
        point_class, point_height = classify(len(cloud), scan.index, height, classes, cells.points, of_point)
        clock.lap("classes")
        below = len(scan.xyz) - len(ground_points) - len(cells.points) - cells.overhead
        speck = len(of_point) - len(clusters.points)
        dropped = {**scan.dropped, "overhead": cells.overhead, "below_ground": below, "speck": speck}
        return LidarResult(
            clusters,
            ground_points,
            _clustered(cells.height, of_point),
            point_class,
            point_height,
            coverage,
            clock.laps,
            dropped,
        )

    def _standing_cells(self, scan: GriddedScan, height: NDArray[np.float32], classes: NDArray[np.uint8]) -> BevCells:
        cluster = self.config.cluster
        return collect_cells(
            scan.xyz,
            height,
            scan.range,
            classes,
            clearance=cluster.clearance,
            cell_size=cluster.cell_size,
            max_range=self.config.crop.max_range,
            centre=scan.sensor,
        )

    def _hanging_cells(self, scan: GriddedScan, height: NDArray[np.float32], standing: BevCells) -> BevCells:
        cluster = self.config.cluster
        return collect_hanging(
            scan.xyz,
            height,
            scan.range,
            standing,
            low=cluster.clearance,
            high=cluster.hanging_to,
            cell_size=cluster.cell_size,
            max_range=self.config.crop.max_range,
            centre=scan.sensor,
        )

    def _clusters(self, cells: BevCells, scan: GriddedScan) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the piece of each cell, -1 for specks, and the heading of each piece."""
        c = self.config.cluster
        density = density_of(c.speck_density, len(scan.xyz))
        specks = find_specks(cells.index, cells.count, cells.bottom, cells.top, cells.reach, density)
        labels, count = components(
            cells.index,
            cells.bounds,
            specks,
            cell_size=c.cell_size,
            sensor=scan.sensor,
            gap=c.gap,
            gap_per_range=c.gap_per_range,
            max_gap=c.max_gap,
            depth=c.depth_factor,
        )
        labels, count = free_upright(cells, specks, labels, count, scan.sensor, density, c)
        x, y, azimuth, reach = cells.x, cells.y, cells.azimuth, cells.reach
        pieces, headings = split_components(
            x, y, azimuth, reach, cells.count, labels, count, scan.sensor, c.max_length, c.max_width
        )
        joined, headings = merge_fragments(
            x, y, azimuth, reach, cells.bottom, cells.top, cells.count, pieces, headings, scan.sensor
        )
        return np.where(specks, np.int32(-1), joined), headings

    def _boxes(
        self,
        stamp_ns: int,
        times: NDArray[np.int64] | None,
        scan: GriddedScan,
        model: GroundModel,
        cells: BevCells,
        labels: NDArray[np.int32],
        headings: NDArray[np.float64],
    ) -> tuple[Clusters, NDArray[np.int32]]:
        """Box the pieces ``labels`` (C,) of the cells; specks (-1), and what is too little, are no clusters.

        Returns:
            The clusters with their points, and int32 (N,) the cluster of each of the cells' points, -1 for none.
        """
        column = columns(
            cells.count, cells.bounds, cells.levels, cells.bottom, cells.top, cells.reach, labels, len(headings)
        )
        keep = self._is_thing(column, model, scan.sensor)
        m = int(keep.sum())
        number = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
        of_cell = np.where(labels >= 0, number[labels], np.int32(-1)) if len(number) else labels
        hull, hull_start = footprint_hulls(cells.xyz, cells.starts, cells.bounds, cells.x, cells.y, of_cell, m)
        headings, bottom, top = headings[keep], column.height[keep, 0], column.height[keep, 1]
        centre, size, yaw = oriented_boxes(extents(hull, hull_start, headings), column.z[keep], headings)
        hidden = hidden_ends(cells.azimuth, cells.reach, labels, len(keep), self.config.cluster.cell_size)[keep]
        of_point = np.repeat(of_cell, cells.count)
        clusters = Clusters(
            stamp_ns=stamp_ns,
            frame=self.base_frame,
            centre=centre,
            size=size,
            yaw=yaw,
            covariance=centre_covariance(centre, size, yaw, bottom, top, hidden, scan.sensor),
            point_count=column.count[keep],
            points=_clustered(cells.xyz, of_point),
            labels=_clustered(of_point, of_point),
            hull=hull,
            hull_start=hull_start,
            bottom=bottom,
            top=top,
            time_offset=capture_times(times, scan.index, cells.points, of_point, m),
        )
        return clusters, of_point

    def _is_thing(self, column: Columns, model: GroundModel, sensor: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which pieces (M,) are more than a speck, higher than what one drives over, and no bit of a kerb."""
        c = self.config.cluster
        needed = np.clip(c.min_points_near * 10.0 / np.maximum(column.reach, 1.0), c.min_points, c.min_points_near)
        standing = column.height[:, 0] < STANDING
        needed = np.where(standing, np.maximum(STANDING_SHARE * needed, STANDING_LEAST * c.min_points), needed)
        plate = (column.height[:, 1] - column.height[:, 0] < PLATE) & (column.reach < ONE_RING)
        doubtful = (column.span > LONG) | (column.reach > LOW_REACH) | plate
        lowest = np.where(doubtful, max(c.min_top, c.min_top_long), c.min_top)
        top = column.height[:, 1]
        things: NDArray[np.bool_] = (column.count >= needed) & (top >= lowest)
        low = things & (top <= self.config.ground.max_step)
        kerbs = beside_higher_ground(low, column.middle, column.span, column.z[:, 1], top, model, sensor)
        return things & ~kerbs


def _clustered[T: np.generic](column: NDArray[T], of_point: NDArray[np.int32]) -> NDArray[T]:
    """Return the rows (N, ...) of points that belong to a cluster."""
    clustered = of_point >= 0
    return column if clustered.all() else column[clustered]


class _Clock:
    """Wall time between laps, in milliseconds."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Book the time since the last lap under ``name``."""
        now = time.perf_counter()
        self.laps[name] = (now - self._last) * 1e3
        self._last = now
