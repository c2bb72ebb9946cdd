import pytest

from perception_core.errors import CloudError, TransformError
from perception_nodes.node.transforms import PendingQueue


class Frames:
    """Work that succeeds once its number is known, as a look-up does once its transform has come."""

    def __init__(self, capacity=5):
        self.known, self.done, self.given_up = set(), [], []
        self.queue = PendingQueue(timeout_ns=100, capacity=capacity, give_up=lambda e: self.given_up.append(str(e)))

    def ask(self, number, now_ns):
        def attempt():
            if number not in self.known:
                raise TransformError(f"no {number}")
            self.done.append(number)

        self.queue.add(attempt, now_ns)


def test_what_is_known_runs_at_once():
    frames = Frames()
    frames.known = {1}
    frames.ask(1, 0)
    assert (frames.done, len(frames.queue)) == ([1], 0)


def test_what_waits_runs_in_order_when_its_transform_comes():
    frames = Frames()
    frames.ask(1, 0)
    frames.ask(2, 1)
    frames.known = {1, 2}
    frames.queue.retry(50)
    assert (frames.done, frames.given_up) == ([1, 2], [])


def test_after_its_time_it_is_given_up_and_the_next_goes_on():
    frames = Frames()
    frames.ask(1, 0)
    frames.ask(2, 60)
    frames.known = {2}
    frames.queue.retry(99)
    assert (frames.done, frames.given_up) == ([], [])
    frames.queue.retry(100)
    assert (frames.done, frames.given_up) == ([2], ["no 1"])


def test_only_so_many_wait():
    frames = Frames(capacity=2)
    for number in (1, 2, 3):
        frames.ask(number, 0)
    assert frames.given_up == ["no 1"]
    assert len(frames.queue) == 2


def test_another_error_passes_and_does_not_come_back():
    frames = Frames()

    def broken():
        raise CloudError("no x")

    with pytest.raises(CloudError):
        frames.queue.add(broken, 0)
    assert len(frames.queue) == 0


def test_after_time_was_set_back_nothing_waits():
    frames = Frames()
    frames.ask(1, 0)
    frames.queue.clear()
    frames.known = {1}
    frames.queue.retry(1)
    assert frames.done == []
