"""Offline replay: a recording through the core's pipeline, with the parameters and conversions of the nodes.

Deterministic: the results depend on the recording and the parameters alone. Nothing of the wall clock enters the
output (``ObstacleArray.latency`` is 0), and obstacle ids are derived from a fixed namespace.
"""

import dataclasses
import functools
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Imu, PointCloud2
from sensor_msgs.msg import Image as ImageMsg

from perception_core.camera.label_image import label_image
from perception_core.camera.networks import CameraNetworks, build_networks
from perception_core.datasets.calibration import load_body
from perception_core.errors import CalibrationError, CloudError, ModelError, PerceptionError
from perception_core.inference.folders import model_folders
from perception_core.lidar import decoding
from perception_core.lidar.processor import LidarResult
from perception_core.pipeline import Pipeline, PipelineResult
from perception_core.types import Image, Mode
from perception_nodes.config import CameraNodeConfig
from perception_nodes.conversions.boxes import clusters_to_cdr
from perception_nodes.conversions.camera_info import camera_model_from_msg
from perception_nodes.conversions.cloud import cloud_from_msg
from perception_nodes.conversions.detections import detections_to_msg
from perception_nodes.conversions.image import image_from_compressed_msg, image_from_msg
from perception_nodes.conversions.rates import BodyRates, rates_from_imu, rates_from_odometry
from perception_nodes.conversions.time import ns_from_msg
from perception_nodes.node.base import reason_of
from perception_nodes.node.stamps import StampGate
from perception_tools.bags import BagMessage, BagReader, BagWriter
from perception_tools.detection_ahead import DetectionAhead, look_ahead
from perception_tools.drive_writer import STATIC_TF_TOPIC, TF_TOPIC
from perception_tools.output import progress
from perception_tools.overwriting import refuse_to_overwrite
from perception_tools.profile import Profile, calibration_folder
from perception_tools.result_writer import ResultWriter
from perception_tools.silence import SilenceWatch
from perception_tools.transforms import RecordedTransforms

_ID_NAMESPACE = uuid.UUID("0d9b1c7e-54a1-4f0c-8a55-7c1f4a0b9f2d").bytes


