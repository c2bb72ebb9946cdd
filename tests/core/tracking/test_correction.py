"""Size, quarter turns and the fixed anchor."""

import uuid

import numpy as np

from perception_core.tracking import correction, life
from perception_core.tracking.config import MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects

CONFIG = TrackerConfig()
SENSOR = np.zeros(2)


def corrected(objects, first: dict, second: dict, side: tuple[float, float]):
    """One track born of ``first`` at 0 s and corrected by ``second`` at 0.1 s."""
    seen, _ = from_objects(objects(0.0, [first]), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, SENSOR, uuid.UUID(int=0), 0, True, CONFIG)
    seen, _ = from_objects(objects(0.1, [second]), np.eye(4), MeasurementConfig())
    correction.correct(tracks, np.array([0]), seen, np.array([side]), 100_000_000, True, CONFIG)
    return tracks


def test_quarter_turns_exchange_length_and_width() -> None:
    size = np.tile([4.0, 2.0, 1.5], (4, 1))
    got = correction.aligned_size(size, np.array([0.0, np.pi / 2, np.pi, -1.5]), np.zeros(4))
    np.testing.assert_array_equal(got[:, 0], [4.0, 2.0, 4.0, 2.0])


def test_growing_by_hand_keeps_the_near_face(objects) -> None:
    # length 1 -> 4 m: gain 1 - exp(-0.1 / 0.3); the rear face stays at x = 8
    tracks = corrected(
        objects,
        {"x": 8.5, "y": 0.0, "size": (1.0, 1.8, 1.5)},
        {"x": 10.0, "y": 0.0, "size": (4.0, 1.8, 1.5)},
        (-1.0, 0.0),
    )
    length = 1.0 + 3.0 * (1.0 - np.exp(-1.0 / 3.0))
    np.testing.assert_allclose(tracks.size[0, 0], length)
    np.testing.assert_allclose(tracks.state[0, 0] - tracks.size[0, 0] / 2.0, 8.0, atol=1e-9)
    np.testing.assert_allclose(tracks.state[0, 3:], 0.0, atol=1e-9)


def test_a_shorter_view_from_behind_says_nothing_about_the_length(objects) -> None:
    whole, rear = {"x": 10.0, "y": 0.0, "size": (4.0, 1.8, 1.5)}, {"x": 8.1, "y": 0.0, "size": (0.2, 1.8, 1.5)}
    tracks = corrected(objects, whole, rear, (-1.0, 0.0))
    np.testing.assert_allclose(tracks.size[0], [4.0, 1.8, 1.5])


def test_a_shorter_side_seen_from_end_to_end_shrinks_it_slowly(objects) -> None:
    long, short = {"x": 10.0, "y": 5.0, "size": (4.0, 1.8, 1.5)}, {"x": 9.5, "y": 5.0, "size": (3.0, 1.8, 1.5)}
    tracks = corrected(objects, long, short, (-1.0, -1.0))
    np.testing.assert_allclose(tracks.size[0, 0], 4.0 - (1.0 - np.exp(-0.1 / 4.0)))


def test_no_matches_change_nothing(objects) -> None:
    seen, _ = from_objects(objects(0.0, [{"x": 5.0, "y": 0.0}]), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, SENSOR, uuid.UUID(int=0), 0, True, CONFIG)
    before = tracks.state.copy()
    none = np.empty(0, np.int64)
    correction.correct(tracks, none, seen.select(none), np.empty((0, 2)), 1, True, CONFIG)
    np.testing.assert_array_equal(tracks.state, before)
