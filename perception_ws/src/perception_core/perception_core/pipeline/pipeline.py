"""The whole perception without ROS: images and scans in, objects and obstacles out.

Joins the same four pieces that the live nodes run, with the same parameters. The caller feeds messages in the order
in which they arrived and asks after each what is ready; a scan waits for a camera as the fusion node does, measured
in the time of the recording, so that the result depends on the recording alone.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core import fusion, planning, tracking
from perception_core.camera.detector import CameraResult
from perception_core.camera.image_watch import ImageWatch, ImageWatchConfig
from perception_core.camera.label_image import label_image
from perception_core.config import Config, group
from perception_core.errors import ImageError, PerceptionError, TransformError
from perception_core.fusion import (
    CameraAnswer,
    CameraResults,
    CameraView,
    Fusion,
    FusionConfig,
    LidarWatch,
    SensorMonitor,
    SensorMonitorConfig,
    camera_from_base,
)
from perception_core.geometry.camera_model import CameraModel
from perception_core.geometry.transforms import Transform, checked
from perception_core.lidar.assembly import ScanAssembler
from perception_core.lidar.config import LidarConfig
from perception_core.lidar.join import JoinedScan, ScanJoin
from perception_core.lidar.processor import LidarProcessor, LidarResult
from perception_core.lidar.rates import RateHistory
from perception_core.lidar.returns import ReturnsWatch
from perception_core.lidar.view import farthest_returns
from perception_core.pipeline.results import BlindResult, PipelineResult
from perception_core.pipeline.rig import Rig
from perception_core.pipeline.sources import CameraReader, ScanReader, TransformSource
from perception_core.planning.bands import band_ranges
from perception_core.planning.occupancy import OccupancyConfig, OccupancyGrid
from perception_core.planning.sectors import SectorConfig, sector_ranges
from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import Image, Mode, Objects, PointCloud, SensorKind

_NS = 1_000_000_000
_END_OF_TIME_NS = 1 << 63


@dataclass(frozen=True)
class PipelineConfig(Config):
    """The parameters of the pieces; the camera's belong to its detector, which is built apart."""

    lidar: LidarConfig = group(LidarConfig)
    fusion: FusionConfig = group(FusionConfig)
    tracking: TrackerConfig = group(TrackerConfig)
    occupancy: OccupancyConfig = group(OccupancyConfig)
    sectors: SectorConfig = group(SectorConfig)
    monitor: SensorMonitorConfig = group(SensorMonitorConfig)


