"""The pipeline with a camera: in time, late, alone; classes of pixels; and one that sees nothing."""

import numpy as np
import pytest
from simulated_drive import NAMESPACE, RIG, RecordedDrive, pipeline, run, status, with_camera

from perception_core.camera.detector import CameraDetector, CameraResult
from perception_core.fusion import FusionConfig
from perception_core.geometry.camera_model import CameraModel
from perception_core.pipeline import Pipeline, PipelineConfig, PipelineResult
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import Detections2D, Image, Mode, Segmentation, SensorState
from perception_core.types.classes import INDEX
from perception_core.types.segments import SEGMENT_INDEX


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


class Inverter:
    """Sees one car in each image, by a box whose left side is right."""

    def warm_up(self) -> None:
        """As CameraReader."""

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:
        """As CameraReader."""
        height, width = image.pixels.shape[:2]
        box, car = np.array([[90.0, 60.0, 30.0, 90.0]]), np.array([INDEX["car"]], np.int32)
        return CameraResult(
            Detections2D(image.stamp_ns, image.frame, box, np.full(1, 0.9), car, (width, height)), None, None
        )


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


def test_intrinsics_of_another_size_than_the_images_make_the_camera_faulty(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    """As camera_node refuses such an image: its boxes would be laid over the wrong directions."""
    source, frames = drive
    made = with_camera(source, frames[0].image.frame, detector)
    right = Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame]
    twice = CameraModel(2 * right.width, 2 * right.height, np.diag([2.0, 2.0, 1.0]) @ right.matrix, frame=right.frame)
    results = []
    for k, frame in enumerate(frames):
        if k == 4:
            made.on_camera_model("front", twice)
        assert (made.on_image("front", frame.image, frame.stamp_ns) is None) == (k >= 4)
        made.on_scan(frame.cloud, frame.stamp_ns)
        results += made.ready(frame.stamp_ns)
    results += made.flush()
    reason = "image of 320x136, but the CameraInfo says 640x272"
    assert [status(r, "front").state for r in results] == [SensorState.OK] * 4 + [SensorState.FAULTY] * 4
    assert status(results[-1], "front").reason == reason
    assert results[-1].obstacles.mode is Mode.LIDAR_ONLY
    assert made.drops[f"camera front: {reason}"] == 4


def test_boxes_are_not_laid_over_intrinsics_that_came_after_them(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    source, frames = drive
    made = with_camera(source, frames[0].image.frame, detector)
    made.on_image("front", frames[0].image, frames[0].stamp_ns)
    right = Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame]
    made.on_camera_model("front", CameraModel(640, 272, np.diag([2.0, 2.0, 1.0]) @ right.matrix, frame=right.frame))
    made.on_scan(frames[0].cloud, frames[0].stamp_ns)
    (result,) = made.ready(frames[0].stamp_ns)
    assert result.objects.mode is Mode.LIDAR_ONLY
    assert dict(made.drops) == {"camera front: boxes in 320x136, the camera has 640x272": 1}


def test_a_camera_alone_that_cannot_be_used_gives_no_results_as_in_the_node(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    """The intrinsics change after all images: nothing that was seen fits them, and no LiDAR tells anything."""
    source, frames = drive
    made = with_camera(source, frames[0].image.frame, detector)
    for frame in frames:
        made.on_image("front", frame.image, frame.stamp_ns)
    right = Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame]
    made.on_camera_model("front", CameraModel(640, 272, np.diag([2.0, 2.0, 1.0]) @ right.matrix, frame=right.frame))
    assert made.flush() == []
    assert set(made.drops) == {"camera front: boxes in 320x136, the camera has 640x272"}


def test_boxes_that_are_none_are_counted_without_a_scan_too(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    made = Pipeline(PipelineConfig(), RIG, source, {"front": Inverter()}, NAMESPACE)
    made.on_camera_model("front", Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame])
    for frame in frames:
        made.on_image("front", frame.image, frame.stamp_ns)
    results = made.flush()
    assert len(results) > 0
    assert dict(made.drops) == {"camera front: boxes that are no boxes": len(results)}


def test_a_camera_without_intrinsics_is_faulty_and_says_which(
    drive: tuple[RecordedDrive, list[SimulatedFrame]], detector: CameraDetector
) -> None:
    """No CameraInfo at all, then one that cannot be right, then a good one, then a bad one again."""
    source, frames = drive
    made = Pipeline(PipelineConfig(), RIG, source, {"front": detector}, NAMESPACE)
    good = Simulation(load_scenario("tiny")).rig.cameras[frames[0].image.frame]
    states = []
    for k, frame in enumerate(frames):
        if k in (2, 6):
            made.on_camera_fault("front", "K is zero")
        if k == 4:
            made.on_camera_model("front", good)
        assert made.on_image("front", frame.image, frame.stamp_ns) is not None
        made.on_scan(frame.cloud, frame.stamp_ns)
        (result,) = made.ready(frame.stamp_ns + 50_000_000)
        states.append((status(result, "front").state.name, status(result, "front").reason, result.obstacles.mode.name))
    none = ("FAULTY", "no CameraInfo of camera front yet", "LIDAR_ONLY")
    zero = ("FAULTY", "K is zero", "LIDAR_ONLY")
    assert states == [none, none, zero, zero, ("OK", "", "FUSED"), ("OK", "", "FUSED"), zero, zero]


def test_blind_it_says_what_it_still_believes_and_how_the_sensors_are(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    made = pipeline(source)
    seen = run(made, frames[:7])[-1]
    assert len(seen.obstacles) > 0
    blind = made.blind(frames[7].stamp_ns)
    assert (blind.stamp_ns, blind.obstacles.mode) == (frames[7].stamp_ns, Mode.BLIND)
    assert {row.tobytes() for row in blind.obstacles.ids} <= {row.tobytes() for row in seen.obstacles.ids}
    assert len(blind.obstacles) > 0
    assert not blind.obstacles.sensors.any()
    assert blind.sectors is not None
    assert not np.isinf(blind.sectors.ranges).any()  # nothing is free that nobody sees
    later = made.blind(frames[0].stamp_ns + 20_000_000_000)
    assert (len(later.obstacles), later.sectors, later.bands) == (0, None, {})  # no pose is known then
    top = next(s for s in later.obstacles.statuses if s.name == "top")
    assert (top.state, top.reason) == (SensorState.MISSING, "silent for 19.40 s")
    again = run(made, frames[7:])[-1]
    assert again.obstacles.mode is not Mode.BLIND


def test_blind_before_the_first_scan_it_has_nothing_to_say(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    blind = pipeline(source).blind(frames[0].stamp_ns)
    assert (len(blind.obstacles), blind.obstacles.frame, blind.obstacles.mode) == (0, "odom", Mode.BLIND)
    assert {s.state for s in blind.obstacles.statuses} == {SensorState.MISSING}


def test_what_cannot_be_read_is_a_fault_until_something_can(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    made = Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE)
    made.on_scan(frames[0].cloud, frames[0].stamp_ns)
    made.on_fault("top", "no field x")
    made.on_fault("front", "no weights")
    (result,) = made.ready(frames[0].stamp_ns)
    assert [(s.name, s.state.name, s.reason) for s in result.obstacles.statuses] == [
        ("top", "FAULTY", "no field x"),
        ("front", "FAULTY", "no weights"),
    ]
    made.on_scan(frames[1].cloud, frames[1].stamp_ns)
    (result,) = made.ready(frames[1].stamp_ns)
    assert status(result).state is SensorState.OK


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
