"""The tracker on scenes: identity, motion, size, clock."""

import dataclasses

import numpy as np
import pytest

from perception_core.errors import PerceptionError, TransformError
from perception_core.geometry import transforms
from perception_core.tracking import Tracker, TrackerConfig, warm_up
from perception_core.tracking.association import _costs
from perception_core.tracking.correction import _innovations
from perception_core.types import CLASSES, Mode, Motion, Obstacles, Sensor, SensorKind, SensorState, SensorStatus
from perception_core.types.classes import INDEX, PERSON

I4 = np.eye(4)


def ids(result: Obstacles) -> list[bytes]:
    return [row.tobytes() for row in result.ids]


def all_ids(results: list[Obstacles]) -> set[bytes]:
    return {i for r in results for i in ids(r)}


def driving(speed: float):
    return lambda t: transforms.from_yaw(0.0, (speed * t, 0.0, 0.0))


def person(x: float, y: float) -> dict:
    return {"x": x, "y": y, "z": 0.9, "size": (0.5, 0.5, 1.8), "label": "person", "p": 0.9, "sigma": 0.05}


# -- birth, confirmation, death


@pytest.mark.parametrize(("rate", "scans"), [(5, 2), (10, 2), (20, 3), (50, 5)])
def test_confirmed_after_the_same_time_at_any_rate(tracker: Tracker, objects, rate: int, scans: int) -> None:
    # 0.08 s: the second scan at 5 Hz (0.2 s) and at 10 (0.1), the third at 20 (0.1), the fifth at 50 (0.08)
    counts = [len(tracker.update(objects(k / rate, [{"x": 10.0, "y": 0.0}]), I4, "odom")) for k in range(scans)]
    assert counts == [0] * (scans - 1) + [1]


@pytest.mark.parametrize(("evidence", "latest"), [(0.95, 0.1), (0.7, 0.2), (0.5, 0.3)])
def test_who_steps_out_is_told_the_sooner_the_more_there_is_of_him(
    tracker: Tracker, objects, evidence: float, latest: float
) -> None:
    """A walker seen from nowhere; what a cluster of ten points is worth (0.5) takes three tenths of a second."""
    for k in range(20):
        walker = {"x": 10.0, "y": -3.0 + 0.14 * k, "size": (0.5, 0.5, 1.7), "existence": evidence, "yaw_sigma": 0.5}
        if len(tracker.update(objects(k / 10, [walker]), I4, "odom")):
            break
    assert k / 10 <= latest + 1e-9


def test_specks_that_come_and_go_are_never_told(tracker: Tracker, objects) -> None:
    """Weak returns (0.3) anywhere within 20 m, twenty a scan, for 5 s."""
    rng = np.random.default_rng(5)
    for k in range(50):
        places = rng.uniform(-20.0, 20.0, (20, 2))
        specks = [{"x": x, "y": y, "size": (0.2, 0.2, 0.3), "existence": 0.3} for x, y in places]
        assert len(tracker.update(objects(k / 10, specks), I4, "odom")) == 0


def test_a_single_false_measurement_is_never_reported(tracker: Tracker, objects) -> None:
    results = [tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}] if k == 3 else []), I4, "odom") for k in range(9)]
    assert all(len(r) == 0 for r in results)
    assert tracker.events.births == tracker.events.deaths == 1


def test_what_vanishes_in_plain_sight_is_gone_within_the_coasting_time(tracker: Tracker, objects) -> None:
    for k in range(20):
        tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    counts = [len(tracker.update(objects(2.0 + k / 10, []), I4, "odom")) for k in range(12)]
    assert counts[0] == 1
    assert counts[-1] == 0


def test_coasting_is_told(tracker: Tracker, objects) -> None:
    for k in range(5):
        seen = tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    coasting = tracker.update(objects(0.5, []), I4, "odom")
    assert seen.sensors[0] == Sensor.LIDAR
    assert coasting.sensors[0] == Sensor.NONE
    assert coasting.last_seen_ns[0] == 400_000_000
    assert coasting.first_seen_ns[0] == 0
    assert coasting.existence[0] < seen.existence[0]


