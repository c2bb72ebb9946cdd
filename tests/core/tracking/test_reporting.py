"""Tracks as obstacles."""

import uuid

import numpy as np

from perception_core.tracking import life
from perception_core.tracking.config import MeasurementConfig, OutputConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.reporting import report
from perception_core.tracking.table import TrackTable, empty_table
from perception_core.types import Mode, Obstacles


def reported(tracks: TrackTable, **output: float) -> Obstacles:
    return report(tracks, 5, "odom", True, Mode.FUSED, (), OutputConfig(**output))


def two_tracks(objects) -> TrackTable:
    seen, _ = from_objects(objects(0.0, [{"x": 10.0, "y": 0.0}] * 2), np.eye(4), MeasurementConfig())
    return life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())


def test_only_confirmed_tracks_are_told(objects) -> None:
    tracks = two_tracks(objects)
    assert len(reported(tracks)) == 0
    tracks.confirmed[1] = True
    told = reported(tracks)
    np.testing.assert_array_equal(told.ids, tracks.ids[1:])
    assert (told.stamp_ns, told.frame, told.mode) == (5, "odom", Mode.FUSED)


def test_path_and_footprint_by_hand(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.state[0, 3:5] = 2.0, -1.0
    told = reported(tracks, prediction_steps=2, prediction_step=0.5)
    np.testing.assert_allclose(told.predicted_path[0], [[11.0, -0.5, 0.0], [12.0, -1.0, 0.0]])
    assert told.prediction_step_ns == 500_000_000
    np.testing.assert_allclose(told.footprints[0], [[12.1, 0.9], [7.9, 0.9], [7.9, -0.9], [12.1, -0.9]])


def test_what_is_hidden_widens_the_covariance_along_its_axis(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.heading[0, 0] = np.pi / 2
    tracks.covariance[0, :3, :3] = np.eye(3) * 0.01
    tracks.hidden_variance[0] = 1.0, 0.04  # along the length, which lies along y
    told = reported(tracks)
    np.testing.assert_allclose(np.diag(told.pose_covariance[0])[:3], [0.05, 1.01, 0.01])


def test_yaw_is_wrapped_and_no_tracks_no_steps(objects) -> None:
    tracks = two_tracks(objects)
    tracks.confirmed[0] = True
    tracks.heading[0, 0] = 3.0 * np.pi / 2
    np.testing.assert_allclose(reported(tracks).yaw, [-np.pi / 2])
    assert reported(empty_table(), prediction_steps=0).predicted_path.shape == (0, 0, 3)
