"""The simulated car's frames are those of calibration/demo."""

from pathlib import Path

import numpy as np

from perception_core.datasets.calibration import load_rig
from perception_core.simulation import load_scenario
from perception_core.simulation.rig import camera_pose, rig
from perception_core.simulation.scenario_config import CameraConfig

DEMO = Path(__file__).parents[3] / "calibration/demo"


def test_the_city_rig_is_the_demo_calibration():
    simulated, filed = rig(load_scenario("city")), load_rig(DEMO)
    assert {child for _, child, _ in simulated.transforms} == {edge.child for edge in filed.extrinsics.transforms}
    for parent, child, T in simulated.transforms:
        np.testing.assert_allclose(T, filed.extrinsics.lookup(parent, child), atol=1e-9)
    assert simulated.cameras.keys() == filed.cameras.keys()
    for name, camera in simulated.cameras.items():
        other = filed.cameras[name]
        np.testing.assert_array_equal(camera.matrix, other.matrix)
        assert (camera.width, camera.height, camera.model, camera.frame, camera.distortion) == (
            other.width, other.height, other.model, other.frame, other.distortion,
        )  # fmt: skip


def test_optical_axes_by_hand():
    T = camera_pose(CameraConfig())
    np.testing.assert_allclose(T[:3, :3] @ [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], atol=1e-12)  # z looks ahead
    np.testing.assert_allclose(T[:3, :3] @ [1.0, 0.0, 0.0], [0.0, -1.0, 0.0], atol=1e-12)  # x to the right
    down = camera_pose(CameraConfig(pitch=90.0))[:3, :3] @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(down, [0.0, 0.0, -1.0], atol=1e-12)
    left = camera_pose(CameraConfig(yaw=90.0))[:3, :3] @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(left, [0.0, 1.0, 0.0], atol=1e-12)
