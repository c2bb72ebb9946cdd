import math

import pytest

from perception_nodes.node.statistics import Rate, Statistics, percentile

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3.0], 50, 3.0), ([1.0, 2.0, 3.0, 4.0], 50, 2.0), (range(1, 101), 99, 99), ([5.0, 1.0], 99, 5.0)],
)
def test_nearest_rank(values, percent, expected):
    assert percentile(values, percent) == expected


def test_the_percentile_of_nothing_is_nan():
    assert math.isnan(percentile([], 99))


def test_ten_hertz():
    rate = Rate()
    assert (rate.hz(0), rate.age(0)) == (0.0, math.inf)
    for i in range(21):
        rate.tick(i * SECOND // 10)
    assert rate.count == 21
    assert rate.hz(2 * SECOND) == pytest.approx(10.0)
    assert rate.age(3 * SECOND) == 1.0
    assert rate.hz(20 * SECOND) == 0.0  # long ago


def test_values_name_what_was_dropped_and_why():
    stats = Statistics()
    stats.received("points", 0)
    stats.dropped("no_transform", "base_link <- lidar at 3 ns")
    stats.took("callback", 8.0)
    assert stats.values(0) == {
        "points.count": 1,
        "points.rate_hz": 0.0,
        "callback.p50_ms": 8.0,
        "callback.p99_ms": 8.0,
        "transform_failures": 1,
        "drops.no_transform": 1,
        "last_error": "base_link <- lidar at 3 ns",
    }
