"""The KITTI frames end to end, converted and replayed: what a person sees in them must come out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import deserialize_message

from perception_core.datasets import kitti
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.detections import overlaps
from perception_core.geometry import boxes, transforms
from perception_core.types import Detections2D, Mode, Objects, Obstacles
from perception_core.types.classes import CAR, CLASSES
from perception_nodes.bag_reader import BagReader
from perception_nodes.conversions.boxes import objects_from_msg
from perception_nodes.conversions.detections import detections_from_msg
from perception_nodes.conversions.obstacles import obstacles_from_msg
from perception_tools.evaluating import judge_recording
from perception_tools.evaluating_truth import truth_of
from perception_tools.kitti_bag import convert_kitti
from perception_tools.profile import load_profile
from perception_tools.replay import replay

pytestmark = pytest.mark.slow

LANE_HALF_WIDTH = 0.9
"""Metres: the middle of our lane, where the car ahead drives and nothing else does."""


def replayed(source: Path, folder: Path, name: str) -> Path:
    """Convert ``source`` and replay it with the kitti profile; the path of the result."""
    convert_kitti(source, folder / f"{source.name}.mcap")
    output = folder / f"{name}.mcap"
    replay(folder / f"{source.name}.mcap", load_profile("kitti"), output)
    return output


def messages(path: Path, topic: str) -> list[Any]:
    """All messages of a topic."""
    from rosidl_runtime_py.utilities import get_message

    with BagReader(path) as bag:
        kind = get_message(bag.topics[topic].type)
        return [deserialize_message(message.data, kind) for message in bag.messages([topic])]


@pytest.fixture(scope="module")
def drive_folder(perception_data: Path, perception_models: Path) -> Path:
    """The sample drive behind another car."""
    folder = perception_data / "kitti_raw/2011_09_26/sample_sync"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: other recordings")
    return folder


@pytest.fixture(scope="module")
def drive(drive_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[kitti.KittiDrive, list[Obstacles]]:
    """The drive's frames and the obstacles of each."""
    output = replayed(drive_folder, tmp_path_factory.mktemp("drive"), "result")
    return kitti.read(drive_folder), [obstacles_from_msg(m) for m in messages(output, "/perception/obstacles")]


def rear_of_the_car_ahead(frame: kitti.KittiFrame) -> float:
    """x in base_link of the nearest return of its rear: in our lane, bumper to window high, 3 to 14 m ahead."""
    points = transforms.apply(frame.calibration.T_base_velo, kitti.read_points(frame.points_path)[:, :3])
    x, y, z = points.T
    inside = (np.abs(y) < LANE_HALF_WIDTH) & (x > 3.0) & (x < 14.0) & (z > 0.4) & (z < 1.5)
    return float(np.sort(x[inside])[:3].mean())


def in_our_lane(obstacles: Obstacles) -> list[tuple[float, int]]:
    """(near face x, index) of obstacles over our lane 3 to 14 m ahead, nearest first."""
    lane = np.array(
        [[3.0, -LANE_HALF_WIDTH], [14.0, -LANE_HALF_WIDTH], [14.0, LANE_HALF_WIDTH], [3.0, LANE_HALF_WIDTH]]
    )
    found = []
    for i, corners in enumerate(boxes.bev_corners(obstacles.centre, obstacles.size, obstacles.yaw)):
        part = boxes.clip_polygon(corners, lane)
        if boxes.polygon_area(part) > 0.5:
            found.append((float(part[:, 0].min()), i))
    return sorted(found)


def test_every_scan_has_its_array(drive: tuple[kitti.KittiDrive, list[Obstacles]]) -> None:
    frames, arrays = drive
    assert [a.stamp_ns for a in arrays] == [f.stamp_ns for f in frames.frames]


def test_the_car_ahead_is_one_car_with_one_id_and_its_rear_in_place(
    drive: tuple[kitti.KittiDrive, list[Obstacles]],
) -> None:
    frames, arrays = drive
    ids, offsets, names = set(), [], []
    for frame, obstacles in zip(frames.frames[3:], arrays[3:], strict=True):
        near, i = in_our_lane(obstacles)[0]
        ids.add(obstacles.ids[i].tobytes())
        offsets.append(abs(near - rear_of_the_car_ahead(frame)))
        names.append(CLASSES[int(np.argmax(obstacles.class_probabilities[i]))])
    assert len(ids) == 1
    assert set(names) == {CAR}
    assert np.mean(np.array(offsets) <= 0.3) >= 0.95


def test_nothing_stands_between_us_and_the_car_ahead(drive: tuple[kitti.KittiDrive, list[Obstacles]]) -> None:
    """The bridge is overhead, the road is empty."""
    for obstacles in drive[1][3:]:
        assert len(in_our_lane(obstacles)) >= 1
        nearest = in_our_lane(obstacles)[0][0]
        assert nearest > 4.5


