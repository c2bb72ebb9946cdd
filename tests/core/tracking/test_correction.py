"""Size and the fixed anchor."""

import dataclasses
import uuid

import numpy as np
import pytest

from perception_core.tracking import correction, imm, life
from perception_core.tracking.config import MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects

CONFIG = TrackerConfig()
SENSOR = np.zeros(2)


def corrected(
    objects, first: dict, second: dict, side: tuple[float, float], last_size: tuple[float, float] | None = None
):
    """One track born of ``first`` at 0 s and corrected by ``second`` at 0.1 s, measured as ``last_size`` in between."""
    seen, _ = from_objects(objects(0.0, [first]), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, SENSOR, uuid.UUID(int=0), 0, True, CONFIG)
    tracks.last_size[0] = tracks.last_size[0] if last_size is None else last_size
    seen, _ = from_objects(objects(0.1, [second]), np.eye(4), MeasurementConfig())
    correction.correct(tracks, np.array([0]), seen, np.array([side]), 100_000_000, True, CONFIG)
    return tracks


def test_growing_by_hand_keeps_the_near_face(objects) -> None:
    """Length 1 -> 4 m, once measured already: gain 1 - exp(-0.1 / 0.3); the rear face stays at x = 8."""
    short, long = {"x": 8.5, "y": 0.0, "size": (1.0, 1.8, 1.5)}, {"x": 10.0, "y": 0.0, "size": (4.0, 1.8, 1.5)}
    once = corrected(objects, short, long, (-1.0, 0.0))
    np.testing.assert_allclose(once.size[0, 0], 1.0)  # one large box is two things that touched
    np.testing.assert_allclose(once.last_size[0], [4.0, 1.8])
    tracks = corrected(objects, short, long, (-1.0, 0.0), last_size=(4.0, 1.8))
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


def test_a_box_across_the_track_makes_nothing_wider(objects) -> None:
    """The rear face of a car, completed along the wrong axis: 4.2 m across the road, again and again."""
    car, across = {"x": 10.0, "y": 0.0, "size": (4.2, 1.8, 1.5)}, {"x": 8.9, "y": 0.0, "size": (4.2, 1.8, 1.5)}
    tracks = corrected(objects, car, across | {"yaw": np.pi / 2}, (-1.0, 0.0), last_size=(1.8, 4.2))
    np.testing.assert_allclose(tracks.size[0, :2], [4.2, 1.8], atol=1e-9)
    np.testing.assert_allclose(tracks.heading[0, 0], 0.0, atol=1e-9)


def test_a_small_track_grows_in_whatever_direction_it_was_born(objects) -> None:
    """The corner of a car far away, longer across the road; nearer, its whole side is seen along the road."""
    corner = {"x": 10.0, "y": 0.0, "size": (1.4, 0.4, 1.5)}
    car = {"x": 10.0, "y": 1.9, "size": (4.2, 1.8, 1.5), "yaw": np.pi / 2}
    tracks = corrected(objects, corner, car, (-1.0, -1.0), last_size=(1.8, 4.2))
    gain = 1.0 - np.exp(-1.0 / 3.0)
    np.testing.assert_allclose(tracks.size[0, :2], [1.4 + 0.4 * gain, 0.4 + 3.8 * gain])


def test_a_pole_cut_off_above_gets_shorter_at_its_top_and_does_not_fall(objects) -> None:
    """3 m high on the ground; 1 m of it is left: the middle follows the height, the foot stays, nothing moves."""
    pole, foot = ({"x": 10.0, "y": 0.0, "z": h / 2.0, "size": (0.2, 0.2, h)} for h in (3.0, 1.0))
    tracks = corrected(objects, pole, foot, (-1.0, 0.0))
    height = 3.0 - 2.0 * (1.0 - np.exp(-0.1 / 4.0))
    np.testing.assert_allclose(tracks.size[0, 2], height)
    np.testing.assert_allclose(tracks.state[0, 2], height / 2.0, atol=1e-9)
    np.testing.assert_allclose(tracks.state[0, 5], 0.0, atol=1e-9)