def test_one_id_through_an_occlusion_of_0_8_seconds(body, track_drive) -> None:
    # a pedestrian walks behind a van that hides it for 0.8 s
    bodies = [body(8.0, 0.0, length=5.0, width=2.0), body(14.0, -4.0, 0.0, 1.5, 0.5, 0.5, 1.8, label="person", p=0.9)]
    still = lambda t: I4  # noqa: E731
    results = track_drive(bodies, still, 5.0, hidden=lambda i, t: i == 1 and 2.25 <= t < 3.05)
    walking = [[i for i, c in zip(ids(r), r.centre, strict=True) if c[0] > 12.0] for r in results[5:]]
    assert all(len(w) == 1 for w in walking)
    assert len({w[0] for w in walking}) == 1


# -- identity


def test_crossing_pedestrians_do_not_swap(tracker: Tracker, objects) -> None:
    # they meet at x = 10 and pass 0.4 m apart, left to right and right to left
    results = []
    for k in range(40):
        t = k / 10
        results.append(tracker.update(objects(t, [person(10.0, -3 + 1.5 * t), person(10.4, 3 - 1.5 * t)]), I4, "odom"))
    first, last = results[5], results[-1]
    assert len(all_ids(results)) == 2
    where = dict(zip(ids(last), last.centre[:, 1], strict=True))
    for name, y in zip(ids(first), first.centre[:, 1], strict=True):
        assert np.sign(where[name]) == -np.sign(y)


@pytest.mark.parametrize(("speed", "rate"), [(10.0, 5.0), (20.0, 10.0), (28.0, 10.0), (40.0, 20.0)])
def test_parked_cars_keep_their_ids_without_odometry(body, track_drive, speed: float, rate: float) -> None:
    # cars every 6 m; beyond half a spacing a scan (3 m) nobody could tell them apart
    bodies = [body(15.0 + 6.0 * k, side * 3.5) for k in range(6) for side in (-1, 1)]
    results = track_drive(bodies, driving(speed), 2.0, rate=rate, odometry=False)
    assert len(all_ids(results)) == 12
    np.testing.assert_allclose(results[-1].velocity[:, 0], -speed, atol=0.8)
    assert (results[-1].motion == Motion.UNKNOWN).all()


def test_ids_differ_between_instances_and_repeat_for_the_same_namespace(objects) -> None:
    def run(namespace: bytes) -> set[bytes]:
        tracker = Tracker(TrackerConfig(), namespace)
        return all_ids([tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)])

    assert run(bytes(16)) == run(bytes(16))
    assert run(bytes(16)).isdisjoint(run(bytes([1] * 16)))


def test_a_namespace_has_16_bytes() -> None:
    with pytest.raises(PerceptionError, match="expected 16 bytes, got 3"):
        Tracker(TrackerConfig(), b"abc")


def test_a_cluster_that_splits_stays_one_obstacle(tracker: Tracker, objects) -> None:
    whole = [{"x": 10.0, "y": 3.5, "size": (4.4, 1.8, 1.5)}]
    parts = [{"x": 8.7, "y": 3.5, "size": (1.8, 1.8, 1.5)}, {"x": 11.3, "y": 3.5, "size": (1.8, 1.8, 1.5)}]
    results = [
        tracker.update(objects(k / 10, parts if k in (10, 11, 12, 20) else whole), I4, "odom") for k in range(30)
    ]
    assert len(all_ids(results)) == 1
    assert tracker.events.fragments == 4
    assert max(np.linalg.norm(r.velocity[0]) for r in results[2:]) < 0.2


def test_a_person_beside_a_car_is_not_a_part_of_it(tracker: Tracker, objects) -> None:
    car = {"x": 10.0, "y": 3.5, "label": "car", "p": 0.9}
    results = [
        tracker.update(objects(k / 10, [car] if k < 10 else [car, person(10.5, 2.7)]), I4, "odom") for k in range(20)
    ]
    assert len(results[-1]) == 2
    assert CLASSES[results[-1].class_probabilities[1].argmax()] == PERSON


