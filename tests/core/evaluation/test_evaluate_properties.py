"""What must hold of any drive: the order of rows, the place of the origin and the names of ids do not matter."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.evaluation.evaluate import evaluate
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.geometry.transforms import Transform, apply, from_yaw, rotate
from perception_core.types import Motion, Obstacles, Truth
from perception_core.types.classes import CAR, CYCLIST, PERSON, UNKNOWN

SCORES = (0.5, 0.9, 1.0)
"""Few, so that many obstacles are alike."""


def scene(frame, thing, seed, scans=8):
    """Up to six objects on straight lines, most of them found, with noise, false ones, walls and switched ids."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 7))
    start, speed = rng.uniform(-40, 40, (count, 2)), rng.uniform(-8, 8, (count, 2))
    kinds = rng.choice([CAR, PERSON, CYCLIST], count)
    frames = []
    for k in range(scans):
        t = 0.5 * k
        there, said = [], []
        for i in range(count):
            x, y = start[i] + t * speed[i]
            velocity = (*speed[i], 0.0)
            there.append(thing(i + 1, x=x, y=y, kind=kinds[i], velocity=velocity, points=int(rng.integers(0, 60))))
            if rng.random() < 0.8:
                dx, dy = rng.normal(0, 0.6, 2)
                path = tuple((x + s * speed[i, 0], y + s * speed[i, 1], 0.0) for s in (1.0, 2.0, 3.0))
                kind = kinds[i] if rng.random() < 0.9 else UNKNOWN
                said.append(
                    thing(
                        i + 1 + 10 * int(rng.random() < 0.1), x=x + dx, y=y + dy, kind=kind, path=path,
                        yaw=rng.uniform(-3, 3), velocity=tuple(velocity + rng.normal(0, 0.3, 3)),
                        score=float(rng.choice(SCORES)), motion=Motion.MOVING, sure=0.8,
                    )
                )  # fmt: skip
        for n in range(int(rng.integers(0, 3))):
            x, y = rng.uniform(-50, 50, 2)
            kind = rng.choice([CAR, UNKNOWN])
            said.append(thing(100 + n, x=x, y=y, kind=kind, path=((x, y, 0.0),) * 3, score=float(rng.choice(SCORES))))
        unique = list({s.id: s for s in said}.values())
        frames.append(frame(t, there, unique))
    return frames


def shuffled(data, order, width):
    """The rows of a table in another order; ``width`` is their number."""
    changes = {}
    for field in dataclasses.fields(data):
        value = getattr(data, field.name)
        if isinstance(value, np.ndarray) and len(value) == width:
            changes[field.name] = value[order]
        elif field.name == "footprints":
            changes[field.name] = tuple(value[i] for i in order)
    return dataclasses.replace(data, **changes)


def moved_truth(truth: Truth, T: Transform, yaw: float) -> Truth:
    return dataclasses.replace(
        truth, centre=apply(T, truth.centre), velocity=rotate(T, truth.velocity), yaw=truth.yaw + yaw
    )


def moved_result(result: Obstacles, T: Transform, yaw: float) -> Obstacles:
    R = np.zeros((6, 6))
    R[:3, :3] = R[3:, 3:] = T[:3, :3]
    path = result.predicted_path.copy()
    path[..., :2] = path[..., :2] @ T[:2, :2].T + T[:2, 3]
    return dataclasses.replace(
        result,
        centre=apply(T, result.centre),
        velocity=rotate(T, result.velocity),
        yaw=result.yaw + yaw,
        pose_covariance=R @ result.pose_covariance @ R.T,
        twist_covariance=R @ result.twist_covariance @ R.T,
        predicted_path=path,
    )


def assert_same(a, b, path=""):
    """Both trees hold the same figures, NaN being like NaN."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_same(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{path}/{i}")
    else:
        assert a == pytest.approx(b, abs=1e-6, nan_ok=True) if isinstance(a, float) else a == b, path


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(frame, thing, seed):
    rng = np.random.default_rng(seed)
    frames = scene(frame, thing, seed)
    other = []
    for f in frames:
        m, t = len(f.truth), len(f.result)
        truth, result = shuffled(f.truth, rng.permutation(m), m), shuffled(f.result, rng.permutation(t), t)
        other.append(EvaluationFrame(truth, result, f.T_fixed_base))
    assert_same(evaluate(frames).as_dict(), evaluate(other).as_dict())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), yaw=st.floats(-3.1, 3.1), x=st.floats(-1e3, 1e3), y=st.floats(-1e3, 1e3))
def test_the_place_of_the_origin_does_not_matter(frame, thing, seed, yaw, x, y):
    T = from_yaw(yaw, (x, y, 3.0))
    frames = scene(frame, thing, seed)
    other = [
        EvaluationFrame(moved_truth(f.truth, T, yaw), moved_result(f.result, T, yaw), T @ f.T_fixed_base)
        for f in frames
    ]
    before, after = evaluate(frames).as_dict(), evaluate(other).as_dict()
    for result in (before, after):  # shares within sigma are of the components, which are other ones now
        judged = [row for name, row in result["consistency"].items() if name != "unusable"]
        for row in [*judged, *(p["consistency"] for p in result["prediction"])]:
            for k in (1, 2, 3):
                del row[f"inside_{k}"]
    assert_same(before, after)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_perfect_result_has_the_best_figures(frame, thing, seed):
    frames = []
    for f in scene(frame, thing, seed):
        ids, kinds, n = f.truth.ids, f.truth.class_ids, len(f.truth)
        result = dataclasses.replace(
            f.result,
            ids=np.array([list(int(i).to_bytes(16)) for i in ids], dtype=np.uint8).reshape(n, 16),
            centre=f.truth.centre, size=f.truth.size, yaw=f.truth.yaw, velocity=f.truth.velocity,
            yaw_rate=f.truth.yaw_rate, pose_covariance=np.tile(np.eye(6), (n, 1, 1)),
            twist_covariance=np.tile(np.eye(6), (n, 1, 1)), class_probabilities=np.eye(10)[kinds],
            existence=np.ones(n), footprints=(np.zeros((0, 2)),) * n, motion=np.ones(n), sensors=np.ones(n),
            first_seen_ns=np.zeros(n), last_seen_ns=np.zeros(n),
            predicted_path=np.zeros((n, 0, 3)), predicted_covariance=np.zeros((n, 0, 3, 3)),
        )  # fmt: skip
        frames.append(EvaluationFrame(f.truth, result, f.T_fixed_base))
    scores = evaluate(frames)
    assert scores.counts.held == scores.tracking.switches == scores.latency.never == 0
    if scores.counts.asked:
        tracking, everything = scores.tracking, scores.detection.everything
        ones = [tracking.mota, tracking.idf1, tracking.hota, tracking.amota, tracking.recall, tracking.precision]
        assert ones == pytest.approx([1.0] * 6)
        assert [everything.ap, scores.detection.mean_ap, scores.detection.mean_space] == pytest.approx([1.0] * 3)
        assert [tracking.motp, scores.accuracy.position, scores.latency.worst] == pytest.approx([0.0] * 3, abs=1e-9)
        assert scores.naming.right == 1.0
        assert scores.consistency.position.anees == 0.0
