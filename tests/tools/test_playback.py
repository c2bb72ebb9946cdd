"""The player's time keeping and reading ahead."""

import threading
import time

import pytest

from perception_nodes.bag_reader import BagMessage
from perception_nodes.playback import PlaybackClock, ReadAhead


def test_the_recording_runs_at_its_rate():
    clock = PlaybackClock(2.0)
    clock.restart(1000, 50)
    assert clock.now(50) == 1000
    assert clock.now(150) == 1200
    assert clock.until(1600, 150) == 200
    assert clock.until(1100, 150) == 0


def test_a_pause_stops_it_and_it_goes_on_from_there():
    clock = PlaybackClock(1.0)
    clock.restart(0, 0)
    clock.set_paused(True, 100)
    assert clock.now(900) == 100
    assert clock.until(500, 900) is None
    clock.set_paused(False, 1000)
    assert clock.now(1010) == 110
    assert clock.until(500, 1010) == 390


def test_the_rate_changes_without_a_jump():
    clock = PlaybackClock(1.0)
    clock.restart(0, 0)
    clock.set_rate(10.0, 100)
    assert clock.now(100) == 100
    assert clock.now(110) == 200


def messages(count, size=10):
    return (BagMessage("/t", "x", k, bytes(size)) for k in range(count))


@pytest.mark.parametrize("count", [0, 1, 100])
def test_all_messages_come_in_order(count):
    with ReadAhead(messages(count), 1 << 20) as ahead:
        ahead.wait_until_full(lambda: True)
        assert [m.log_ns for m in ahead] == list(range(count))


def test_no_more_is_held_than_allowed():
    taken = []

    def counted():
        for message in messages(50):
            taken.append(message.log_ns)
            yield message

    with ReadAhead(counted(), 100) as ahead:
        ahead.wait_until_full(lambda: True)
        time.sleep(0.05)
        assert len(taken) <= 12  # 11 messages of 10 bytes pass the limit of 100, one is in hand
        assert [m.log_ns for m in ahead] == list(range(50))


def test_an_error_of_the_reading_comes_in_its_place():
    def broken():
        yield from messages(2)
        raise ValueError("damaged")

    seen = []
    with ReadAhead(broken(), 1 << 20) as ahead, pytest.raises(ValueError, match="damaged"):
        seen.extend(m.log_ns for m in ahead)
    assert threading.active_count() < 10


def test_leaving_early_ends_the_thread():
    with ReadAhead(messages(10_000), 50) as ahead:
        next(iter(ahead))
    assert not any(thread.name == "read_ahead" for thread in threading.enumerate())
