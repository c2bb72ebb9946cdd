"""Which moment of a recording is meant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import BagError, ConfigError, PerceptionError
from perception_tools.view.when import parse_when

START, END = 1_700_000_000_500_000_000, 1_700_000_004_500_000_000  # four seconds


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("first", START),
        ("last", END),
        ("0%", START),
        ("50%", START + 2_000_000_000),
        ("12.5%", START + 500_000_000),
        ("100%", END),
        ("0", START),
        ("1.3", START + 1_300_000_000),
        ("4", END),
        ("0.000000001", START + 1),
        ("1700000001.25", START + 750_000_000),
        ("1700000001250000000", START + 750_000_000),
        (" Last ", END),
    ],
)
def test_moments_by_hand(text, target):
    assert parse_when(text).target_ns(START, END) == target


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1e3", "nan", "inf", "1.2.3", "%", "1 2", "0x10", "+1", "101%", "٣"]
)
def test_what_is_no_moment_is_refused_with_the_word(text):
    with pytest.raises(ConfigError, match="--at"):
        parse_when(text)


@pytest.mark.parametrize("text", ["4.001", "5", "1700000000.4", "1700000004500000001", "99999999999999999999"])
def test_outside_of_the_recording_is_refused_with_its_limits(text):
    with pytest.raises(
        BagError, match=r"outside the recording, which goes from 0 to 4.000 s \(1700000000.500000000 to"
    ):
        parse_when(text).target_ns(START, END)


@given(st.integers(0, END - START))
def test_every_moment_is_named_exactly_in_three_ways(offset):
    for text in (str(Decimal(offset).scaleb(-9)), str(Decimal(START + offset).scaleb(-9)), str(START + offset)):
        if "E" not in text:
            assert parse_when(text).target_ns(START, END) == START + offset


@given(st.decimals(0, 100, places=3), st.integers(0, 2**62), st.integers(0, 2**61))
def test_a_share_always_lies_within(share, start, length):
    assert start <= parse_when(f"{share}%").target_ns(start, start + length) <= start + length


@given(st.text(max_size=30), st.integers(0, 2**62), st.integers(0, 2**61))
def test_any_text_is_a_moment_within_or_an_error_of_ours(text, start, length):
    try:
        target = parse_when(text).target_ns(start, start + length)
    except PerceptionError:
        return
    assert start <= target <= start + length
