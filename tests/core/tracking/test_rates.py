"""The same world at 5, 10, 20 and 50 scans a second."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from perception_core.geometry import transforms
from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import Motion, Obstacles

RATES = (5.0, 10.0, 20.0, 50.0)
I4 = np.eye(4)


@pytest.mark.parametrize("rate", RATES)
def test_a_car_that_drives_and_one_that_stands(body, track_drive, rate: float) -> None:
    results = track_drive([body(12.0, 4.0, 8.0, label="car", p=0.9), body(15.0, -4.0)], lambda t: I4, 2.01, rate=rate)
    last = results[-1]
    assert len({row.tobytes() for r in results for row in r.ids}) == len(last) == 2
    moving, still = np.argsort(-np.abs(last.velocity[:, 0]))
    np.testing.assert_allclose(last.velocity[moving, :2], [8.0, 0.0], atol=0.5)
    np.testing.assert_allclose(last.velocity[still], 0.0, atol=0.05)
    assert (last.motion[moving], last.motion[still]) == (Motion.MOVING, Motion.STATIC)
    assert last.existence.min() > 0.95


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("climb", [5.0, -5.0])
def test_what_climbs_or_falls_is_told(objects, rate: float, climb: float) -> None:
    """It flies at 5 m/s: of 2 s it is told from 0.4 s on at the latest, with one id and its velocity."""
    tracker = Tracker(TrackerConfig(), bytes(16))
    told = [
        tracker.update(objects(t, [{"x": 20.0, "y": 0.0, "z": 20.0 + climb * t, "size": (0.5, 0.5, 0.3)}]), I4, "odom")
        for t in np.arange(round(2 * rate)) / rate
    ]
    assert all(len(r) == 1 for r in told[int(0.4 * rate) :])
    assert len({row.tobytes() for r in told for row in r.ids}) == 1
    assert told[-1].velocity[0, 2] == pytest.approx(climb, abs=0.2)


@pytest.mark.parametrize("rate", RATES)
def test_to_what_flies_others_start_to_climb(objects, rate: float) -> None:
    """With the vertical spreads of params/drone.yaml: it hovers for 1 s, then climbs at 4 m/s^2; one id, 0.3 m off."""
    motion = dataclasses.replace(TrackerConfig().motion, birth_vertical_speed_sigma=5.0, vertical_density=0.3)
    tracker = Tracker(dataclasses.replace(TrackerConfig(), motion=motion), bytes(16))
    ids = set()
    for t in np.arange(round(3 * rate)) / rate:
        z = 5.0 + 2.0 * max(t - 1.0, 0.0) ** 2
        told = tracker.update(objects(t, [{"x": 15.0, "y": 0.0, "z": z, "size": (0.5, 0.5, 0.3)}]), I4, "odom")
        if t >= 0.4:
            assert len(told) == 1
            assert told.centre[0, 2] == pytest.approx(z, abs=0.3)
            ids.add(told.ids[0].tobytes())
    assert len(ids) == 1


@pytest.mark.parametrize("rate", RATES)
def test_oncoming_traffic_without_odometry(body, track_drive, rate: float) -> None:
    """Both drive 30 m/s: 60 m/s in the robot's frame, which is all that is known without odometry."""
    oncoming = body(90.0, 4.0, -30.0, label="car", p=0.9)
    results = track_drive(
        [oncoming], lambda t: transforms.from_yaw(0.0, (30.0 * t, 0.0, 0.0)), 1.0, rate, odometry=False
    )
    assert all(len(r) == 1 for r in results[int(0.4 * rate) :])
    assert results[-1].velocity[0, 0] == pytest.approx(-60.0, abs=1.0)


def spread(rate: float, body, track_drive) -> Obstacles:
    return track_drive([body(12.0, 4.0, 8.0, label="car", p=0.9)], lambda t: I4, 2.01, rate=rate)[-1]


def test_more_scans_make_surer_but_not_much(body, track_drive) -> None:
    """Ten times the scans: at most as uncertain, but errors that last from scan to scan do not average out."""
    sigma = [np.sqrt(spread(rate, body, track_drive).twist_covariance[0, 0, 0]) for rate in RATES]
    assert (np.diff(sigma) < 0.1).all()
    assert sigma[0] / sigma[-1] < 3.0
    far = [np.sqrt(spread(rate, body, track_drive).predicted_covariance[0, -1, 0, 0]) for rate in RATES]
    assert max(far) / min(far) < 1.6


def watched(seconds: float, rate: float, objects, tracker: Tracker) -> float:
    for k in range(round(seconds * rate) + 1):
        tracker.update(objects(k / rate, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    return round(seconds * rate) / rate


def told_for(rate: float, objects) -> float:
    """Seconds for which a box is told that was seen for 2 s and is missing in plain sight."""
    tracker = Tracker(TrackerConfig(), bytes(16))
    since = watched(2.0, rate, objects, tracker)
    k = round(since * rate)
    while len(tracker.update(objects((k := k + 1) / rate, []), I4, "odom")):
        assert k / rate - since < 5.0
    return k / rate - since


def test_what_is_missing_is_told_as_long_at_any_rate(objects) -> None:
    durations: NDArray[np.float64] = np.array([told_for(rate, objects) for rate in RATES])
    assert durations.min() > 0.2
    assert durations.max() <= 1.2
    assert np.ptp(durations) <= 0.3  # a scan at 5 Hz, and a bit


def odds(rate: float, objects) -> float:
    tracker = Tracker(TrackerConfig(), bytes(16))
    watched(0.4, rate, objects, tracker)
    return float(tracker._tracks.log_odds[0])


def test_belief_grows_with_time_not_with_scans(objects) -> None:
    found = [odds(rate, objects) for rate in RATES]
    assert np.ptp(found) < 1.0
