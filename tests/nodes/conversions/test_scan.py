import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import table

from perception_core.errors import CloudError
from perception_core.planning.sectors import SectorRanges
from perception_nodes.conversions.scan import coverage_from_msg, coverage_to_msg, sectors_to_mavlink_msg, sectors_to_msg


def test_four_sectors():
    msg = coverage_to_msg(np.array([1.0, 0.0, 3.0, 4.0], np.float32), 2, "base_link")
    assert msg.angle_min == pytest.approx(-0.75 * math.pi)
    assert msg.angle_max == pytest.approx(0.75 * math.pi)
    assert msg.angle_increment == pytest.approx(math.pi / 2)
    assert (list(msg.ranges), msg.range_max) == ([1.0, 0.0, 3.0, 4.0], 4.0)


@given(st.integers(0, 400), st.data())
def test_coverage_comes_back(sectors, data):
    coverage = data.draw(table(sectors, elements=st.floats(0, 300, width=32), dtype=np.float32))
    np.testing.assert_array_equal(coverage_from_msg(coverage_to_msg(coverage, 0, "b")), coverage)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_ranges_that_are_none_are_refused(bad):
    msg = coverage_to_msg(np.ones(4, np.float32), 0, "b")
    msg.ranges[2] = bad
    with pytest.raises(CloudError, match="finite"):
        coverage_from_msg(msg)


def test_half_a_circle_is_refused():
    msg = coverage_to_msg(np.ones(4, np.float32), 0, "b")
    msg.ranges = msg.ranges[:2]
    with pytest.raises(CloudError, match="expected 2 pi"):
        coverage_from_msg(msg)


def test_free_and_unknown_sectors_stay_apart():
    ranges = np.array([5.0, np.inf, np.nan], np.float32)
    msg = sectors_to_msg(SectorRanges(ranges, -2.0, 0.5, 0.3, 60.0), 0, "base_link")
    assert msg.angle_max == pytest.approx(-1.0)
    assert (msg.ranges[0], msg.range_min, msg.range_max) == (5.0, pytest.approx(0.3), 60.0)
    assert math.isinf(msg.ranges[1])
    assert math.isnan(msg.ranges[2])


def test_mavros_gets_clockwise_angles_and_free_beyond_the_largest_range():
    """Sectors from behind right, counter-clockwise: an obstacle ahead left comes out third of four from the left."""
    ranges = np.array([np.inf, np.nan, 5.0, 7.0], np.float32)
    msg = sectors_to_mavlink_msg(SectorRanges(ranges, -0.75 * math.pi, 0.5 * math.pi, 0.3, 60.0), 0, "base_link")
    assert msg.header.frame_id == "base_link_frd"
    assert msg.angle_min == pytest.approx(-0.75 * math.pi)
    assert list(msg.ranges[:2]) == [7.0, 5.0]
    assert math.isnan(msg.ranges[2])
    assert int(msg.ranges[3] * 100) == 6001
    assert msg.range_max == 60.0
