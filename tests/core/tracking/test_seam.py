"""What the seam of the sweep cuts in two: a van 2 m wide that goes 30 m/s along x, seen 50 ms early and late."""

import dataclasses
import uuid

import numpy as np
import pytest

from perception_core.tracking import life, seam
from perception_core.tracking.config import MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import Measurements, from_objects
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.types import Objects
from perception_core.types.classes import CAR, PERSON, UNKNOWN

LEFT, RIGHT = (-0.05, 0.5), (0.05, -0.5)


def halves(
    objects, seconds: float = 0.0, x: float = -50.0, speed: float = 30.0, width: float = 1.0, shift: float = 0.0, **box
) -> Objects:
    """Both halves of a van at ``x``, each where it is when it is seen; the right one by ``shift`` metres aside."""
    parts = [
        {"x": x + late * speed, "y": y * width - (shift if y < 0 else 0.0), "size": (4.0, width, 2.0)} | box
        for late, y in (LEFT, RIGHT)
    ]
    return dataclasses.replace(objects(seconds, parts), time_offset=np.array([LEFT[0], RIGHT[0]]))


def measured(scan: Objects) -> Measurements:
    return from_objects(scan, np.eye(4), MeasurementConfig())[0]


def track(objects, speed: float = 30.0, x: float = -50.0) -> TrackTable:
    """The track of the left half, at the stamp."""
    seen = measured(objects(0.0, [{"x": x, "y": 0.5, "size": (4.0, 1.0, 2.0)}]))
    table = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())
    table.confirmed[:] = True
    table.model_probability[:] = 0.0, 1.0, 0.0
    table.state[0, 3] = speed
    return table


def test_both_halves_are_one_box_at_the_time_of_the_one_with_more_points(objects) -> None:
    seen = measured(halves(objects))
    seen.point_count[:] = 120, 80
    seen.hull[0] = np.array([[-53.5, 0.0], [-49.5, 0.0], [-49.5, 1.0]])
    joined = seam.join(track(objects), seen, 0.5)
    assert len(joined) == 1
    np.testing.assert_allclose(joined.centre[0], [-51.5, 0.0, 0.8], atol=1e-9)
    np.testing.assert_allclose(joined.size[0], [4.0, 2.0, 2.0], atol=1e-9)
    np.testing.assert_allclose(joined.late, [-0.05])
    assert joined.point_count.tolist() == [200]
    assert len(joined.hull[0]) == 0  # that of one half is no footprint
    seen.point_count[:] = 80, 120
    np.testing.assert_allclose(seam.join(track(objects), seen, 0.5).centre[0, 0], -48.5)
    np.testing.assert_allclose(seen.centre[:, 0], [-51.5, -48.5])  # its own arrays, not those of the caller


@pytest.mark.parametrize(
    "other",
    [
        {"shift": 0.4},  # somebody beside it
        {"width": 1.4},  # two cars side by side: 2.8 m
        {"x": -80.0},  # not of this track
    ],
)
def test_what_does_not_fit_stays_apart(objects, other: dict[str, float]) -> None:
    seen = measured(halves(objects, **other))
    assert seam.join(track(objects), seen, 0.5) is seen


def test_only_fast_tracks_that_were_told_join(objects) -> None:
    seen = measured(halves(objects, speed=2.0))
    assert seam.join(track(objects, speed=2.0), seen, 0.5) is seen
    young = track(objects)
    young.confirmed[:] = False
    doubtful = track(objects)
    doubtful.model_probability[:] = 0.2, 0.8, 0.0
    for table in (young, doubtful, empty_table()):
        assert len(seam.join(table, measured(halves(objects)), 0.5)) == 2


def test_neighbours_of_other_classes_or_of_the_same_time_stay_apart(objects) -> None:
    scan = halves(objects, label=CAR)
    assert len(seam.join(track(objects), measured(scan), 0.5)) == 1
    person = halves(objects, label=PERSON).class_probabilities[1]
    mixed = dataclasses.replace(scan, class_probabilities=np.stack([scan.class_probabilities[0], person]))
    assert len(seam.join(track(objects), measured(mixed), 0.5)) == 2
    at_once = dataclasses.replace(halves(objects, speed=0.0), time_offset=np.zeros(2))
    assert len(seam.join(track(objects), measured(at_once), 0.5)) == 2


def test_no_measurements(objects) -> None:
    assert len(seam.join(track(objects), measured(objects(0.0, [])), 0.5)) == 0


def test_a_van_that_follows_is_one_obstacle(objects, tracker) -> None:
    """The robot goes as fast; both halves are born as tracks of their own, and one is left within two seconds."""
    for k in range(20):
        T = np.eye(4)
        T[0, 3] = 30.0 * 0.1 * k
        told = tracker.update(halves(objects, 0.1 * k, label=UNKNOWN), T, "odom")
    assert len(told) == 1
    np.testing.assert_allclose(told.centre[0, :2], [30.0 * 1.9 - 50.0, 0.0], atol=0.15)
    np.testing.assert_allclose(told.size[0, :2], [4.0, 2.0], atol=0.1)
    np.testing.assert_allclose(told.velocity[0, :2], [30.0, 0.0], atol=0.3)