def test_an_object_lost_for_a_moment_and_found_out_of_the_gate_keeps_its_id(tracker: Tracker, objects) -> None:
    seen = [{"x": 10.0, "y": 0.0}]
    jumped = [{"x": 11.6, "y": 0.0}]
    results = [tracker.update(objects(k / 10, seen if k < 10 else jumped), I4, "odom") for k in range(20)]
    assert len(all_ids(results)) == 1
    assert tracker.events.reunions == 1


# -- motion and shape


@pytest.mark.parametrize("seed", range(10))
def test_a_parked_car_driven_past_stands_still(body, track_drive, seed: int) -> None:
    results = track_drive([body(25.0, 3.5)], driving(10.0), 5.0, seed=seed)
    assert len(all_ids(results)) == 1
    speeds = [np.linalg.norm(r.velocity[0, :2]) for r in results if len(r)]
    assert len(speeds) >= 47
    assert max(speeds) < 0.5
    last = results[-1]
    assert last.motion[0] == Motion.STATIC
    np.testing.assert_allclose(last.centre[0, :2], [25.0, 3.5], atol=0.2)
    np.testing.assert_allclose(last.size[0, :2], [4.4, 1.8], atol=0.3)


@pytest.mark.parametrize("odometry", [True, False])
def test_a_car_ahead_seen_from_the_rear_keeps_its_near_face(body, track_drive, odometry: bool) -> None:
    # from 12 m to 6 m ahead: the rear face closes at 2 m/s, nothing else is ever seen
    results = track_drive([body(12.0, 0.0, 8.0)], driving(10.0), 3.0, odometry=odometry)
    assert len(all_ids(results)) == 1
    for k, result in enumerate(results[3:], start=3):
        robot = k * 1.0 if odometry else 0.0
        face = (result.footprints[0][:, 0] - robot).min()
        assert abs(face - (12.0 - 2.2 - 0.2 * k)) < 0.15
    assert abs(results[-1].velocity[0, 0] - (8.0 if odometry else -2.0)) < 0.2


def test_completed_and_visible_boxes_in_turn_make_no_motion(tracker: Tracker, objects) -> None:
    # fusion completes the box when a camera names it: the centre jumps by 1.9 m, the rear face stays at x = 8
    whole, rear = {"x": 10.0, "y": 0.0, "size": (4.0, 1.8, 1.5)}, {"x": 8.1, "y": 0.0, "size": (0.2, 1.8, 1.5)}
    results = [tracker.update(objects(k / 10, [whole if k % 2 else rear]), I4, "odom") for k in range(30)]
    assert len(all_ids(results)) == 1
    assert max(np.linalg.norm(r.velocity[0]) for r in results[2:]) < 0.1
    np.testing.assert_allclose(results[-1].footprints[0][:, 0].min(), 8.0, atol=0.05)


def test_the_heading_follows_the_motion(body, track_drive) -> None:
    # drives towards the robot: x along the length must point to -x
    results = track_drive([body(40.0, 3.5, -8.0)], lambda t: I4, 3.0)
    last = results[-1]
    assert last.motion[0] == Motion.MOVING
    assert abs(abs(last.yaw[0]) - np.pi) < 0.1
    assert last.size[0, 0] > 2 * last.size[0, 1]
    np.testing.assert_allclose(
        last.predicted_path[0, 0, :2], last.centre[0, :2] + 0.5 * last.velocity[0, :2], atol=0.01
    )


def test_velocity_of_a_walker_within_a_second(body, track_drive) -> None:
    results = track_drive([body(10.0, -4.0, 0.0, 1.4, 0.5, 0.5, 1.8)], lambda t: I4, 1.3)
    assert results[-1].motion[0] == Motion.MOVING
    np.testing.assert_allclose(results[-1].velocity[0, :2], [0.0, 1.4], atol=0.3)


def test_a_turning_car_keeps_id_course_and_turn_rate(body, track_drive) -> None:
    # 8 m/s on a circle of 20 m
    results = track_drive([body(20.0, -10.0, 8.0, turn_rate=0.4)], lambda t: I4, 5.0)
    assert len(all_ids(results)) == 1
    last, angle = results[-1], 0.4 * 4.9
    np.testing.assert_allclose(last.velocity[0, :2], [8 * np.cos(angle), 8 * np.sin(angle)], atol=1.2)
    assert abs(transforms.wrap_angle(last.yaw[0] - angle)) < 0.1
    assert abs(last.yaw_rate[0] - 0.4) < 0.15


