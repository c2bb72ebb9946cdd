import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import StampError
from perception_nodes.conversions.time import duration_to_msg, ns_from_msg, seconds, time_to_msg


def test_one_and_a_half_seconds():
    msg = time_to_msg(1_500_000_000)
    assert (msg.sec, msg.nanosec) == (1, 500_000_000)


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_come_back(stamp_ns):
    assert ns_from_msg(time_to_msg(stamp_ns)) == stamp_ns


@given(st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1))
def test_durations_come_back(duration_ns):
    assert ns_from_msg(duration_to_msg(duration_ns)) == duration_ns


def test_minus_a_nanosecond_counts_upwards_from_minus_a_second():
    msg = duration_to_msg(-1)
    assert (msg.sec, msg.nanosec) == (-1, 999_999_999)


@pytest.mark.parametrize("stamp_ns", [-1, 2**31 * 10**9])
def test_a_stamp_that_does_not_fit_is_named(stamp_ns):
    with pytest.raises(StampError, match=str(stamp_ns)):
        time_to_msg(stamp_ns)


def test_a_duration_that_does_not_fit_is_named():
    with pytest.raises(StampError, match=str(2**31 * 10**9)):
        duration_to_msg(2**31 * 10**9)


def test_seconds_of_parameters():
    assert seconds(0.04) == 40_000_000
