"""The peers of `perception bench tracking`: AB3DMOT as its package has it, norfair, and what they are told."""

import numpy as np
import pytest
from pure_ab_3d_mot.box import Box3D
from pure_ab_3d_mot.iou import iou

from perception_core.geometry.transforms import from_yaw
from perception_core.types import CLASSES, Mode, Motion, Objects, Sensor
from perception_core.types.classes import CAR, INDEX
from perception_tools.benchmarks import tracking_ab3dmot, tracking_load, tracking_peers
from perception_tools.benchmarks.tracking_peers import AB3DMOT, NORFAIR, OURS, PURE_AB3DMOT


def boxes(rng, n=12):
    """Random upright boxes within a few metres, rows as AB3DMOT takes them."""
    place = np.column_stack([rng.uniform(-6.0, 6.0, (n, 2)), rng.uniform(-1.0, 1.0, n)])
    size = np.column_stack([rng.uniform(0.5, 5.0, n), rng.uniform(0.5, 2.0, (n, 2))])
    return np.column_stack([place, rng.uniform(-3.1, 3.1, n), size])


def objects(k, centre, stamp_ns=None):
    """Objects of scan ``k`` at 10 Hz: cars of 4 x 1.8 x 1.6 m at ``centre`` (N, 3)."""
    n = len(centre)
    probabilities = np.zeros((n, len(CLASSES)))
    probabilities[:, INDEX[CAR]] = 1.0
    return Objects(
        stamp_ns=k * 100_000_000 if stamp_ns is None else stamp_ns,
        frame="base_link",
        centre=np.asarray(centre, dtype=np.float64).reshape(n, 3),
        size=np.tile([4.0, 1.8, 1.6], (n, 1)),
        yaw=np.zeros(n),
        covariance=np.tile(np.eye(6) * 0.01, (n, 1, 1)),
        class_probabilities=probabilities,
        existence=np.full(n, 0.9),
        sensors=np.full(n, Sensor.LIDAR, np.uint8),
        point_count=np.full(n, 50, np.int32),
        mode=Mode.FUSED,
    )


