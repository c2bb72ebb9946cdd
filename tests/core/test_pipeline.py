"""The whole perception on a short simulated drive, without ROS; the network is a small ONNX graph that sees one car."""

import dataclasses
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from perception_core.camera.detector import CameraConfig, CameraDetector, CameraResult, build_detector
from perception_core.errors import TransformError
from perception_core.fusion import FusionConfig
from perception_core.geometry import transforms
from perception_core.pipeline import Pipeline, PipelineConfig, PipelineResult, Rig
from perception_core.planning import SectorConfig
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import Detections2D, Image, Mode, PointCloud, Segmentation, SensorState, SensorStatus
from perception_core.types.classes import INDEX
from perception_core.types.segments import SEGMENT_INDEX

RIG = Rig("top", ("front",), "base_link", "odom")
NAMESPACE = uuid.UUID(int=7).bytes


class RecordedDrive:
    """Transforms of a simulated drive by stamp: what /tf and /tf_static of its bag would hold."""

    def __init__(self, simulation: Simulation, frames: list[SimulatedFrame]) -> None:
        """Collect mounts and poses."""
        self._mounts = {child: T for _, child, T in simulation.rig.transforms}
        self._poses = {f.stamp_ns: f.T_odom_base for f in frames}

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        """As TransformSource."""
        if (target, source) == ("odom", "base_link"):
            if stamp_ns not in self._poses:
                raise TransformError(f"odom <- base_link: nothing at {stamp_ns} ns")
            return self._poses[stamp_ns]
        if target == "base_link" and source in self._mounts:
            return self._mounts[source]
        if source == "base_link" and target in self._mounts:
            return transforms.invert(self._mounts[target])
        raise TransformError(f"{target} <- {source}: no such transform")


@pytest.fixture(scope="module")
def drive() -> tuple[RecordedDrive, list[SimulatedFrame]]:
    """Eight scans of the tiny scenario."""
    simulation = Simulation(load_scenario("tiny"))
    frames = [simulation.frame(k) for k in range(8)]
    return RecordedDrive(simulation, frames), frames


def pipeline(source: RecordedDrive, detectors: Mapping[str, CameraDetector] | None = None) -> Pipeline:
    """A pipeline with default parameters."""
    return Pipeline(PipelineConfig(), RIG, source, detectors or {}, NAMESPACE)


def run(made: Pipeline, frames: list[SimulatedFrame]) -> list[PipelineResult]:
    """Feed scans and collect what is ready after each."""
    results = []
    for frame in frames:
        made.on_scan(frame.cloud, frame.stamp_ns)
        results += made.ready(frame.stamp_ns)
    return results + made.flush()


