"""Connecting distances by range and direction."""

import numpy as np
import pytest

from perception_core.lidar.connect import components


def label(points):
    """Components of points in different cells; gap 0.2 + 0.01 r across, 0.2 + 0.02 r along, at most 1."""
    xy = np.array(sorted(points), np.float32).reshape(-1, 2)
    index = np.floor(xy / 0.2).astype(np.int32) + 500
    return components(
        index,
        np.concatenate([xy, xy], axis=1),
        np.zeros(len(xy), np.bool_),
        cell_size=0.2,
        sensor=np.zeros(3),
        gap=0.2,
        gap_per_range=0.01,
        max_gap=1.0,
        depth=2.0,
    )


@pytest.mark.parametrize(
    ("a", "b", "together"),
    [
        ((10.0, 0.0), (10.0, 0.28), True),  # across: 0.3 m at 10 m
        ((10.0, 0.0), (10.0, 0.33), False),
        ((10.0, 0.0), (10.38, 0.0), True),  # along: 0.4 m at 10 m
        ((10.0, 0.0), (10.43, 0.0), False),
        ((0.0, -50.0), (0.68, -50.0), True),  # across: 0.7 m at 50 m
        ((0.0, -50.0), (0.0, -50.95), True),  # along: 1.2 m, limited to 1 m
        ((0.0, -50.0), (0.0, -51.1), False),
    ],
)
def test_the_distance_grows_with_range_and_along_the_line_of_sight(a, b, together: bool) -> None:
    labels, count = label([a, b])
    assert count == (1 if together else 2)
    assert (labels[0] == labels[1]) is np.bool_(together)


def test_a_chain_is_one_component() -> None:
    labels, count = label([[5.0, 0.21 * i] for i in range(30)])
    assert count == 1
    assert not labels.any()


def test_none_and_one() -> None:
    assert label([])[1] == 0
    assert label([[3.0, 4.0]])[1] == 1