def test_a_second_replay_gives_the_same_bytes(drive_folder: Path, tmp_path: Path) -> None:
    convert_kitti(drive_folder, tmp_path / "drive.mcap")
    outputs = [tmp_path / f"{k}.mcap" for k in range(2)]
    for output in outputs:
        replay(tmp_path / "drive.mcap", load_profile("kitti"), output)
    first, second = (messages(path, "/perception/obstacles") for path in outputs)
    assert first == second
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


@pytest.fixture(scope="module")
def label_folder(perception_data: Path, perception_models: Path) -> Path:
    """The object folder with its labels."""
    return next(p.parent for p in sorted(perception_data.rglob("label_2")))


@pytest.fixture(scope="module")
def label_output(label_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay of the labelled frames."""
    return replayed(label_folder, tmp_path_factory.mktemp("object"), "result")


@pytest.fixture(scope="module")
def labelled(label_folder: Path, label_output: Path) -> list[tuple[Any, Objects]]:
    """(frame, objects) of each labelled frame."""
    arrays = [objects_from_msg(m, Mode.FUSED) for m in messages(label_output, "/perception/objects")]
    frames = kitti.read(label_folder).frames
    assert [o.stamp_ns for o in arrays] == [f.stamp_ns for f in frames]
    return list(zip(frames, arrays, strict=True))


@pytest.fixture(scope="module")
def detected(labelled: list[tuple[Any, Objects]], label_output: Path) -> list[Detections2D]:
    """What the network saw in each labelled frame."""
    with BagReader(label_output) as bag:
        topic = next(name for name in bag.topics if name.endswith("/detections"))
    cameras = [frame.calibration.camera for frame, _ in labelled]
    arrays = messages(label_output, topic)
    return [detections_from_msg(m, (c.width, c.height)) for m, c in zip(arrays, cameras, strict=True)]


def test_every_labelled_object_with_ten_points_is_found_within_a_metre(labelled: list[tuple[Any, Objects]]) -> None:
    missed = []
    for frame, objects in labelled:
        labels = kitti.load_labels(frame)
        assert labels is not None
        points = transforms.apply(frame.calibration.T_base_velo, kitti.read_points(frame.points_path)[:, :3])
        for i in range(len(labels)):
            local = transforms.apply(transforms.invert(transforms.from_yaw(labels.yaw[i], labels.centre[i])), points)
            count = int((np.abs(local) <= labels.size[i] / 2).all(axis=1).sum())
            if count < 10 or np.hypot(*labels.centre[i, :2]) >= 50.0:
                continue
            error = float(np.linalg.norm(objects.centre - labels.centre[i], axis=1).min())
            if error > 1.0:
                missed.append((frame.name, labels.types[i], count, round(error, 2)))
    assert missed == []


def name_of_the_nearest(objects: Objects, centre: np.ndarray) -> str:
    """Class of the object nearest to a label; ``missing`` when it is not within 2 m, or a twentieth of the range."""
    distance = np.linalg.norm(objects.centre - centre, axis=1)
    nearest = int(distance.argmin())
    if distance[nearest] > max(2.0, 0.05 * float(np.linalg.norm(centre))):
        return "missing"
    return CLASSES[int(objects.class_probabilities[nearest].argmax())]


def test_the_class_is_right_for_every_labelled_object_that_the_network_sees(
    labelled: list[tuple[Any, Objects]], detected: list[Detections2D]
) -> None:
    """Seen is what a 2D box of the right class covers by half (IoU); every such object, however few points hit it."""
    seen, wrong = 0, []
    for (frame, objects), boxes_2d in zip(labelled, detected, strict=True):
        labels = kitti.load_labels(frame)
        assert labels is not None
        covered = overlaps(labels.boxes_2d, boxes_2d.boxes) >= 0.5
        covered &= labels.class_ids[:, None] == boxes_2d.class_ids[None]
        for i in np.flatnonzero(covered.any(axis=1)):
            seen += 1
            name = name_of_the_nearest(objects, labels.centre[i])
            if name != CLASSES[labels.class_ids[i]]:
                wrong.append((frame.name, labels.types[i], name))
    assert seen > 0
    assert wrong == []


def test_the_evaluation_of_the_labelled_frames_says_so_too(
    label_folder: Path, label_output: Path, labelled: list[tuple[Any, Objects]]
) -> None:
    """All that can be seen is found; of what is named, one in ten may not be there, or be something else."""
    judged = judge_recording(label_output, truth_of(f"kitti:{label_folder}"), EvaluationConfig())
    counts, naming = judged.evaluation.counts, judged.evaluation.naming
    assert (judged.tracked, counts.scans, counts.kept) == (False, len(labelled), counts.asked)
    assert counts.held <= 0.1 * counts.kept
    assert naming.wrong <= 0.1


def test_labels_are_written_beside_the_bag(perception_data: Path, tmp_path: Path) -> None:
    folder = next(p.parent for p in sorted(perception_data.rglob("label_2")))
    summary = convert_kitti(folder, tmp_path / "object.mcap")
    document = json.loads(Path(summary["labels"]).read_text())
    assert len(document["frames"]) == len(kitti.read(folder).frames)