@dataclass(slots=True)
class ReplayStatistics:
    """What a replay counted and timed; milliseconds.

    ``arrays_out`` are those that stand on a scan or an image, ``modes`` counts the BLIND ones between them too.
    """

    scans_in: int = 0
    images_in: int = 0
    arrays_out: int = 0
    detections_out: int = 0
    segmentations_out: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    deskewed: Counter[str] = field(default_factory=Counter)
    lidars_missing: Counter[str] = field(default_factory=Counter)
    points_dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    obstacle_ids: set[bytes] = field(default_factory=set)
    stages_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wall_s: float = 0.0
    duration_s: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return one plain object for --json."""
        return {
            "scans_in": self.scans_in,
            "images_in": self.images_in,
            "arrays_out": self.arrays_out,
            "detections_out": self.detections_out,
            "segmentations_out": self.segmentations_out,
            "modes": dict(self.modes),
            "obstacles": len(self.obstacle_ids),
            "drops": dict(self.drops),
            "deskewed": dict(self.deskewed),
            "lidars_missing": dict(self.lidars_missing),
            "points_dropped": dict(self.points_dropped),
            "notes": self.notes,
            "stages_ms": {name: percentiles(values) for name, values in self.stages_ms.items()},
            "wall_s": round(self.wall_s, 3),
            "duration_s": round(self.duration_s, 3),
            "real_time_factor": round(self.duration_s / self.wall_s, 2) if self.wall_s else None,
        }


def percentiles(values: list[float]) -> dict[str, float | int | None]:
    """Return count, p50, p99 and max of milliseconds."""
    if not values:
        return {"count": 0, "p50": None, "p99": None, "max": None}
    p50, p99 = np.percentile(values, (50, 99))
    return {
        "count": len(values),
        "p50": round(float(p50), 2),
        "p99": round(float(p99), 2),
        "max": round(max(values), 2),
    }


def replay(bag_path: Path, profile: Profile, output: Path) -> ReplayStatistics:
    """Run ``bag_path`` through the pipeline of ``profile`` and write the results.

    Raises:
        BagError: the bag cannot be read or has no scan and no image of the profile, or ``output`` cannot be written.
        CalibrationError: the rig's boxes of the robot's own body cannot be read.
        ModelError: weights that are there, but are not what their card says.
        PerceptionError: ``output`` is the bag itself, or a file of it.
    """
    refuse_to_overwrite(bag_path, output)
    with BagReader(bag_path) as bag, BagWriter(output) as writer:
        sensors = [*profile.points_topics.values(), *(camera.image_topic for camera in profile.cameras)]
        if not any(_is_recorded(bag, topic) for topic in sensors):
            bag.require(sensors)
        run = _Replay(bag, writer, profile)
        try:
            run.warm_up()
            run.play()
        finally:
            run.close()
        return run.statistics


class _Replay:
    """One replay: the handlers of the input topics around a pipeline."""

    def __init__(self, bag: BagReader, writer: BagWriter, profile: Profile) -> None:
        self.statistics = ReplayStatistics(duration_s=(bag.end_ns - bag.start_ns) / 1e9)
        self._bag = bag
        self._profile = profile
        self._results = ResultWriter(writer, profile)
        self._transforms = RecordedTransforms(bag, calibration_folder(profile))
        self._model_faults: dict[str, str] = {}
        networks = self._load_networks()
        pixels = profile.pipeline.fusion.segmentation_trust > 0.0
        self._cameras = {
            c.image_topic: DetectionAhead(_decoder(c), networks.get(c.camera_name), pixels) for c in profile.cameras
        }
        readers = {c.camera_name: self._cameras[c.image_topic] for c in profile.cameras if c.camera_name in networks}
        calibration = profile.lidar.calibration or calibration_folder(profile)
        body = load_body(calibration, profile.lidar.base_frame) if calibration else ()
        self._pipeline = Pipeline(
            profile.pipeline,
            dataclasses.replace(profile.rig, body=body),
            self._transforms,
            readers,
            _ID_NAMESPACE,
            with_occupancy=False,
            on_lidar=self._on_lidar,
            image_configs={camera.camera_name: camera.images for camera in profile.cameras},
        )
        for camera, fault in self._model_faults.items():
            self._pipeline.on_fault(camera, fault)
        self._gates: dict[str, StampGate] = {}
        self._handlers = self._topic_handlers()
        if self._transforms.from_calibration:
            self.statistics.notes.append(f"no {STATIC_TF_TOPIC} in the bag: static transforms from calibration/")
        self._silence = SilenceWatch(profile.tracking.objects_timeout, profile.tracking.watchdog_period)
        missing = [t for t in profile.input_topics.values() if not _is_recorded(bag, t)]
        self.statistics.notes += [f"not in the bag: {topic}" for topic in missing]

    def warm_up(self) -> None:
        decoding.warm_up()
        self._pipeline.warm_up()

    def close(self) -> None:
        for camera in self._cameras.values():
            camera.close()

    def play(self) -> None:
        """Feed every message of the recording in the order of its log, then what still waits."""
        began = time.perf_counter()
        topics = [*self._handlers, TF_TOPIC, STATIC_TF_TOPIC]
        count = sum(t.count for t in self._bag.topics.values() if t.name in topics)
        messages = look_ahead(self._bag.messages(topics), self._sight)
        for message in progress(messages, desc="replaying", unit="msg", total=count):
            if message.topic == STATIC_TF_TOPIC:
                self._take_static(message)
                continue
            self._let_pass(message.log_ns)
            if message.topic == TF_TOPIC:
                self._results.copy(message)
                continue
            try:
                self._handlers[message.topic](message)
            except PerceptionError as error:
                self._drop(reason_of(error), error)
            self._advance(message.log_ns)
        self._let_pass(self._bag.end_ns)
        self._take(self._pipeline.flush)
        self.statistics.drops.update(self._pipeline.drops)
        self.statistics.deskewed.update(self._pipeline.deskewed)
        self.statistics.lidars_missing.update(self._pipeline.missing)
        self.statistics.points_dropped.update(self._pipeline.points_dropped)
        self.statistics.drops.update(self._transforms.refused)
        self.statistics.wall_s = time.perf_counter() - began

    def _let_pass(self, now_ns: int) -> None:
        """Say what the robot said up to ``now_ns`` while no objects came: where it saw nothing, that it was blind."""
        for look_ns in self._silence.looks(now_ns):
            self._advance(look_ns)
            if self._silence.is_silent(look_ns):
                self._results.blind(self._pipeline.blind(look_ns))
                self.statistics.modes[Mode.BLIND.name] += 1

    def _sight(self, message: BagMessage) -> None:
        if message.topic in self._cameras:
            self._cameras[message.topic].start(message)

    def _topic_handlers(self) -> dict[str, Callable[[BagMessage], None]]:
        profile = self._profile
        lidar = profile.lidar
        handlers: dict[str, Callable[[BagMessage], None]] = {
            topic: functools.partial(self._on_points, name) for name, topic in profile.points_topics.items()
        }
        if lidar.odometry_topic:
            handlers[lidar.odometry_topic] = self._on_odometry
        elif lidar.imu_topic:
            handlers[lidar.imu_topic] = self._on_imu
        for camera in profile.cameras:
            handlers[camera.camera_info_topic] = functools.partial(self._on_camera_info, camera.camera_name)
            handlers[camera.image_topic] = functools.partial(self._on_image, camera)
        return handlers

    def _on_odometry(self, message: BagMessage) -> None:
        self._take_rates(rates_from_odometry(deserialize_message(message.data, Odometry)))

    def _on_imu(self, message: BagMessage) -> None:
        self._take_rates(rates_from_imu(deserialize_message(message.data, Imu)))

    def _take_rates(self, rates: BodyRates) -> None:
        self._pipeline.on_rates(rates.stamp_ns, rates.angular, rates.linear, rates.frame)

    def _on_lidar(self, result: LidarResult) -> None:
        self._results.clusters(clusters_to_cdr(result.clusters), result.clusters.stamp_ns)

    def _on_points(self, lidar: str, message: BagMessage) -> None:
        self.statistics.scans_in += 1
        began = time.perf_counter()
        msg = deserialize_message(message.data, PointCloud2)
        self._gate(message, self._profile.lidar.max_age, self._profile.lidar.max_future, ns_from_msg(msg.header.stamp))
        try:
            decoded = cloud_from_msg(msg)
        except CloudError as error:
            self._pipeline.on_fault(lidar, str(error))
            raise
        if decoded.warning and decoded.warning not in self.statistics.notes:
            self.statistics.notes.append(decoded.warning)
        self._time("lidar decode", began)
        began = time.perf_counter()
        self.statistics.points_dropped["non_finite"] += decoded.dropped_non_finite
        self.statistics.points_dropped["far"] += decoded.dropped_far
        self._pipeline.on_scan(decoded.cloud, message.log_ns, lidar)
        self._time("lidar", began)

    def _on_camera_info(self, camera: str, message: BagMessage) -> None:
        rectified = camera in self._profile.fusion.rectified_cameras
        try:
            model = camera_model_from_msg(deserialize_message(message.data, CameraInfo), rectified)
        except CalibrationError as error:
            self._pipeline.on_camera_fault(camera, str(error))
            raise
        self._pipeline.on_camera_model(camera, model)

    def _on_image(self, camera: CameraNodeConfig, message: BagMessage) -> None:
        self.statistics.images_in += 1
        ahead, name = self._cameras[message.topic], camera.camera_name
        try:
            image = ahead.take(message)
        except PerceptionError as error:
            self._pipeline.on_fault(name, str(error))
            raise
        self._gate(message, camera.max_age, camera.max_future, image.stamp_ns)
        result = self._pipeline.on_image(name, image, message.log_ns)
        self.statistics.stages_ms["camera decode"].append(ahead.decode_ms)
        if result is None:
            return
        self.statistics.stages_ms["camera"].append(ahead.detect_ms)
        if (labels := label_image(result)) is not None:
            self.statistics.segmentations_out += 1
            self._results.segmentation(name, labels)
        if result.detections is not None:
            self.statistics.detections_out += 1
            self._results.detections(name, detections_to_msg(result.detections), image.stamp_ns)

    def _advance(self, now_ns: int) -> None:
        if self._take(functools.partial(self._pipeline.ready, now_ns)):
            self._silence.heard(now_ns)

    def _take(self, get: Callable[[], list[PipelineResult]]) -> bool:
        """Write what is finished; return whether anything was."""
        began = time.perf_counter()
        finished = get()
        if finished:
            self._time("fusion and tracking", began)
        for result in finished:
            began = time.perf_counter()
            self._results.result(result)
            self._time("write", began)
            self.statistics.arrays_out += 1
            self.statistics.modes[Mode(result.obstacles.mode).name] += 1
            self.statistics.obstacle_ids.update(row.tobytes() for row in result.obstacles.ids)
        return bool(finished)

    def _take_static(self, message: BagMessage) -> None:
        self._transforms.add_static(message)
        self._results.copy(message)

    def _gate(self, message: BagMessage, max_age_s: float, max_future_s: float, stamp_ns: int) -> None:
        gate = self._gates.get(message.topic)
        if gate is None:
            gate = StampGate(message.topic, round(max_age_s * 1e9), round(max_future_s * 1e9))
            self._gates[message.topic] = gate
        gate.check(stamp_ns, message.log_ns)

    def _load_networks(self) -> Mapping[str, CameraNetworks]:
        networks = {}
        for camera in self._profile.cameras:
            try:
                loaded = networks[camera.camera_name] = build_networks(camera.camera, model_folders())
            except ModelError as error:
                fault = self._model_faults[camera.camera_name] = f"no detections: {error}"
                self.statistics.notes.append(f"camera {camera.camera_name}: {fault}")
            else:
                self.statistics.notes += [f"camera {camera.camera_name}: {loaded.fault}"] if loaded.fault else []
        return networks

    def _time(self, stage: str, began: float) -> None:
        self.statistics.stages_ms[stage].append((time.perf_counter() - began) * 1e3)

    def _drop(self, reason: str, error: PerceptionError) -> None:
        if not self.statistics.drops[reason]:
            self.statistics.notes.append(f"{reason}: {error}")
        self.statistics.drops[reason] += 1


def _is_recorded(bag: BagReader, topic: str) -> bool:
    return topic in bag.topics and bag.topics[topic].count > 0


def _decoder(camera: CameraNodeConfig) -> Callable[[bytes], Image]:
    """Return what makes an image of a message's bytes."""
    if camera.image_transport == "compressed":
        return lambda data: image_from_compressed_msg(deserialize_message(data, CompressedImage))
    return lambda data: image_from_msg(deserialize_message(data, ImageMsg))
