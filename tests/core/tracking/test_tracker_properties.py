"""Whatever comes: covariances stay positive definite, ids unique, and the same input gives the same bytes."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perception_core.geometry import transforms
from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import CLASSES, Mode, Objects, Obstacles

SECOND = 1_000_000_000


@st.composite
def scans(draw: st.DrawFn) -> list[Objects]:
    """Up to 25 scans: objects come and go, the clock stutters, gaps, repeats and jumps back."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stamp, out = draw(st.integers(0, 2**40)), []
    homes = rng.uniform(-40.0, 40.0, (12, 3)) * [1.0, 1.0, 0.05]
    for _ in range(draw(st.integers(1, 25))):
        stamp += draw(st.sampled_from([20_000_000, 100_000_000, 200_000_000, 0, -50_000_000, 3 * SECOND, -7 * SECOND]))
        out.append(scan(rng, max(stamp, 0), homes, draw(st.sampled_from([Mode.FUSED, Mode.CAMERA_ONLY, Mode.BLIND]))))
    return out


def scan(rng: np.random.Generator, stamp_ns: int, homes: np.ndarray, mode: Mode) -> Objects:
    chosen = np.flatnonzero(rng.random(len(homes)) < 0.8)
    m = len(chosen)
    centre = homes[chosen] + rng.normal(0.0, 0.3, (m, 3))
    centre[rng.random(m) < 0.02] = np.nan
    root = rng.normal(0.0, 0.2, (m, 6, 6))
    covariance = root @ root.transpose(0, 2, 1)
    covariance[rng.random(m) < 0.1] = 0.0
    return Objects(
        stamp_ns=stamp_ns,
        frame="base_link",
        centre=centre,
        size=rng.uniform(0.0, 6.0, (m, 3)),
        yaw=rng.uniform(-4.0, 4.0, m),
        covariance=covariance,
        class_probabilities=rng.dirichlet(np.ones(len(CLASSES)), m).reshape(m, len(CLASSES)),
        existence=rng.random(m),
        sensors=rng.integers(1, 4, m).astype(np.uint8),
        point_count=np.ones(m, np.int32),
        mode=mode,
        time_offset=rng.uniform(-0.1, 0.1, m),
    )


def run(sequence: list[Objects]) -> tuple[list[Obstacles], Tracker]:
    tracker = Tracker(TrackerConfig(), bytes(16))
    results = []
    for k, objects in enumerate(sequence):
        pose = transforms.from_yaw(0.1 * k, (0.5 * k, 0.0, 0.0))
        results.append(tracker.update(objects, pose, "odom"))
        results.append(tracker.predict_only(objects.stamp_ns + 50_000_000, "odom", Mode.BLIND))
    return results, tracker


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans())
def test_whatever_comes(sequence: list[Objects]) -> None:
    results, tracker = run(sequence)
    again, _ = run(sequence)
    for result, twin in zip(results, again, strict=True):
        check(result)
        for name in ("ids", "centre", "velocity", "pose_covariance", "class_probabilities", "existence", "size"):
            assert getattr(result, name).tobytes() == getattr(twin, name).tobytes()
    tracks = tracker._tracks
    assert np.linalg.eigvalsh(tracks.model_covariances).min(initial=1.0) > 0.0
    np.testing.assert_allclose(tracks.model_probability.sum(axis=1), 1.0)
    events = tracker.events
    assert events.births >= events.confirmations
    assert events.births >= events.deaths + events.reunions


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans(), st.lists(st.integers(1, 20), max_size=3))
def test_ids_are_never_given_twice(sequence: list[Objects], resets: list[int]) -> None:
    """One object, one id: none comes back after it was gone, not after a reset, and no other instance has it."""
    one, other = Tracker(TrackerConfig(), bytes(16)), Tracker(TrackerConfig(), bytes(15) + b"\1")
    known: set[bytes] = set()
    gone: set[bytes] = set()
    for k, objects in enumerate(sequence):
        if k in resets:
            one.reset()
        told = {row.tobytes() for row in one.update(objects, np.eye(4), "odom").ids}
        other.update(objects, np.eye(4), "odom")
        now = {row.tobytes() for row in one._tracks.ids}
        gone |= known - now
        known |= now
        assert told <= now
        assert not gone & now
        assert not known & {row.tobytes() for row in other._tracks.ids}
    assert len(known) <= one.events.births


def check(result: Obstacles) -> None:
    for covariance in (result.pose_covariance, result.twist_covariance):
        np.testing.assert_array_equal(covariance, covariance.transpose(0, 2, 1))
        assert len(covariance) == 0 or np.linalg.eigvalsh(covariance).min() > 0.0
    assert len({row.tobytes() for row in result.ids}) == len(result)
    steps = 6 if len(result) else 0
    assert result.predicted_covariance.shape == (len(result), steps, 3, 3)  # positive semidefinite, or it is refused
    for column in (result.centre, result.velocity, result.size, result.predicted_path, result.yaw, result.yaw_rate):
        assert np.isfinite(column).all()
    assert (result.size > 0.0).all()
    np.testing.assert_allclose(result.class_probabilities.sum(axis=1), 1.0)
    assert ((result.existence >= 0.0) & (result.existence <= 1.0)).all()
    assert (np.diff(result.first_seen_ns) >= 0).all()
    assert all(area(f) > 0.0 for f in result.footprints)


def area(polygon: np.ndarray) -> float:
    x, y = (polygon - polygon[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2.0