def test_every_scan_gives_one_result_at_its_own_stamp(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    results = run(pipeline(source), frames)
    assert [r.stamp_ns for r in results] == [f.stamp_ns for f in frames]
    assert [r.obstacles.stamp_ns for r in results] == [f.stamp_ns for f in frames]
    assert {r.obstacles.mode for r in results} == {Mode.LIDAR_ONLY}
    assert results[-1].obstacles.frame == "odom"


def test_what_the_lidar_hit_is_among_the_obstacles(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    """Each object of the truth with 30 returns and nearer than 25 m has an obstacle within 1.5 m of its centre."""
    source, frames = drive
    last, truth = run(pipeline(source), frames)[-1], frames[-1].truth
    ego = frames[-1].T_odom_base[:2, 3]
    near = np.linalg.norm(truth.centre[:, :2] - ego, axis=1) < 25.0
    wanted = np.flatnonzero(near & (truth.point_count >= 30))
    assert len(wanted) > 0
    for i in wanted:
        distance = np.linalg.norm(last.obstacles.centre[:, :2] - truth.centre[i, :2], axis=1)
        assert distance.min() < 1.5


def test_the_same_input_gives_the_same_bytes(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    first, second = run(pipeline(source), frames), run(pipeline(source), frames)
    for a, b in zip(first, second, strict=True):
        for name in ("ids", "centre", "size", "yaw", "velocity", "pose_covariance", "twist_covariance", "existence"):
            assert getattr(a.obstacles, name).tobytes() == getattr(b.obstacles, name).tobytes(), name
        assert a.occupancy is not None
        assert b.occupancy is not None
        assert a.occupancy.cells.tobytes() == b.occupancy.cells.tobytes()


def test_a_scan_of_an_unknown_frame_is_dropped_and_counted(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    made = pipeline(source)
    stray = PointCloud(frames[0].cloud.xyz, frames[0].stamp_ns, "lidar_nobody_knows")
    assert made.on_scan(stray, frames[0].stamp_ns) is None
    assert made.flush() == []
    assert sum(made.drops.values()) == 1
    assert "lidar_nobody_knows" in next(iter(made.drops))


def test_without_the_ego_pose_of_a_scan_there_are_no_obstacles_of_it(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    made = pipeline(source)
    later = PointCloud(frames[1].cloud.xyz, frames[1].stamp_ns + 1, frames[1].cloud.frame)
    results = run(made, [frames[0]])
    made.on_scan(later, later.stamp_ns)
    assert made.flush() == []
    assert len(results) == 1
    assert "odom <- base_link" in next(iter(made.drops))


def test_a_camera_that_never_spoke_is_missing_and_the_mode_says_lidar_only(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    statuses = {s.name: s.state for s in run(pipeline(source), frames)[-1].obstacles.statuses}
    assert statuses == {"top": SensorState.OK, "front": SensorState.MISSING}


def test_time_set_back_starts_again(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    """A looped bag: the second round gives obstacles again, with other ids than the first."""
    source, frames = drive
    made = pipeline(source)
    first, second = run(made, frames), run(made, frames)
    assert [r.stamp_ns for r in second] == [r.stamp_ns for r in first]
    assert len(second[-1].obstacles) > 0
    ids = [{row.tobytes() for row in r[-1].obstacles.ids} for r in (first, second)]
    assert not ids[0] & ids[1]


@pytest.fixture
def detector(tmp_path: Path, networks: ModuleType) -> CameraDetector:
    """Sees one car in every image: 50 x 50 pixels around (160, 80) of 320 x 136, which is some 6 m ahead."""
    output = networks.empty_output()
    cell, car = 2 * 8 + 4, 5 + networks.CLASSES.index("car")
    output[0, cell, :5] = [0.0, 0.0, np.log(10 / 8), np.log(10 / 8), 1.0]
    output[0, cell, car] = 0.9
    networks.constant_network(tmp_path / "tiny.onnx", output)
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    return build_detector(CameraConfig(model="tiny", split_wide=False), [tmp_path])


def with_camera(source: RecordedDrive, simulation_camera: str, detector: CameraDetector) -> Pipeline:
    """A pipeline whose front camera has a network and intrinsics."""
    made = pipeline(source, {"front": detector})
    made.on_camera_model("front", Simulation(load_scenario("tiny")).rig.cameras[simulation_camera])
    return made


def test_an_image_in_time_makes_it_fused_and_its_loss_is_told(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    source, frames = drive
    made = with_camera(source, frames[0].image.frame, detector)
    modes = []
    for k, frame in enumerate(frames):
        if k < 3:
            assert made.on_image("front", frame.image, frame.stamp_ns) is not None
        made.on_scan(frame.cloud, frame.stamp_ns)
        modes += [r.obstacles.mode for r in made.ready(frame.stamp_ns)]
    last = made.flush()[-1].obstacles
    assert modes[:3] == [Mode.FUSED] * 3
    assert last.mode is Mode.LIDAR_ONLY
    assert {s.name: s.state for s in last.statuses}["front"] is not SensorState.OK


def test_a_scan_waits_for_a_camera_that_lives_but_not_longer_than_its_budget(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    """The second image is late: the scan waits 40 ms of the recording's time, then goes without it."""
    source, frames = drive
    made = with_camera(source, frames[0].image.frame, detector)
    made.on_image("front", frames[0].image, frames[0].stamp_ns)
    made.on_scan(frames[0].cloud, frames[0].stamp_ns)
    made.ready(frames[0].stamp_ns)
    arrival = frames[1].stamp_ns
    made.on_scan(frames[1].cloud, arrival)
    assert made.ready(arrival + 39_000_000) == []
    assert [r.stamp_ns for r in made.ready(arrival + 40_000_000)] == [frames[1].stamp_ns]


def test_without_scans_the_camera_stands_alone_and_says_so(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    source, frames = drive
    made = with_camera(source, frames[0].image.frame, detector)
    for frame in frames:
        made.on_image("front", frame.image, frame.stamp_ns)
    results = made.flush()
    assert {r.obstacles.mode for r in results} == {Mode.CAMERA_ONLY}
    assert results[0].stamp_ns - frames[0].stamp_ns > 300_000_000
    assert all(len(r.objects) == 1 for r in results)
    assert 5.0 < results[0].objects.centre[0, 0] < 10.0
    sigma = np.sqrt(results[0].objects.covariance[0, 0, 0])
    assert sigma > 0.3


class Painter:
    """Reads no image: sees a class of pixels everywhere, and no objects."""

    def __init__(self, name: str, size: tuple[int, int] | None = None, detects: bool = True) -> None:
        """Paint ``name`` over the image, or over an image of another size (width, height)."""
        self._id = SEGMENT_INDEX[name]
        self._size = size
        self._detects = detects
        self.asked: list[bool] = []

    def warm_up(self) -> None:
        """As CameraReader."""

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:
        """As CameraReader."""
        self.asked.append(pixels)
        height, width = image.pixels.shape[:2]
        none = np.empty((0, 4))
        boxes = Detections2D(image.stamp_ns, image.frame, none, np.empty(0), np.empty(0), (width, height))
        width, height = self._size or (width, height)
        labels = Segmentation(image.stamp_ns, image.frame, np.full((height, width), self._id, np.uint8))
        return CameraResult(boxes if self._detects else None, None, labels if pixels else None)


def painted(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], painter: Painter, trust: float = 0.7
) -> tuple[Pipeline, list[PipelineResult]]:
    """Run the drive with a camera that sees only classes of pixels."""
    source, frames = drive
    config = PipelineConfig(fusion=FusionConfig(segmentation_trust=trust))
    made = Pipeline(config, RIG, source, {"front": painter}, NAMESPACE)
    made.on_camera_model("front", Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame])
    results = []
    for frame in frames:
        made.on_image("front", frame.image, frame.stamp_ns)
        made.on_scan(frame.cloud, frame.stamp_ns)
        results += made.ready(frame.stamp_ns)
    return made, results


def guessed_cars(results: list[PipelineResult]) -> float:
    """Sum up the probabilities of car of all objects."""
    return sum(float(r.objects.class_probabilities[:, INDEX["car"]].sum()) for r in results)


def test_classes_of_pixels_reach_fusion_and_move_nothing(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    """All is leaves: fewer things are guessed to be cars, and every cluster stands where it stood."""
    painter = Painter("vegetation")
    _, leaves = painted(drive, painter)
    _, nothing = painted(drive, Painter("unknown"))
    assert painter.asked == [True] * len(leaves)
    assert guessed_cars(leaves) < guessed_cars(nothing)
    for a, b in zip(leaves, nothing, strict=True):
        np.testing.assert_array_equal(a.objects.existence, b.objects.existence)
        assert a.objects.mode is Mode.FUSED


def test_a_camera_that_only_labels_pixels_is_alive_and_names_what_it_shows(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    _, vehicles = painted(drive, Painter("vehicle", detects=False))
    _, nothing = painted(drive, Painter("unknown"))
    last = vehicles[-1].obstacles
    assert {r.objects.mode for r in vehicles} == {Mode.FUSED}
    assert {s.name: s.state for s in last.statuses}["front"] is SensorState.OK
    assert guessed_cars(vehicles) > guessed_cars(nothing)


def test_without_trust_nobody_asks_for_pixels(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    painter = Painter("vegetation")
    _, results = painted(drive, painter, trust=0.0)
    _, nothing = painted(drive, Painter("unknown"))
    assert painter.asked == [False] * len(results)
    assert guessed_cars(results) == guessed_cars(nothing)


def test_label_images_of_another_size_than_the_intrinsics_are_left_out_and_counted(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    made, results = painted(drive, Painter("vegetation", (32, 24)))
    _, nothing = painted(drive, Painter("unknown"))
    assert guessed_cars(results) == guessed_cars(nothing)
    (reason,) = made.drops
    assert "label image of 32x24" in reason
    assert made.drops[reason] == len(results)


# -- several LiDARs ---------------------------------------------------------------------------------------------------

TWO = Rig("top", (), "base_link", "odom", other_lidars=("rear",), deskew_frame="odom")


class ExactDrive(RecordedDrive):
    """The same drive with poses at any stamp, and one LiDAR's mount under a second name."""

    def __init__(self, simulation: Simulation, frames: list[SimulatedFrame]) -> None:
        super().__init__(simulation, frames)
        self._simulation = simulation
        self._mounts["lidar_rear"] = self._mounts["lidar_top"]

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        if target == source:
            return np.eye(4)
        if (target, source) == ("odom", "base_link"):
            return self._simulation.odom_pose((stamp_ns - self._simulation.stamp_ns(0.0)) * 1e-9)
        return super().lookup(target, source, stamp_ns)


def halves(cloud: PointCloud) -> tuple[PointCloud, PointCloud]:
    """Cut a scan into what is ahead and what is behind, as two LiDARs would see it."""
    ahead = cloud.xyz[:, 0] > 0
    assert cloud.time_offset_ns is not None
    parts = [
        PointCloud(cloud.xyz[side], cloud.stamp_ns, frame, time_offset_ns=cloud.time_offset_ns[side])
        for side, frame in ((ahead, "lidar_top"), (~ahead, "lidar_rear"))
    ]
    return parts[0], parts[1]


def run_halves(source: ExactDrive, frames: list[SimulatedFrame], stops: str = "", at: int = 99) -> list[PipelineResult]:
    made = Pipeline(PipelineConfig(), TWO, source, {}, NAMESPACE)
    results = []
    for k, frame in enumerate(frames):
        for name, part in zip(("rear", "top"), reversed(halves(frame.cloud)), strict=True):
            if name != stops or k < at:
                made.on_scan(part, frame.stamp_ns, name)
        for later_ms in (10, 35, 60):
            results += made.ready(frame.stamp_ns + later_ms * 1_000_000)
    return results + made.flush()


@pytest.fixture(scope="module")
def exact() -> tuple[ExactDrive, list[SimulatedFrame]]:
    simulation = Simulation(load_scenario("tiny"))
    frames = [simulation.frame(k) for k in range(8)]
    return ExactDrive(simulation, frames), frames


def test_two_lidars_are_one_scan_and_the_same_bytes_each_time(exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    results = run_halves(source, frames)
    assert [r.stamp_ns for r in results] == [f.stamp_ns for f in frames]
    assert {s.name: s.state for s in results[-1].obstacles.statuses} == {"top": SensorState.OK, "rear": SensorState.OK}
    for a, b in zip(results, run_halves(source, frames), strict=True):
        assert a.obstacles.centre.tobytes() == b.obstacles.centre.tobytes()
    # The halves together are what one LiDAR would have seen.
    rig = Rig("top", (), "base_link", "odom", deskew_frame="odom")
    whole = run(Pipeline(PipelineConfig(), rig, source, {}, NAMESPACE), frames)[-1]
    assert whole.lidar is not None
    assert results[-1].lidar is not None
    assert len(results[-1].lidar.clusters) == pytest.approx(len(whole.lidar.clusters), abs=3)


@pytest.mark.parametrize("stops", ["top", "rear"])
def test_any_lidar_may_stop_and_the_rest_goes_on(stops: str, exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    results = run_halves(source, frames, stops, at=3)
    stamps = [r.stamp_ns for r in results]
    assert stamps == [f.stamp_ns for f in frames]
    last = results[-1]
    assert last.obstacles.mode is Mode.LIDAR_ONLY
    states = {s.name: s.state for s in last.obstacles.statuses}
    assert states.pop(stops) is SensorState.LATE
    assert set(states.values()) == {SensorState.OK}
    assert last.lidar is not None
    assert results[2].lidar is not None
    assert (last.lidar.coverage > 0).sum() < 0.8 * (results[2].lidar.coverage > 0).sum()


def test_what_was_deskewed_and_dropped_is_counted(exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    seen: list[int] = []
    made = Pipeline(PipelineConfig(), TWO, source, {}, NAMESPACE, on_lidar=lambda r: seen.append(r.clusters.stamp_ns))
    made.on_scan(halves(frames[0].cloud)[0], frames[0].stamp_ns)
    assert seen == [frames[0].stamp_ns]
    assert made.deskewed == {"top: yes": 1}
    assert made.missing == {"rear": 1}
    assert made.points_dropped.keys() <= {"range", "height", "body", "overhead", "below_ground", "intensity", "speck"}


def test_rates_stand_in_for_odometry(exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    made = Pipeline(PipelineConfig(), Rig("top", (), has_rates=True), source, {}, NAMESPACE)
    first = frames[0].stamp_ns
    for ms in range(-60, 70, 10):
        made.on_rates(first + ms * 1_000_000, np.zeros(3), np.array([5.0, 0.0, 0.0]), "base_link")
    with_gyro = made.on_scan(frames[0].cloud, first)
    assert with_gyro is not None
    assert made.deskewed == {"top: yes": 1}
    made.on_rates(first, np.zeros(3), None, "imu_nobody_knows")
    assert sum(made.drops.values()) == 1


# -- sensors that go on sending and see nothing: free and blind stay apart ---------------------------------------------


def status(result: PipelineResult, name: str = "top") -> SensorStatus:
    return next(s for s in result.obstacles.statuses if s.name == name)


def covered(frame: SimulatedFrame, keep: np.ndarray) -> SimulatedFrame:
    cloud = PointCloud(frame.cloud.xyz[keep], frame.stamp_ns, frame.cloud.frame)
    return dataclasses.replace(frame, cloud=cloud)


def test_half_a_lidar_is_faulty_and_its_blind_half_is_not_free(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    halves = [covered(f, f.cloud.xyz[:, 1] > 0) for f in frames[4:]]
    results = run(Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE), frames[:4] + halves)
    assert len(results) == 8
    assert [status(r).state for r in results] == [SensorState.OK] * 4 + [SensorState.FAULTY] * 4
    assert "of 36 directions vanished: covered?" in status(results[-1]).reason
    assert status(results[-1]).rate_hz == pytest.approx(10.0)
    assert results[-1].obstacles.mode is Mode.LIDAR_ONLY
    right, left = np.split(results[-1].sectors.ranges, 2)
    assert np.isposinf(left).any()
    assert not np.isposinf(right).any()


def test_a_lidar_that_sees_nothing_is_refused_and_its_silence_is_blind(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    nothing = [covered(f, np.zeros(len(f.cloud), np.bool_)) for f in frames[4:]]
    made = Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE)
    results = run(made, frames[:4] + nothing)
    assert len(results) == 4
    assert dict(made.drops) == {"LiDAR top: no returns from beyond 0.5 m: covered?": 4}


def test_an_uncovered_lidar_is_well_again(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    one = [covered(frames[4], frames[4].cloud.xyz[:, 1] > 0)]
    results = run(Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE), frames[:4] + one + frames[5:])
    states = [SensorState.OK] * 4 + [SensorState.FAULTY] + [SensorState.OK] * 3
    assert [status(r).state for r in results] == states


@pytest.mark.parametrize(("value", "reason"), [(0, "black: "), (255, "overexposed: ")])
def test_a_camera_without_a_view_is_faulty_and_the_lidar_goes_on_alone(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], value: int, reason: str
) -> None:
    source, frames = drive
    made = Pipeline(PipelineConfig(), RIG, source, {"front": Painter("unknown")}, NAMESPACE)
    made.on_camera_model("front", Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame])
    results = []
    for k, frame in enumerate(frames):
        image = frame.image if k < 4 else Image(np.full_like(frame.image.pixels, value), frame.stamp_ns, "camera")
        assert (made.on_image("front", image, frame.stamp_ns) is None) == (k >= 4)
        made.on_scan(frame.cloud, frame.stamp_ns)
        results += made.ready(frame.stamp_ns)
    results += made.flush()
    assert status(results[3], "front").state is SensorState.OK
    assert status(results[-1], "front").state is SensorState.FAULTY
    assert status(results[-1], "front").reason.startswith(reason)
    assert results[-1].obstacles.mode is Mode.LIDAR_ONLY
    assert status(results[-1]).state is SensorState.OK


def test_bands_are_made_where_they_have_edges_and_know_what_was_seen(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    """Relative to the road: cars reach from the lowest band into the one above."""
    source, frames = drive
    config = PipelineConfig(sectors=SectorConfig(band_edges=(-5.0, 0.5, 3.0, 10.0), free_range=5.0, lidar_height=1.8))
    last = run(Pipeline(config, RIG, source, {}, NAMESPACE), frames)[-1]
    assert list(last.bands) == ["down", "level", "up"]
    hit = {name: np.isfinite(band.ranges) for name, band in last.bands.items()}
    assert hit["down"].any()
    assert hit["level"].any()
    assert np.isposinf(last.bands["level"].ranges).any()
    both = hit["level"] & np.isfinite(last.sectors.ranges)
    assert (last.bands["level"].ranges[both] >= last.sectors.ranges[both]).all()
    assert run(pipeline(source), frames[:1])[0].bands == {}
