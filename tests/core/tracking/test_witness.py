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
        table.witnessed[:] = 1.0
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


def table_of(objects, velocity: tuple[float, float], yaw: float = 0.0, **box: object):
    seen, _ = from_objects(objects(0.0, [{"x": 0.0, "y": 6.0, "yaw": yaw} | box]), np.eye(4), MeasurementConfig())
    table = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())
    table.state[0, 3:5] = velocity
    return table


def test_ends_that_move_are_remembered_as_long_as_they_were_seen_but_no_longer_than_a_second(objects) -> None:
    table, row, seen, hidden = table_of(objects, (5.0, 0.0)), np.array([0]), [[1.0, 1.0]], [[0.0, 1.0]]
    for dt, clear, wanted in (
        (0.1, seen, 0.1),
        (0.1, seen, 0.2),
        (0.1, hidden, 0.1),
        (0.1, hidden, 0.0),
        (0.1, hidden, 0.0),
        (2.0, seen, 1.0),
        (0.4, hidden, 0.6),
        (0.1, seen, 0.7),
    ):
        witness.remember(table, row, np.array(clear), 0.0, dt)
        np.testing.assert_allclose(table.witnessed, wanted, atol=1e-12)
    witness.remember(table, row[:0], np.zeros((0, 2)), 0.0, 0.5)  # not measured at all
    np.testing.assert_allclose(table.witnessed, 0.2, atol=1e-12)


def test_what_stands_is_not_seen_to_move(objects) -> None:
    table = table_of(objects, (0.2, 0.1))
    witness.remember(table, np.array([0]), np.ones((1, 2)), 0.0, 0.1)
    assert table.witnessed[0] == 0.0


@pytest.mark.parametrize(
    ("velocity", "yaw", "wanted"),
    [
        ((0.0, 5.0), 0.0, True),  # across: the wide face itself is seen to come
        ((5.0, 4.9), 0.0, False),  # more than half of 49 m^2/s^2 is along
        ((4.9, 5.0), 0.0, True),
        ((5.0, 0.0), np.pi / 2, True),  # its length lies across
    ],
)
def test_only_the_motion_along_the_hidden_ends_is_not_seen(objects, velocity, yaw: float, wanted: bool) -> None:
    table = table_of(objects, velocity, yaw)
    witness.remember(table, np.array([0]), np.array([[0.0, 1.0]]), 0.0, 0.2)
    np.testing.assert_array_equal(table.witnessed >= 0.1, wanted)
    assert bool(witness.unseen(table)[0]) is not wanted


def evidence(face: float = 0.0, loose: bool = False, lost: int = 0, length: float = 6.0, width: float = 0.2) -> float:
    """Of a wall 6 m long and 0.2 m wide that has gone 0.5 m along itself, as it was measured before."""
    ends = np.zeros((1, 2, 2), dtype=bool)
    ends[0, 0, :lost] = True
    size, before = np.array([[length, width, 2.0]]), np.array([[6.0, width]])
    way = np.array([[0.5, 0.0]])
    found = witness.evidence(np.array([[face, 0.0]]), np.array([[loose, False]]), ends, size, before, way)
    return float(found[0, 0])


def test_evidence_by_hand() -> None:
    assert evidence() == 1.0  # both ends
    assert evidence(length=6.3) == 1.0  # 0.3 m longer: less than 0.2 + 0.3 * 0.5
    assert evidence(length=6.4) == 0.5  # one end stayed where it was
    assert evidence(lost=1) == 0.5
    assert evidence(loose=True, lost=2) == 0.0
    assert evidence(face=1.0, lost=1) == 0.5  # its narrow end is no face
    assert evidence(face=1.0, lost=1, width=1.0) == 1.0  # but this is, 0.15 * 6 m
    assert evidence(face=0.4, lost=1, width=1.0) == 0.5  # seen too obliquely
    assert evidence(lost=1, length=1.2) == 1.0  # as small as a person


def test_one_end_alone_must_move_for_longer(objects) -> None:
    table, row = table_of(objects, (5.0, 0.0)), np.array([0])
    for wanted in (True, False):  # 0.05 s, 0.1 s
        witness.remember(table, row, np.array([[0.5, 1.0]]), 0.0, 0.1)
        assert bool(witness.unseen(table)[0]) is wanted


def test_what_a_camera_named_needs_no_ends(objects) -> None:
    table = table_of(objects, (5.0, 0.0), label=CAR, p=0.9, sensors=Sensor.LIDAR | Sensor.CAMERA)
    assert not witness.unseen(table)[0]


def parked(x: float) -> dict[str, object]:
    return {"x": x, "y": 5.0, "size": (4.2, 1.8, 1.5)}


def test_a_wall_that_came_out_from_behind_a_car_is_not_told_to_move_once_both_ends_are_hidden(objects, tracker) -> None:
    # cars cover x -2.1..2.1 and 9.9..14.1 at y 4.1..5.9; the wall's front shows from 3 m on at 5 m/s, for 0.3 s, then
    # what can be seen of it between them, from a robot that drives on at 2 m/s
    for k in range(20):
        x = 0.2 * k
        front = 8.0 + 0.5 * min(k, 3) if k < 4 else 25.0
        low = x + (2.1 - x) * 10.0 / 5.9 if x < 2.1 else x + (2.1 - x) * 10.0 / 4.1
        high = min(front, x + (9.9 - x) * 10.0 / 5.9)
        wall = {"x": (low + high) / 2 - x, "y": 10.0, "z": 1.4, "size": (high - low, 0.1, 2.4)}
        pose = np.eye(4)
        pose[0, 3] = x
        got = tracker.update(objects(k / 10, [parked(0.0 - x), parked(12.0 - x), wall]), pose, "odom")
        behind = got.centre[:, 1] > 8.0
        if k >= 8:
            assert not (got.motion[behind] == Motion.MOVING).any()
    assert behind.any()


def test_a_bus_seen_to_move_is_told_to_while_parked_cars_hide_its_ends(objects, tracker) -> None:
    # 12 m at 10 m/s along y = 10 past a robot at rest: a second in the open, then 0.6 s with a car before either end
    for k in range(17):
        x = -30.0 + 1.0 * k
        bus = {"x": x, "y": 10.0, "z": 1.5, "size": (12.0, 2.5, 3.0)}
        scene = [bus]
        if k > 10:
            scene += [{"x": 0.6 * (x + s * 6.5), "y": 6.0, "size": (2.0, 1.8, 1.5)} for s in (-1, 1)]
        got = tracker.update(objects(k / 10, scene), np.eye(4), "odom")
        far = got.centre[:, 1] > 8.0
        if k > 3:
            assert (got.motion[far] == Motion.MOVING).all()
            assert far.sum() == 1
