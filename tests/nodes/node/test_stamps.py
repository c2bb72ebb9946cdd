import pytest

from perception_nodes.node.stamps import StampGate, StampRefusedError

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


@pytest.fixture
def gate():
    return StampGate("LiDAR top", max_age_ns=SECOND // 2, max_future_ns=SECOND // 10)


def test_rising_stamps_pass(gate):
    gate.check(NOW, NOW)
    gate.check(NOW + 1, NOW)
    with pytest.raises(StampRefusedError, match="LiDAR top"):  # the second one is the newest now
        gate.check(NOW + 1, NOW)


@pytest.mark.parametrize(
    ("stamp_ns", "reason", "text"),
    [
        (0, "no_stamp", "has no stamp"),
        (NOW - SECOND // 2 - 1, "too_old", "limit 0.5 s"),
        (NOW - 7200 * SECOND, "too_old", "use_sim_time"),
        (NOW + SECOND // 10 + 1, "from_future", "in the future, limit 0.1 s"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(gate, stamp_ns, reason, text):
    with pytest.raises(StampRefusedError, match=text) as caught:
        gate.check(stamp_ns, NOW)
    assert caught.value.reason == reason
    assert "LiDAR top" in str(caught.value)


@pytest.mark.parametrize("behind", [0, 1])
def test_the_same_or_an_older_stamp_is_out_of_order(gate, behind):
    gate.check(NOW, NOW)
    with pytest.raises(StampRefusedError) as caught:
        gate.check(NOW - behind, NOW)
    assert caught.value.reason == "out_of_order"


def test_a_refused_stamp_does_not_close_the_gate(gate):
    with pytest.raises(StampRefusedError):
        gate.check(NOW + SECOND, NOW)
    gate.check(NOW, NOW)


def test_before_simulated_time_begins_nothing_has_an_age(gate):
    gate.check(NOW, 0)
    with pytest.raises(StampRefusedError) as caught:  # order still counts
        gate.check(NOW, 0)
    assert caught.value.reason == "out_of_order"


def test_after_a_reset_time_may_be_earlier(gate):
    gate.check(NOW, NOW)
    gate.reset()
    gate.check(NOW - 10 * SECOND, NOW - 10 * SECOND)
    with pytest.raises(StampRefusedError) as caught:
        gate.check(NOW - 11 * SECOND, NOW - 10 * SECOND)
    assert caught.value.reason in {"too_old", "out_of_order"}
