"""How the surroundings move past a robot without odometry."""

import uuid

import numpy as np
import pytest

from perception_core.tracking import flow, imm, life
from perception_core.tracking.config import TrackerConfig
from perception_core.tracking.flow import Flow
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.table import TrackTable

CONFIG = TrackerConfig()
PLACES = [(10.0 + 4.0 * i, y) for i in range(5) for y in (-6.0, 6.0)]


@pytest.fixture
def standing(objects):
    """Ten confirmed tracks on both sides of the road, all with the velocity given."""

    def make(velocity: tuple[float, float]) -> TrackTable:
        boxes = [{"x": x, "y": y, "size": (1.0, 0.8, 1.0)} for x, y in PLACES]
        seen, _ = from_objects(objects(0.0, boxes), np.eye(4), CONFIG.measurement)
        tracks = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, False, CONFIG)
        tracks.confirmed[:] = tracks.known_ends[:] = True
        tracks.state[:, 3:5] = velocity
        tracks.covariance[:, 3:, 3:] = np.eye(3) * 0.01
        tracks.model_probability[:, imm.STILL] = 0.9
        return tracks

    return make


def test_the_ground_turns_about_the_robot() -> None:
    # 10 m ahead and turning left at 0.1 rad/s: 1 m/s to the left; 5 m to the left: 0.5 m/s backwards
    np.testing.assert_allclose(Flow(-2.0, 0.0, 0.1).at(np.array([[10.0, 0.0], [0.0, 5.0]])), [[-2, 1, 0], [-2.5, 0, 0]])


def test_the_mode_is_acquired_in_spite_of_some_that_move(standing) -> None:
    tracks = standing((-8.0, 0.0))
    tracks.state[:2, 3:5] = 5.0, 1.0
    assert flow.acquire(tracks, 0) == Flow(-8.0, 0.0)


def test_too_few_are_no_ground(standing) -> None:
    tracks = standing((-8.0, 0.0))
    assert flow.acquire(tracks.select(np.arange(flow.SUPPORT - 1)), 0) is None
    tracks.state[:, 3] = np.arange(len(tracks)) * 3.0
    assert flow.acquire(tracks, 0) is None


def test_guesses_have_no_vote(standing) -> None:
    tracks = standing((-8.0, 0.0))
    tracks.covariance[:, 3, 3] = 15.0**2
    assert flow.acquire(tracks, 0) is None


def test_a_common_innovation_corrects_the_flow(standing) -> None:
    # all lie 2 cm farther back than predicted after 0.1 s: 0.2 m/s, of which the filter takes its gain
    tracks = standing((-8.0, 0.0))
    got = flow.refine(Flow(-8.0), tracks, np.arange(10), np.tile([-0.02, 0.0, 0.0], (10, 1)), 0.1)
    assert got is not None
    np.testing.assert_allclose([got.vx, got.vy, got.yaw_rate], [-8.0 - 0.2 * 0.15, 0.0, 0.0], atol=1e-9)


def test_innovations_across_the_road_that_grow_with_range_are_a_turn(standing) -> None:
    tracks = standing((-8.0, 0.0))
    turned = np.array([[-0.001 * y, 0.001 * x, 0.0] for x, y in PLACES])
    got = flow.refine(Flow(-8.0), tracks, np.arange(10), turned, 0.1)
    assert got is not None
    assert 0.0 < got.yaw_rate < 0.01


def test_a_flow_that_nobody_goes_along_with_is_given_up(standing) -> None:
    assert flow.refine(Flow(3.0), standing((-8.0, 0.0)), np.arange(10), np.zeros((10, 3)), 0.1) is None
