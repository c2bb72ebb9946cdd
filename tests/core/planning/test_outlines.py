"""Packed footprints and the coverage that callers hand in."""

import numpy as np
import pytest

from perception_core.errors import PerceptionError
from perception_core.planning.outlines import checked_coverage, outlines


def test_two_boxes_one_behind_the_other(obstacles) -> None:
    packed = outlines(obstacles((0, 0, 2, 2, 0), (5, 0, 4, 2, 0), sigma=0.3), 2.0, 1.0)
    np.testing.assert_array_equal(packed.starts, [0, 4, 8])
    np.testing.assert_allclose(packed.corners[[0, 4]], [[1.0, 1.0], [7.0, 1.0]])
    np.testing.assert_allclose(packed.margin, [0.6, 0.6])


def test_the_margin_has_a_limit_and_none_is_none(obstacles) -> None:
    np.testing.assert_allclose(outlines(obstacles((0, 0, 2, 2, 0), sigma=3.0), 2.0, 1.0).margin, [1.0])
    none = outlines(obstacles(), 1.0, 1.0)
    assert (len(none.corners), none.starts.tolist(), len(none.margin)) == (0, [0], 0)


def test_coverage_is_cleaned() -> None:
    np.testing.assert_array_equal(checked_coverage(None), [0.0])
    np.testing.assert_array_equal(checked_coverage(np.array([5.0, np.nan, -1.0, np.inf])), [5.0, 0.0, 0.0, 0.0])
    with pytest.raises(PerceptionError, match="coverage"):
        checked_coverage(np.ones((3, 3)))