def test_climbing_drones_have_a_vertical_velocity(tracker: Tracker, objects) -> None:
    for k in range(30):
        seen = {"x": 10.0, "y": 0.0, "z": 2.0 + 0.15 * k, "size": (0.5, 0.5, 0.3), "sigma": 0.05}
        result = tracker.update(objects(k / 10, [seen]), I4, "odom")
    assert result.motion[0] == Motion.MOVING
    np.testing.assert_allclose(result.velocity[0], [0.0, 0.0, 1.5], atol=0.15)


# -- the clock


def test_duplicates_and_older_scans_change_nothing(tracker: Tracker, objects) -> None:
    for k in range(5):
        last = tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    again = tracker.update(objects(0.4, [{"x": 50.0, "y": 0.0}]), I4, "odom")
    older = tracker.update(objects(0.2, [{"x": 50.0, "y": 0.0}]), I4, "odom")
    for repeated in (again, older):
        assert repeated.stamp_ns == last.stamp_ns
        np.testing.assert_array_equal(repeated.centre, last.centre)
    assert (tracker.events.duplicates, tracker.events.out_of_order, tracker.events.births) == (1, 1, 1)


@pytest.mark.parametrize("pose", [np.full((4, 4), np.nan), np.diag([1.0, 1.0, 1.0, np.inf]), np.eye(3)])
def test_a_pose_that_is_none_is_refused_and_changes_nothing(tracker: Tracker, objects, pose) -> None:
    other = Tracker(TrackerConfig(), bytes(range(16)))
    for k in range(5):
        scan = objects(k / 10, [{"x": 10.0, "y": 0.0}])
        if k == 3:
            with pytest.raises(TransformError, match="T_fixed_base"):
                tracker.update(scan, pose, "odom")
        told, expected = tracker.update(scan, I4, "odom"), other.update(scan, I4, "odom")
    assert told.ids.tobytes() == expected.ids.tobytes()
    np.testing.assert_array_equal(told.pose_covariance, expected.pose_covariance)


def test_a_clock_set_back_starts_afresh_with_new_ids(tracker: Tracker, objects) -> None:
    first = [tracker.update(objects(10 + k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)]
    second = [tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)]
    assert tracker.events.clock_resets == 1
    assert len(second[0]) == 0
    assert all_ids(first).isdisjoint(all_ids(second))
    assert len(all_ids(second)) == 1


def test_another_fixed_frame_starts_afresh(tracker: Tracker, objects) -> None:
    for k in range(5):
        tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    assert len(tracker.update(objects(0.5, [{"x": 10.0, "y": 0.0}]), I4, "base_link")) == 0
    assert tracker.events.frame_changes == 1


