"""Fusion on simulated scans with cameras that err: a camera may cost the name, never the place or the object."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perception_core.fusion import CameraView, Fusion, FusionConfig
from perception_core.geometry import transforms
from perception_core.geometry.camera_model import CameraModel
from perception_core.lidar.deskew import deskew
from perception_core.lidar.ego_path import EgoPath
from perception_core.lidar.processor import LidarProcessor, LidarResult
from perception_core.simulation import Simulation, load_scenario
from perception_core.simulation.camera import camera_model
from perception_core.simulation.rig import camera_pose, lidar_pose
from perception_core.types import CLASSES, Detections2D, Objects, Truth
from perception_core.types.classes import INDEX

DELAY = 0.2
FRAMES = (10, 40, 70, 100)


@dataclass
class Moment:
    """One scan, its truth in the base frame, the boxes that the camera sees now and saw before."""

    lidar: LidarResult
    truth: Truth
    centre: np.ndarray
    now: Detections2D
    before: Detections2D
    T_camera_base: np.ndarray
    T_camera_base_before: np.ndarray
    model: CameraModel


def boxes_of(truth: Truth, size: tuple[int, int], rng: np.random.Generator) -> Detections2D:
    """Boxes of what is seen by a third, 12 px high and more, each edge off by 3 % of the height and a pixel."""
    height = truth.boxes_2d[:, 3] - truth.boxes_2d[:, 1]
    seen = np.flatnonzero((truth.visible_fraction > 0.3) & (height > 12))
    noise = rng.normal(size=(len(seen), 4)) * (1.0 + 0.03 * height[seen, None])
    return Detections2D(0, "camera", truth.boxes_2d[seen] + noise, np.full(len(seen), 0.7), truth.class_ids[seen], size)


def moment(simulation: Simulation, processor: LidarProcessor, k: int) -> Moment:
    config = simulation.scenario.config
    frame, earlier = simulation.frame(k), simulation.frame(k - round(DELAY * config.lidar.rate))
    poses = simulation.odometry(k)
    T_base_lidar = lidar_pose(config.lidar)
    path = EgoPath(poses.stamp_ns, poses.T_odom_base @ T_base_lidar)
    cloud = deskew(frame.cloud, path, frame.stamp_ns, 100_000_000)
    model, T_camera_base = camera_model(config.camera), transforms.invert(camera_pose(config.camera))
    moved = transforms.invert(earlier.T_odom_base) @ frame.T_odom_base
    rng = np.random.default_rng(k)
    size = (model.width, model.height)
    return Moment(
        processor.process(cloud, T_base_lidar),
        frame.truth,
        transforms.apply(transforms.invert(frame.T_odom_base), frame.truth.centre),
        boxes_of(frame.truth, size, rng),
        boxes_of(earlier.truth, size, rng),
        T_camera_base,
        T_camera_base @ moved,
        model,
    )


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    """Four scans of a street with traffic, of a seed that no constant was chosen on."""
    simulation = Simulation(load_scenario("city"), seed=4711)
    processor = LidarProcessor()
    return [moment(simulation, processor, k) for k in FRAMES]


def view(at: Moment, degrees: float = 0.0, late: bool = False) -> CameraView:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    T, seen = (at.T_camera_base_before, at.before) if late else (at.T_camera_base, at.now)
    return CameraView("front", at.model, turn @ T, seen, age=DELAY if late else 0.0)


VIEWS = {
    "well": lambda at: [view(at)],
    "turned by 1 degree": lambda at: [view(at, 1.0)],
    "late by 200 ms": lambda at: [view(at, late=True)],
    "dead": lambda at: [],
}


def fused(at: Moment, views: list[CameraView]) -> Objects:
    return Fusion(FusionConfig()).fuse(at.lidar.clusters, views, at.lidar.coverage)


def errors(moments: list[Moment], how: str) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal error of each object with ten returns within 50 m, and its NEES over 2 (nan beyond 2 m)."""
    off, nees = [], []
    for at in moments:
        objects = fused(at, VIEWS[how](at))
        asked = (at.truth.point_count >= 10) & (np.hypot(at.centre[:, 0], at.centre[:, 1]) < 50.0)
        for centre in at.centre[asked]:
            apart = objects.centre[:, :2] - centre[:2]
            nearest = int(np.argmin(np.linalg.norm(apart, axis=1)))
            d, cov = apart[nearest], objects.covariance[nearest, :2, :2]
            off.append(np.linalg.norm(d))
            nees.append(d @ np.linalg.solve(cov, d) / 2 if off[-1] < 2.0 else np.nan)
    return np.array(off), np.array(nees)


@pytest.mark.parametrize("how", VIEWS)
def test_a_camera_never_costs_place_or_object(moments: list[Moment], how: str) -> None:
    alone, _ = errors(moments, "dead")
    with_camera, _ = errors(moments, how)
    assert len(alone) > 60
    assert (with_camera < 1.0).mean() >= (alone < 1.0).mean()
    assert (with_camera < 2.0).mean() >= (alone < 2.0).mean()
    assert np.minimum(with_camera, 2.0).mean() <= np.minimum(alone, 2.0).mean() + 0.005


@pytest.mark.parametrize("how", VIEWS)
def test_the_covariance_says_how_well_the_place_is_known(moments: list[Moment], how: str) -> None:
    """One a dimension would be exact; fragments of what is mostly hidden make the tail, unnamed things the doubt."""
    nees = errors(moments, how)[1]
    assert 0.2 < np.nanmean(nees) < 1.5
    assert np.nanmean(nees < 3.0) > 0.9  # chi-square of two degrees: 0.95


def test_an_error_costs_names(moments: list[Moment]) -> None:
    def named(how: str) -> int:
        return sum(
            int((fused(at, VIEWS[how](at)).class_probabilities.argmax(axis=1) != INDEX["unknown"]).sum())
            for at in moments
        )

    assert named("well") > named("turned by 1 degree") > named("dead") == 0
    assert len(CLASSES) == 10