class Pipeline:
    """Detection, LiDAR path, fusion, tracking and planning outputs of one robot."""

    def __init__(
        self,
        config: PipelineConfig,
        rig: Rig,
        transforms: TransformSource,
        readers: Mapping[str, CameraReader],
        id_namespace: bytes,
        with_occupancy: bool = True,
        on_lidar: Callable[[LidarResult], None] | None = None,
        scan_reader: ScanReader | None = None,
        image_configs: Mapping[str, ImageWatchConfig] | None = None,
    ) -> None:
        """Build the pieces.

        Args:
            config: parameters of every piece.
            rig: names and frames.
            transforms: where transforms come from.
            readers: one for each camera that is read; a camera without weights has none.
            id_namespace: 16 bytes from which the obstacle ids are derived; the same bytes give the same ids.
            with_occupancy: make the occupancy grid of each result; False where nobody looks at it.
            on_lidar: is told what the LiDAR path made of each scan (or each joined scan), as soon as it is made.
            scan_reader: reads the scans; None is the LiDAR path of ``config``.
            image_configs: which images of each camera are refused; the defaults where none is given.
        """
        self._config = config
        self._rig = rig
        self._transforms = transforms
        self._occupancy = OccupancyGrid(config.occupancy, rig.base_frame) if with_occupancy else None
        self._readers = readers
        self._wants_pixels = config.fusion.segmentation_trust > 0.0
        self._lidar = scan_reader or LidarProcessor(config.lidar, rig.base_frame, rig.body)
        self._on_lidar = on_lidar
        self._join: ScanJoin[PointCloud] = ScanJoin(rig.lidars, config.lidar.join)
        crop = config.lidar.crop
        self._returns = {n: ReturnsWatch(config.lidar.returns, crop.min_range, crop.max_range) for n in rig.lidars}
        images = image_configs or {}
        self._image_watches = {name: ImageWatch(images.get(name, ImageWatchConfig())) for name in readers}
        self._rates = RateHistory() if rig.has_rates else None
        self._assembler = ScanAssembler(
            config.lidar.deskew, rig.base_frame, rig.deskew_frame, transforms.lookup, self._rates
        )
        self._fusion = Fusion(config.fusion)
        self._cameras = CameraResults(config.fusion)
        self._tracker = Tracker(config.tracking, id_namespace)
        sensors = dict.fromkeys(rig.lidars, SensorKind.LIDAR) | dict.fromkeys(rig.cameras, SensorKind.CAMERA)
        self._monitor = SensorMonitor(sensors, config.monitor)
        self._models: dict[str, CameraModel] = {}
        self._camera_faults: dict[str, str] = {}
        self._waiting: list[tuple[int, LidarResult]] = []
        self._lidar_views: dict[int, NDArray[np.float32]] = {}
        self._watch = LidarWatch(config.fusion, tuple(c for c in rig.cameras if c in readers))
        self._last_scan_ns: int | None = None
        self.drops: Counter[str] = Counter()
        self.deskewed: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.points_dropped: Counter[str] = Counter()

    def warm_up(self) -> None:
        """Compile and allocate everything before the first message."""
        self._lidar.warm_up()
        fusion.warm_up()
        tracking.warm_up()
        planning.warm_up(with_bands=bool(self._config.sectors.band_edges))
        for reader in self._readers.values():
            reader.warm_up()

    def on_camera_model(self, camera: str, model: CameraModel) -> None:
        """Take a camera's intrinsics, as often as they are sent."""
        self._models[camera] = model
        self._camera_faults.pop(camera, None)

    def on_camera_fault(self, camera: str, reason: str) -> None:
        """Take note that a camera's intrinsics cannot be right; those from before hold no longer."""
        self._models.pop(camera, None)
        self._camera_faults[camera] = reason
        self._monitor.failed(camera, reason)

    def on_fault(self, sensor: str, reason: str) -> None:
        """Take note of what a sensor sent and nobody could read, or of a camera that nobody can read for."""
        self._monitor.failed(sensor, reason)

    def on_image(self, camera: str, image: Image, now_ns: int) -> CameraResult | None:
        """Read one image that arrived at ``now_ns``.

        Returns:
            What was seen, which without intrinsics goes nowhere from here; None for a camera without weights, and for
            an image that is refused (and counted in ``drops``): of another size than the intrinsics, or of no view.
        """
        reader = self._readers.get(camera)
        if reader is None:
            return None
        try:
            self._check_size(camera, image)
            self._image_watches[camera].check(image)
        except ImageError as error:
            self._monitor.failed(camera, str(error))
            self._drop(f"camera {camera}", error)
            return None
        result = reader.perceive(image, self._wants_pixels)
        labels = label_image(result) if self._wants_pixels else None
        masks = result.masks if self._wants_pixels else None
        answers = [answer for answer in (labels, masks, result.detections) if answer is not None]
        if camera not in self._models:
            fault = self._camera_faults.get(camera, f"no CameraInfo of camera {camera} yet")
            self.on_fault(camera, fault)
            self._drop(f"camera {camera}: {fault}")
            return result
        for answer in answers:
            self._cameras.add(camera, answer)
        if answers:
            self._monitor.delivered(camera, image.stamp_ns)
        if result.detections is not None:
            self._watch.image(camera, image.stamp_ns, now_ns)
        return result

    def _check_size(self, camera: str, image: Image) -> None:
        model, (height, width) = self._models.get(camera), image.pixels.shape[:2]
        if model is not None and (model.width, model.height) != (width, height):
            raise ImageError(f"image of {width}x{height}, but the CameraInfo says {model.width}x{model.height}")

    def on_rates(
        self, stamp_ns: int, angular: NDArray[np.float64], linear: NDArray[np.float64] | None, frame: str
    ) -> None:
        """Take body rates of a frame fixed to the base: rad/s and m/s (None from a gyro) in the frame's axes."""
        if self._rates is None:
            return
        try:
            T_base_frame = self._transforms.lookup(self._rig.base_frame, frame, stamp_ns)
        except TransformError as error:
            self._drop(f"transform {self._rig.base_frame} <- {frame}", error)
            return
        self._rates.add(stamp_ns, angular, linear, T_base_frame)

    def on_scan(self, cloud: PointCloud, now_ns: int, lidar: str | None = None) -> LidarResult | None:
        """Run the LiDAR path on one scan, or on those that it completes.

        Args:
            cloud: in the sensor's frame.
            now_ns: when the scan arrived; its wait for other LiDARs and for the cameras is counted from here.
            lidar: which LiDAR it is of; None is the first.

        Returns:
            The newest result; None when the scan waits for other LiDARs, or was dropped (and counted in ``drops``).
        """
        name = lidar or self._rig.lidar
        view = self._returns[name].look(cloud)
        if not view.usable:
            self._monitor.failed(name, view.reason)
            self._drop(f"LiDAR {name}: {view.reason}")
            return None
        self._monitor.impaired(name, view.reason)
        return self._process(self._join.add(name, cloud.stamp_ns, cloud, now_ns), now_ns)

    def _process(self, joined: Sequence[JoinedScan[PointCloud]], now_ns: int) -> LidarResult | None:
        newest: LidarResult | None = None
        for scan in joined:
            newest = self._process_one(scan, now_ns) or newest
        return newest

    def _process_one(self, joined: JoinedScan[PointCloud], now_ns: int) -> LidarResult | None:
        try:
            scan = self._assembler.assemble(joined, patient=False)
        except TransformError as error:
            frames = ", ".join(cloud.frame for cloud in joined.scans.values())
            self._drop(f"transform {self._rig.base_frame} <- {frames}", error)
            return None
        for name, why in scan.left_out.items():
            self._monitor.failed(name, why)
        result = self._lidar.process_joined(scan.clouds)
        self._count(joined, scan.deskewed, result)
        if self._config.sectors.band_edges:
            view = farthest_returns(scan.clouds, self._config.lidar.crop.min_range)
            self._lidar_views[result.clusters.stamp_ns] = view
        if self._last_scan_ns is not None and scan.stamp_ns < self._last_scan_ns - _NS:
            self._waiting.clear()
            self._lidar_views.clear()
            self._cameras.clear()
            self._watch.clear()
        self._last_scan_ns = scan.stamp_ns
        self._watch.scan(scan.stamp_ns, now_ns)
        for name in scan.names:
            self._monitor.delivered(name, joined.scans[name].stamp_ns)
        self._waiting.append((now_ns, result))
        if self._on_lidar is not None:
            self._on_lidar(result)
        return result

    def _count(self, joined: JoinedScan[PointCloud], deskewed: Mapping[str, str], result: LidarResult) -> None:
        self.missing.update(joined.missing)
        self.points_dropped.update({reason: count for reason, count in result.dropped.items() if count})
        self.deskewed.update(f"{name}: {state}" for name, state in deskewed.items())

    def ready(self, now_ns: int) -> list[PipelineResult]:
        """Return what is finished at ``now_ns``, in order.

        Scans are fused and tracked when their cameras have answered or their wait is over; images for which no scan
        came give objects of the cameras alone.
        """
        self._process(self._join.due(now_ns), now_ns)
        wait_ns = round(self._config.fusion.camera_wait * _NS)
        finished: list[PipelineResult] = []
        while self._waiting:
            arrived_ns, result = self._waiting[0]
            late = self._cameras.waiting_for(self._readers, result.clusters.stamp_ns)
            if late and now_ns < arrived_ns + wait_ns:
                return finished
            self._waiting.pop(0)
            finished += self._finish(result)
        for stamp_ns in self._watch.due(now_ns):
            if views := self._views(stamp_ns):  # nothing at all was seen without one: blind is for the caller to say
                objects = self._fusion.camera_only(views, stamp_ns, self._rig.base_frame)
                finished += self._track(objects, None)
        return finished

    def flush(self) -> list[PipelineResult]:
        """Finish what still waits: the recording is over."""
        return self.ready(_END_OF_TIME_NS)

    def blind(self, now_ns: int) -> BlindResult:
        """Return what is to be said at ``now_ns`` when no objects came for long; the tracks stay as they are."""
        rig, config = self._rig, self._config.sectors
        statuses = self._monitor.statuses(now_ns)
        obstacles = self._tracker.predict_only(now_ns, rig.fixed_frame, Mode.BLIND, statuses)
        try:
            T_fixed_base = self._pose(now_ns)
        except TransformError:
            return BlindResult(obstacles.stamp_ns, obstacles, None, None, {})
        grid = self._occupancy.update(obstacles, T_fixed_base, None) if self._occupancy else None
        sectors = sector_ranges(obstacles, T_fixed_base, None, config)
        bands = band_ranges(obstacles, T_fixed_base, None, config)
        return BlindResult(obstacles.stamp_ns, obstacles, grid, sectors, bands)

    def _finish(self, result: LidarResult) -> list[PipelineResult]:
        views = self._views(result.clusters.stamp_ns)
        objects = self._fusion.fuse(result.clusters, views, result.coverage)
        return self._track(objects, result)

    def _track(self, objects: Objects, lidar: LidarResult | None) -> list[PipelineResult]:
        rig = self._rig
        self.drops.update(self._fusion.take_dropped())
        view = self._lidar_views.pop(objects.stamp_ns, None)
        try:
            T_fixed_base = self._pose(objects.stamp_ns)
        except TransformError as error:
            self._drop(f"transform {rig.fixed_frame} <- {rig.base_frame}", error)
            return []
        statuses = self._monitor.statuses(objects.stamp_ns)
        obstacles = self._tracker.update(objects, T_fixed_base, rig.fixed_frame, statuses)
        coverage = lidar.coverage if lidar is not None else None
        grid = self._occupancy.update(obstacles, T_fixed_base, coverage) if self._occupancy else None
        sectors = sector_ranges(obstacles, T_fixed_base, coverage, self._config.sectors)
        bands = band_ranges(obstacles, T_fixed_base, view, self._config.sectors)
        return [PipelineResult(objects.stamp_ns, lidar, objects, obstacles, grid, sectors, bands)]

    def _pose(self, stamp_ns: int) -> Transform:
        frames = self._rig.fixed_frame, self._rig.base_frame
        return checked(self._transforms.lookup(*frames, stamp_ns), f"{frames[0]} <- {frames[1]}")

    def _views(self, stamp_ns: int) -> Sequence[CameraView]:
        views: list[CameraView] = []
        for camera in self._readers:
            answer = self._cameras.nearest(camera, stamp_ns)
            model = self._models.get(camera)
            if answer is None or model is None:
                continue
            for misfit in answer.misfits(model):
                self._drop(f"camera {camera}: {misfit}")
            if not answer.fits(model):  # the intrinsics have changed since
                continue
            try:
                T_camera_base = self._camera_transform(answer, stamp_ns)
            except TransformError as error:
                self._drop(f"transform {answer.frame} <- {self._rig.base_frame}", error)
                continue
            views.append(answer.view(camera, model, T_camera_base, stamp_ns))
        return views

    def _camera_transform(self, answer: CameraAnswer, scan_ns: int) -> Transform:
        rig, look = self._rig, self._transforms.lookup
        T_camera_base = look(answer.frame, rig.base_frame, answer.stamp_ns)
        if rig.fixed_frame == rig.base_frame or answer.stamp_ns == scan_ns:
            return T_camera_base
        at_scan = look(rig.fixed_frame, rig.base_frame, scan_ns)
        at_image = look(rig.fixed_frame, rig.base_frame, answer.stamp_ns)
        return camera_from_base(T_camera_base, at_scan, at_image)

    def _drop(self, reason: str, error: PerceptionError | None = None) -> None:
        self.drops[reason if error is None else f"{reason}: {error}"] += 1