def test_a_better_view_is_believed_soon_and_forgotten_slowly(objects) -> None:
    def hidden(first: float, second: float) -> float:
        boxes = ({"x": 10.0, "y": 0.0, "sigma": sigma} for sigma in (first, second))
        return float(corrected(objects, *boxes, (-1.0, 0.0)).hidden_variance[0, 0])

    vague, sure = hidden(1.0, 1.0), hidden(0.2, 0.2)
    assert hidden(1.0, 0.2) == pytest.approx(vague + (sure - vague) * (1.0 - np.exp(-1.0 / 3.0)))
    assert hidden(0.2, 1.0) == pytest.approx(sure + (vague - sure) * (1.0 - np.exp(-0.1 / 2.0)))


def test_what_was_seen_before_the_stamp_is_corrected_where_it_was_then(objects) -> None:
    """At 20 m/s, seen 50 ms before the stamp, 1 m short of where it is: no innovation."""
    seen, _ = from_objects(objects(0.0, [{"x": 10.0, "y": 0.0}]), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, SENSOR, uuid.UUID(int=0), 0, True, CONFIG)
    tracks.model_states[0, :, 3] = 20.0
    tracks.sum_up()
    scan = dataclasses.replace(objects(0.1, [{"x": 9.0, "y": 0.0}]), time_offset=[-0.05])
    seen, _ = from_objects(scan, np.eye(4), MeasurementConfig())
    correction.correct(tracks, np.array([0]), seen, np.array([[-1.0, 0.0]]), 100_000_000, True, CONFIG)
    np.testing.assert_allclose(tracks.state[0, [0, 3]], [10.0, 20.0], atol=1e-9)


def test_no_matches_change_nothing(objects) -> None:
    seen, _ = from_objects(objects(0.0, [{"x": 5.0, "y": 0.0}]), np.eye(4), MeasurementConfig())
    tracks = life.born(seen, 0, SENSOR, uuid.UUID(int=0), 0, True, CONFIG)
    before = tracks.state.copy()
    none = np.empty(0, np.int64)
    correction.correct(tracks, none, seen.select(none), np.empty((0, 2)), 1, True, CONFIG)
    np.testing.assert_array_equal(tracks.state, before)


@pytest.mark.parametrize(("width", "open_still"), [(2.5, True), (0.2, False)])
def test_that_its_ends_are_hidden_is_no_sign_that_a_bus_stands(objects, width, open_still) -> None:
    """What is seen of it lies 2.5 m further on after 0.1 s, both ends hidden: 25 m/s, or none; a thin wall stands."""
    boxes = ({"x": x, "y": 10.0, "size": (11.0, width, 3.0)} for x in (40.0, 37.5))
    scans = [objects(0.1 * k, [box]) for k, box in enumerate(boxes)]
    first, second = (from_objects(scan, np.eye(4), MeasurementConfig())[0] for scan in scans)
    tracks = life.born(first, 0, SENSOR, uuid.UUID(int=0), 0, True, CONFIG)
    models = imm.predict(tracks.models, np.zeros(1), 0.1, True, CONFIG.motion)
    tracks.model_states, tracks.model_covariances, tracks.model_probability = models
    tracks.sum_up()
    before = tracks.model_probability[0, imm.STILL]
    tracks.known_ends[0, 0] = False
    second.loose[0, 0] = True
    correction.correct(tracks, np.array([0]), second, np.array([[0.0, -1.0]]), 100_000_000, True, CONFIG)
    np.testing.assert_allclose(tracks.state[0, :4], [37.5, 10.0, 0.8, 0.0], atol=0.1)  # it follows, without a velocity
    stands = tracks.model_probability[0, imm.STILL]
    assert stands == before if open_still else stands > 0.7
