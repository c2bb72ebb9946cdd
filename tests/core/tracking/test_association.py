"""Assignment by hand."""

import numpy as np
import pytest

from perception_core.tracking.association import assign


def matches(costs: list[list[float]]) -> list[tuple[int, int]]:
    row, column = assign(np.array(costs, dtype=float).reshape(len(costs), -1))
    return list(zip(row.tolist(), column.tolist(), strict=True))


def test_the_sum_counts_not_the_best_pair() -> None:
    # greedy: -5 and -1 make -6; crosswise: -4 and -4.5 make -8.5
    assert matches([[-5.0, -4.0], [-4.5, -1.0]]) == [(0, 1), (1, 0)]


def test_a_positive_cost_never_matches() -> None:
    assert matches([[0.5]]) == []
    assert matches([[-2.0, -9.0], [np.inf, -8.0]]) == [(0, 0), (1, 1)]
    assert matches([[np.inf, -9.0], [np.inf, -8.0]]) == [(0, 1)]


def test_lone_pairs_and_contested_ones_together() -> None:
    inf = np.inf
    costs = [[-3.0, inf, inf], [inf, -2.0, -7.0], [inf, -6.0, -6.5]]
    assert matches(costs) == [(0, 0), (1, 2), (2, 1)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_match(shape: tuple[int, int]) -> None:
    row, column = assign(np.full(shape, np.inf))
    assert len(row) == len(column) == 0


def test_many_on_a_diagonal() -> None:
    costs = np.full((300, 300), -1.0)
    np.fill_diagonal(costs, -2.0)
    row, column = assign(costs)
    np.testing.assert_array_equal(row, column)
    assert len(row) == 300
