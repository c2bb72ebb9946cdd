"""Motions that the robot's own feigns, and those that it does not."""

import uuid

import numpy as np
import pytest

from perception_core.tracking import life, witness
from perception_core.tracking.config import MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.types import Motion, Sensor
from perception_core.types.classes import CAR

CAR_SIZE = (4.2, 1.8, 1.5)
POST = (1.0, 0.5, 0.8)
RAIL = (12.0, 0.4, 0.8)
PERSON = (0.6, 0.5, 1.7)


@pytest.fixture
def unproven(objects):
    """Asks of one track of a size and a speed beside a robot of another speed, both along x."""

    def ask(size: tuple[float, float, float], speed: float, robot: float, **box: object) -> bool:
        scan = objects(0.0, [{"x": 0.0, "y": 6.0, "size": size} | box])
        seen, _ = from_objects(scan, np.eye(4), MeasurementConfig())
        table = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())
        table.state[0, 3:] = speed, 0.0, 0.0
        return bool(witness.unproven(table, np.array([robot, 0.0]))[0])

    return ask


@pytest.mark.parametrize(
    ("size", "speed", "robot", "wanted"),
    [
        (POST, 29.0, 30.0, True),  # keeps pace, and nobody is that low
        (POST, 15.0, 30.0, False),  # does not keep pace: 15 m/s apart, 8.5 allowed
        (POST, -30.0, 30.0, False),
        (POST, 1.0, 1.0, False),  # a robot at a walk
        (RAIL, -4.0, 30.0, True),  # any velocity along a rail
        (CAR_SIZE, 30.0, 30.0, False),
        (PERSON, 4.0, 4.0, False),  # runs beside us
        (PERSON, 30.0, 30.0, True),  # nobody runs so fast
        ((2.0, 0.8, 1.6), 30.0, 30.0, False),  # a motorcycle, its driver's elbows seen
    ],
)
def test_by_hand(unproven, size, speed: float, robot: float, wanted: bool) -> None:
    assert unproven(size, speed, robot) is wanted


def test_a_name_is_a_witness(unproven) -> None:
    assert not unproven(POST, 29.0, 30.0, label=CAR, p=0.9, sensors=Sensor.LIDAR | Sensor.CAMERA)


def test_a_doubted_velocity_may_be_none() -> None:
    # sigma 0.1 m/s and 30 m/s along x: 0.01 + 900; across it stays
    got = witness.doubted(np.eye(3)[None] * 0.01, np.array([[30.0, 0.0, 0.0]]))
    np.testing.assert_allclose(got[0], np.diag([900.01, 0.01, 0.01]))


def test_what_is_seen_of_a_rail_keeps_pace_and_is_not_told_to_move_but_a_car_is(objects, tracker) -> None:
    # the robot drives 30 m/s; of a rail it sees a stretch behind, always the same; beside it a car as fast as itself
    scene = [{"x": -20.0, "y": 6.0, "z": 0.4, "size": POST}, {"x": 8.0, "y": -3.5, "z": 0.75, "size": CAR_SIZE}]
    for k in range(25):
        pose = np.eye(4)
        pose[0, 3] = 3.0 * k
        got = tracker.update(objects(k / 10, scene), pose, "odom")
        piece = np.abs(got.centre[:, 1] - 6.0) < 1.0
        assert not (got.motion[piece] == Motion.MOVING).any()
    fast = got.velocity[:, 0] > 25.0
    assert (got.motion[fast & ~piece] == Motion.MOVING).sum() == 1
    assert (np.sqrt(got.twist_covariance[fast & piece, 0, 0]) > 25.0).all()
    assert piece.any()