def test_after_a_long_gap_nothing_old_is_left(tracker: Tracker, objects) -> None:
    before = [tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)]
    after = [tracker.update(objects(60 + k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)]
    assert len(after[0]) == 0
    assert all_ids(before).isdisjoint(all_ids(after))


def test_reset_forgets_but_goes_on_counting(tracker: Tracker, objects) -> None:
    before = [tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)]
    tracker.reset()
    after = [tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom") for k in range(5)]
    assert len(after[0]) == 0
    assert all_ids(before).isdisjoint(all_ids(after))


# -- nothing to see, nobody looking


def test_no_objects_ever(tracker: Tracker, objects) -> None:
    status = SensorStatus("front", SensorKind.CAMERA, SensorState.MISSING, 0, 0.0, "nothing received yet")
    result = tracker.update(objects(0.0, [], mode=Mode.BLIND), I4, "odom", (status,))
    assert len(result) == 0
    assert result.mode == Mode.BLIND
    assert result.statuses == (status,)
    assert result.predicted_path.shape == (0, 6, 3)


def test_blind_obstacles_coast_and_the_tracker_does_not_change(tracker: Tracker, objects) -> None:
    for k in range(20):
        seen = tracker.update(objects(k / 10, [{"x": 10.0 + 0.5 * k, "y": 0.0}]), I4, "odom")
    blind = tracker.predict_only(2_400_000_000, "odom", Mode.BLIND)
    assert ids(blind) == ids(seen)
    assert blind.mode == Mode.BLIND
    assert blind.sensors[0] == Sensor.NONE
    np.testing.assert_allclose(blind.centre[0, 0], 19.5 + 2.5, atol=0.2)
    assert blind.pose_covariance[0, 0, 0] > seen.pose_covariance[0, 0, 0]
    assert len(tracker.predict_only(9_000_000_000, "odom", Mode.BLIND)) == 0
    assert ids(tracker.update(objects(2.0, [{"x": 20.0, "y": 0.0}]), I4, "odom")) == ids(seen)


def test_predicting_before_the_first_scan_or_in_another_frame_tells_nothing(tracker: Tracker, objects) -> None:
    assert len(tracker.predict_only(5, "odom", Mode.BLIND)) == 0
    for k in range(5):
        tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    other = tracker.predict_only(500_000_000, "map", Mode.BLIND)
    assert (len(other), other.frame) == (0, "map")


def test_a_dead_lidar_is_no_evidence_against_what_it_saw(tracker: Tracker, objects) -> None:
    for k in range(20):
        seen = tracker.update(objects(k / 10, [{"x": 10.0, "y": 0.0}]), I4, "odom")
    for k in range(8):
        coasting = tracker.update(objects(2.0 + k / 10, [], mode=Mode.CAMERA_ONLY), I4, "odom")
    assert ids(coasting) == ids(seen)
    assert coasting.existence[0] > 0.9


def test_objects_that_are_not_finite_are_counted(tracker: Tracker, objects) -> None:
    tracker.update(objects(0.0, [{"x": np.nan, "y": 0.0}, {"x": 5.0, "y": 0.0}]), I4, "odom")
    assert (tracker.events.invalid_objects, tracker.events.births) == (1, 1)


def test_classes_of_a_camera_last_when_it_is_late(tracker: Tracker, objects) -> None:
    named = {"x": 10.0, "y": 0.0, "label": "car", "p": 0.8, "sensors": Sensor.LIDAR | Sensor.CAMERA}
    nameless = {"x": 10.0, "y": 0.0, "p": 0.9}  # by its shape it may well be a car
    for k in range(30):
        result = tracker.update(objects(k / 10, [named if k < 5 else nameless]), I4, "odom")
    assert result.class_probabilities[0, INDEX["car"]] > 0.6


# -- the whole


def test_covariances_tell_what_is_hidden(tracker: Tracker, objects) -> None:
    # the rear face is sharp, the centre of the completed box uncertain along the line of sight by 0.5 m
    scan = objects(0.0, [{"x": 10.0, "y": 0.0}])
    covariance = scan.covariance.copy()
    covariance[0, 0, 0] = 0.25
    for k in range(30):
        moved = dataclasses.replace(scan, stamp_ns=k * 100_000_000, covariance=covariance)
        result = tracker.update(moved, I4, "odom")
    assert 0.4 < np.sqrt(result.pose_covariance[0, 0, 0]) < 0.55
    assert np.sqrt(result.pose_covariance[0, 1, 1]) < 0.1


def test_five_hundred_objects(tracker: Tracker, objects) -> None:
    grid = [{"x": 8.0 * i, "y": 8.0 * j} for i in range(25) for j in range(20)]
    results = [tracker.update(objects(k / 10, grid), I4, "odom") for k in range(4)]
    assert len(results[-1]) == 500
    assert len(all_ids(results)) == 500


def test_nothing_compiles_after_the_warm_up(objects) -> None:
    warm_up()
    before = len(_costs.signatures), len(_innovations.signatures)
    tracker = Tracker(TrackerConfig(), bytes(16))
    for k, n in enumerate((0, 1, 2, 5, 0, 3)):
        tracker.update(objects(k / 10, [{"x": 10.0 * i, "y": 5.0} for i in range(n)]), I4, "odom")
    assert (len(_costs.signatures), len(_innovations.signatures)) == before
