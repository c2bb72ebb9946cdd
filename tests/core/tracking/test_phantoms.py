"""What does not move and must not be told to move, and what must be told soon: scenes cast by hand."""

import itertools

import numpy as np

from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import Motion

I4 = np.eye(4)
WALL_Y = 10.0
CARS = [(-9.0 + 6.0 * i, 6.0) for i in range(8)]


def ego(x: float) -> np.ndarray:
    pose = np.eye(4)
    pose[0, 3] = x
    return pose


def street(x: float) -> list[dict]:
    """Parked cars 4.2 x 1.8 m at y = 6, and what the gaps between them show of a wall at y = 10 from x."""
    cars = [{"x": cx - x, "y": cy, "size": (4.2, 1.8, 1.5)} for cx, cy in CARS]
    pieces = []
    for (left, _), (right, _) in itertools.pairwise(CARS):
        edges = [(left + 2.1 - x, y) for y in (5.1, 6.9)], [(right - 2.1 - x, y) for y in (5.1, 6.9)]
        low = max(ex * WALL_Y / ey for ex, ey in edges[0])
        high = min(ex * WALL_Y / ey for ex, ey in edges[1])
        if high - low > 0.05:
            middle, width = (low + high) / 2.0, high - low
            pieces.append({"x": middle, "y": WALL_Y, "z": 1.4, "size": (width, 0.06, 2.4)})
    return cars + pieces


def moving(obstacles) -> np.ndarray:
    return obstacles.centre[obstacles.motion == Motion.MOVING]


def fast(obstacles) -> np.ndarray:
    return np.flatnonzero(np.linalg.norm(obstacles.velocity[:, :2], axis=1) > 0.5)


def test_a_wall_behind_parked_cars_stands_still(objects, tracker) -> None:
    # past the gaps at 8 m/s: each piece of the wall glides at 8 * (10 / 6 - 1) = 5 m/s
    for k in range(30):
        got = tracker.update(objects(k / 10, street(0.8 * k)), ego(0.8 * k), "odom")
        assert len(fast(got)) == 0
    assert (got.centre[:, 1] > 9.0).any()


def test_pieces_of_a_cut_wall_stand_still_wherever_it_is_cut(objects, tracker) -> None:
    # 30 m of wall, the cut wanders with the robot at 5 m/s
    for k in range(20):
        cut = -5.0 + 0.5 * k
        wall = [
            {"x": (-15.0 + cut) / 2.0 - 0.5 * k, "y": WALL_Y, "z": 1.4, "size": (cut + 15.0, 0.1, 2.4)},
            {"x": (15.0 + cut) / 2.0 - 0.5 * k, "y": WALL_Y, "z": 1.4, "size": (15.0 - cut, 0.1, 2.4)},
        ]
        assert len(fast(tracker.update(objects(k / 10, wall), ego(0.5 * k), "odom"))) == 0


def test_a_pedestrian_stepping_out_from_behind_a_van_moves_soon(objects, tracker) -> None:
    # the van covers y < 0 at x = 9; its shadow at x = 10 ends at y = 0; she walks at 1.5 m/s, 0.5 m wide
    told = None
    for k in range(20):
        head = -0.4 + 0.15 * k
        tail = max(head - 0.5, 0.0)
        scene = [{"x": 8.0, "y": -1.0, "z": 1.1, "size": (5.0, 2.0, 2.2)}]
        if head - tail > 0.05:
            scene.append(
                {"x": 11.0, "y": (head + tail) / 2.0, "z": 0.9, "size": (head - tail, 0.2, 1.7), "yaw": np.pi / 2}
            )
        got = tracker.update(objects(k / 10, scene), I4, "odom")
        if told is None and (np.abs(moving(got)[:, 1] - (head + tail) / 2.0) < 0.5).any():
            told = k
    # her head shows at k = 3, all of her at k = 6
    assert told is not None
    assert told <= 12


def test_a_car_seen_moving_goes_on_behind_parked_ones(objects, tracker) -> None:
    # 10 m/s along y = 9, first in the open, then in part behind a row of parked cars: both of its ends hidden
    row = [{"x": 12.0 + 5.5 * i, "y": 5.5, "size": (4.5, 1.8, 1.5)} for i in range(4)]
    for k in range(14):
        front = 2.0 + 1.0 * k
        got = tracker.update(objects(k / 10, [*row, {"x": front, "y": 9.0, "size": (4.4, 1.8, 1.5)}]), I4, "odom")
    speed = np.linalg.norm(got.velocity[:, :2], axis=1)
    assert speed.max() > 9.0
    assert (speed > 0.5).sum() == 1


def test_what_never_moved_coasts_where_it_was(objects, tracker) -> None:
    # two looks at a thing that jumps by 0.3 m, then none
    for k, x in enumerate((10.0, 10.0, 10.3)):
        tracker.update(objects(k / 10, [{"x": x, "y": 0.0, "size": (1.5, 1.2, 1.0)}]), I4, "odom")
    got = tracker.update(objects(0.5, []), I4, "odom")
    assert len(fast(got)) == 0


def test_without_odometry_new_structure_has_the_velocity_of_the_old(objects) -> None:
    # posts of 0.5 m on both sides, robot at 8 m/s; every third is only seen from 1.5 s on
    tracker = Tracker(TrackerConfig(), bytes(16))
    posts = [(3.0 * i, y) for i in range(16) for y in (-5.0, 5.0)]
    rng = np.random.default_rng(0)
    for k in range(22):
        late = [(x, y) for i, (x, y) in enumerate(posts) if k >= 18 or i % 3]
        noise = rng.normal(0.0, 0.05, (len(late), 2))
        scene = [
            {"x": x - 0.8 * k + n[0], "y": y + n[1], "size": (0.5, 0.45, 1.2)}
            for (x, y), n in zip(late, noise, strict=True)
        ]
        got = tracker.update(objects(k / 10, scene), I4, "base_link")
    young = got.first_seen_ns >= 1_700_000_000
    assert young.sum() > 5
    np.testing.assert_allclose(got.velocity[young, 0], -8.0, atol=0.8)
    np.testing.assert_allclose(got.velocity[young, 1], 0.0, atol=0.8)
    assert (got.motion == Motion.UNKNOWN).all()


def test_without_odometry_and_without_surroundings_a_lone_car_is_followed_all_the_same(objects) -> None:
    tracker = Tracker(TrackerConfig(), bytes(16))
    for k in range(20):
        got = tracker.update(objects(k / 10, [{"x": 10.0 + 0.5 * k, "y": 0.0}]), I4, "base_link")
    np.testing.assert_allclose(got.velocity[0, :2], [5.0, 0.0], atol=0.3)