def test_giou_by_hand():
    """Unit cubes side by side, two apart: no overlap, union 2, hull 3 x 1 x 1, so 0 - (3 - 2) / 3."""
    cube = np.array([[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])
    step = np.eye(7)[0]
    moved, half = cube + 2.0 * step, cube + 0.5 * step  # half: shared 0.5, union 1.5, hull 1.5
    assert tracking_ab3dmot.giou(cube, cube)[0, 0] == pytest.approx(1.0)
    assert tracking_ab3dmot.giou(cube, moved)[0, 0] == pytest.approx(-1.0 / 3.0)
    assert tracking_ab3dmot.giou(cube, half)[0, 0] == pytest.approx(1.0 / 3.0)


def test_giou_is_that_of_the_package():
    rows = boxes(np.random.default_rng(1))
    theirs = [Box3D.from_kitti(row) for row in tracking_peers.kitti_rows(rows)]
    expected = np.array([[iou(a, b) for b in theirs] for a in theirs])
    apart = ~np.eye(len(rows), dtype=bool)  # the package leaves rounding of equal boxes to chance
    np.testing.assert_allclose(tracking_ab3dmot.giou(rows, rows)[apart], expected[apart], atol=1e-12)


def test_ab3dmot_makes_the_tracks_of_its_package():
    """Fifteen boxes on straight lines, seen with noise, gaps, and one time in five the wrong way round."""
    from pure_ab_3d_mot.tracker import Ab3DMot

    rng = np.random.default_rng(2)
    place, velocity = rng.uniform(-25.0, 25.0, (15, 2)), rng.normal(0.0, 5.0, (15, 2))
    size, yaw = boxes(rng, 15)[:, 4:], np.arctan2(velocity[:, 1], velocity[:, 0])
    ours, theirs = tracking_ab3dmot.Ab3dmot(), Ab3DMot()
    compared = 0
    for k in range(25):
        turned = yaw + rng.normal(0.0, 0.05, 15) + np.pi * (rng.random(15) < 0.2)
        noisy = place + velocity * 0.1 * k + rng.normal(0.0, 0.1, (15, 2))
        rows = np.column_stack([noisy, rng.normal(0.0, 0.05, 15), turned, size])[rng.random(15) < 0.85]
        found = ours.update(rows)
        expected = theirs.track({"dets": tracking_peers.kitti_rows(rows), "info": np.zeros((len(rows), 1))})[0]
        assert len(found.number) == len(expected)
        order, theirs_order = np.argsort(found.number), np.argsort(expected[:, 7])
        np.testing.assert_array_equal(found.number[order] + 1, expected[theirs_order, 7])
        difference = tracking_peers.kitti_rows(found.state[order, :7]) - expected[theirs_order, :7]
        difference[:, 6] = np.sin(difference[:, 6] / 2.0)
        assert np.abs(difference).max(initial=0.0) < 1e-9
        compared += len(expected)
    assert compared > 200


@pytest.mark.parametrize("name", [OURS, NORFAIR, AB3DMOT])
def test_everybody_follows_two_cars_and_tells_their_speed(name):
    tracker = tracking_peers.contenders((name,))[name]()
    marks, last = set(), None
    for k in range(1, 31):
        centre = [[10.0 + 0.5 * k, 0.0, 0.8], [20.0, 8.0, 0.8]]
        last = tracker.update(objects(k, centre), from_yaw(0.0, (100.0, 0.0, 0.0)), "odom")
        marks |= {row.tobytes() for row in last.ids}
    assert last is not None
    assert len(marks) == len(last) == 2
    order = np.argsort(last.centre[:, 1])
    np.testing.assert_allclose(last.centre[order], [[125.0, 0.0, 0.8], [120.0, 8.0, 0.8]], atol=0.3)
    np.testing.assert_allclose(last.velocity[order], [[5.0, 0.0, 0.0], [0.0, 0.0, 0.0]], atol=0.5)
    assert (last.class_probabilities.argmax(axis=1) == INDEX[CAR]).all()
    assert (np.linalg.eigvalsh(last.pose_covariance) > 0.0).all()


@pytest.mark.parametrize("name", [NORFAIR, AB3DMOT])
def test_peers_say_nothing_of_motion_and_end_what_is_gone(name):
    tracker = tracking_peers.contenders((name,))[name]()
    for k in range(1, 6):
        told = tracker.update(objects(k, [[10.0, 0.0, 0.8]]), np.eye(4), "odom")
    assert told.motion.tolist() == [Motion.UNKNOWN]
    assert told.sensors.tolist() == [Sensor.LIDAR]
    for k in range(6, 20):
        told = tracker.update(objects(k, np.empty((0, 3))), np.eye(4), "odom")
    assert len(told) == 0


def test_ab3dmot_without_anything():
    tracker = tracking_ab3dmot.Ab3dmot()
    assert len(tracker.update(np.empty((0, 7))).number) == 0
    assert tracker.update(boxes(np.random.default_rng(3), 1)).number.tolist() == [0]


def test_who_is_missing_is_left_out_and_named(monkeypatch):
    monkeypatch.setattr(tracking_peers.importlib.util, "find_spec", lambda _name: None)
    assert list(tracking_peers.contenders()) == [OURS, AB3DMOT]
    assert "make bench" in str(tracking_peers.missing(NORFAIR))
    assert tracking_peers.missing(OURS) is None


def test_made_up_scans_are_the_same_every_time():
    first, again = (next(tracking_load.scans(50, seed=4)) for _ in range(2))
    np.testing.assert_array_equal(first.centre, again.centre)
    assert 40 <= len(first) <= 50
    other = next(tracking_load.scans(50, seed=5))
    assert len(other) != len(first) or not np.array_equal(other.centre, first.centre)


def test_the_load_of_a_few_objects(monkeypatch):
    monkeypatch.setattr(tracking_load, "SCANS", 3)
    monkeypatch.setattr(tracking_load, "_SLOW_SCANS", 1)
    monkeypatch.setattr(tracking_load, "alone", lambda _who, count: float(count))
    rows = tracking_load.measure((8,))
    assert [row.who for row in rows] == [OURS, NORFAIR, AB3DMOT, PURE_AB3DMOT]
    assert rows[0].ratio == 1.0
    assert all(row.median_ms > 0.0 and row.peak_rss_mib == 8.0 for row in rows)


def test_a_process_of_its_own_tells_its_memory():
    assert 30.0 < tracking_load.alone(AB3DMOT, 5) < 2000.0
