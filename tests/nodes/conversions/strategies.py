"""Arbitrary core data, for the round trips through messages."""

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception_core.types import (
    CLASSES,
    Clusters,
    Detections2D,
    Mode,
    Objects,
    Obstacles,
    SensorKind,
    SensorState,
    SensorStatus,
)

STAMPS = st.integers(0, 2**31 * 10**9 - 1)
FRAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
ANGLES = st.floats(-math.pi, math.pi)
NUMBERS = st.floats(-1e6, 1e6)


def table(*shape: int, elements: st.SearchStrategy = NUMBERS, dtype: type = np.float64) -> st.SearchStrategy:
    return hnp.arrays(dtype, shape, elements=elements, fill=st.nothing() if math.prod(shape) < 40 else None)


@st.composite
def clusters(draw: st.DrawFn, most: int = 3) -> Clusters:
    m, n = draw(st.integers(0, most)), draw(st.integers(0, 5))
    return Clusters(
        stamp_ns=draw(STAMPS),
        frame=draw(FRAMES),
        centre=draw(table(m, 3)),
        size=draw(table(m, 3)),
        yaw=draw(table(m, elements=ANGLES)),
        covariance=draw(table(m, 3, 3)),
        point_count=draw(table(m, elements=st.integers(0, 2**31 - 1), dtype=np.int32)),
        points=draw(table(n, 3, elements=st.floats(-1e4, 1e4, width=32), dtype=np.float32)),
        labels=draw(table(n, elements=st.integers(-1, m - 1), dtype=np.int32)),
        bottom=draw(table(m, elements=st.floats(-5.0, 5.0, width=32), dtype=np.float32)),
        top=draw(table(m, elements=st.floats(-5.0, 5.0, width=32), dtype=np.float32)),
        **draw(hulls(m, least=1)),
        time_offset=draw(times(m)),
    )


def times(m: int) -> st.SearchStrategy[np.ndarray]:
    return table(m, elements=st.one_of(st.just(0.0), st.floats(-0.2, 0.2)))


@st.composite
def hulls(draw: st.DrawFn, m: int, least: int = 0) -> dict[str, np.ndarray]:
    counts = draw(table(m, elements=st.integers(least, 6), dtype=np.int32))
    return {"hull": draw(table(int(counts.sum()), 2)), "hull_start": np.cumsum([0, *counts], dtype=np.int32)}


@st.composite
def probabilities(draw: st.DrawFn, m: int) -> np.ndarray:
    weights = draw(table(m, len(CLASSES), elements=st.sampled_from([0.0, 0.1, 1.0, 3.0])))
    weights[:, -1] += 1e-3
    return weights / weights.sum(axis=1, keepdims=True)


@st.composite
def objects(draw: st.DrawFn, most: int = 3) -> Objects:
    m = draw(st.integers(0, most))
    return Objects(
        stamp_ns=draw(STAMPS),
        frame=draw(FRAMES),
        centre=draw(table(m, 3)),
        size=draw(table(m, 3)),
        yaw=draw(table(m, elements=ANGLES)),
        covariance=draw(table(m, 6, 6)),
        class_probabilities=draw(probabilities(m)),
        existence=draw(table(m, elements=st.floats(0.0, 1.0))),
        sensors=draw(table(m, elements=st.integers(0, 3), dtype=np.uint8)),
        point_count=draw(table(m, elements=st.integers(0, 2**31 - 1), dtype=np.int32)),
        mode=draw(st.sampled_from(Mode)),
        **draw(hulls(m)),
        time_offset=draw(times(m)),
    )


STATUSES = st.builds(
    SensorStatus,
    FRAMES,
    st.sampled_from(SensorKind),
    st.sampled_from(SensorState),
    STAMPS,
    st.floats(0.0, 1e3, width=32),
    FRAMES,
)


@st.composite
def obstacles(draw: st.DrawFn, most: int = 3) -> Obstacles:
    t = draw(st.integers(0, most))
    steps = draw(st.integers(0, 3)) if t else 0
    pairs = [draw(st.tuples(STAMPS, STAMPS)) for _ in range(t)]
    return Obstacles(
        stamp_ns=draw(STAMPS),
        frame=draw(FRAMES),
        ids=draw(table(t, 16, elements=st.integers(0, 255), dtype=np.uint8)),
        centre=draw(table(t, 3)),
        size=draw(table(t, 3)),
        yaw=draw(table(t, elements=ANGLES)),
        pose_covariance=draw(table(t, 6, 6)),
        velocity=draw(table(t, 3)),
        yaw_rate=draw(table(t)),
        twist_covariance=draw(table(t, 6, 6)),
        class_probabilities=draw(probabilities(t)),
        existence=draw(table(t, elements=st.floats(0.0, 1.0))),
        footprints=tuple(draw(table(draw(st.integers(0, 4)), 2)) for _ in range(t)),
        motion=draw(table(t, elements=st.integers(0, 2), dtype=np.uint8)),
        sensors=draw(table(t, elements=st.integers(0, 3), dtype=np.uint8)),
        first_seen_ns=np.array([p[0] for p in pairs], dtype=np.int64),
        last_seen_ns=np.array([p[1] for p in pairs], dtype=np.int64),
        predicted_path=draw(table(t, steps, 3, elements=ANGLES)),
        prediction_step_ns=draw(st.integers(0, 10**10)) if t else 0,
        mode=draw(st.sampled_from(Mode)),
        statuses=tuple(draw(st.lists(STATUSES, max_size=2))),
        predicted_covariance=draw(covariances(t, draw(st.sampled_from([0, steps])))),
    )


@st.composite
def covariances(draw: st.DrawFn, t: int, steps: int) -> np.ndarray:
    """Products of factors, so symmetric and positive semidefinite, singular ones among them."""
    factor = draw(table(t, steps, 3, 3, elements=st.integers(-8, 8))) / 4.0
    return factor @ factor.swapaxes(-1, -2)


@st.composite
def detections(draw: st.DrawFn, most: int = 3) -> Detections2D:
    n = draw(st.integers(0, most))
    corner = draw(table(n, 2, elements=st.floats(0, 4000)))
    extent = draw(table(n, 2, elements=st.floats(0, 4000)))
    return Detections2D(
        stamp_ns=draw(STAMPS),
        frame=draw(FRAMES),
        boxes=np.hstack([corner, corner + extent]),
        scores=draw(table(n, elements=st.floats(0.0, 1.0))),
        class_ids=draw(table(n, elements=st.integers(0, len(CLASSES) - 1), dtype=np.int32)),
        image_size=(640, 480),
    )
