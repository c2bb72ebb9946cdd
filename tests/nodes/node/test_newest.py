"""The newest item of each source: none twice, none old, no source forgotten."""

import threading

import pytest

from perception_nodes.node.newest import NewestWorker


class Bench:
    """A worker that stands still until it is let go, and writes down what it was given."""

    def __init__(self, sources=("a", "b", "c"), limit=1):
        self.taken: list[list[tuple[str, int]]] = []
        self.busy, self.free = threading.Event(), threading.Semaphore(0)
        self.worker = NewestWorker(sources, self._work, lambda: limit)

    def _work(self, items):
        self.taken.append(list(items))
        self.busy.set()
        assert self.free.acquire(timeout=5)

    def occupy(self):
        """Let it work on something, so that what follows waits."""
        self.worker.put("c", 0)
        assert self.busy.wait(5)

    def finish(self, turns):
        """Let so many turns pass; return what was taken after the first."""
        for _ in range(turns):
            self.busy.clear()
            self.free.release()
            assert self.busy.wait(5)
        self.free.release()
        self.worker.stop()
        return self.taken[1:]


def test_of_many_only_the_newest_is_worked_on():
    bench = Bench()
    bench.occupy()
    assert [bench.worker.put("a", i) for i in range(4)] == [False, True, True, True]
    assert bench.finish(1) == [[("a", 3)]]


def test_a_fast_source_takes_nothing_from_a_slow_one():
    bench = Bench(("a", "b", "c"))
    bench.occupy()
    for i in range(3):
        bench.worker.put("a", i)
    bench.worker.put("b", 10)
    bench.busy.clear()
    bench.free.release()
    assert bench.busy.wait(5)  # "a" is being worked on: it was there first, and nobody was served longer ago
    bench.worker.put("a", 3)
    bench.worker.put("c", 20)
    assert bench.finish(3) == [[("a", 2)], [("b", 10)], [("c", 20)], [("a", 3)]]


def test_several_sources_go_together_up_to_the_limit():
    bench = Bench(limit=2)
    bench.occupy()
    for i, source in enumerate("abc"):
        bench.worker.put(source, i)
    assert bench.finish(2) == [[("a", 0), ("b", 1)], [("c", 2)]]


def test_what_is_cleared_is_forgotten():
    bench = Bench()
    bench.occupy()
    bench.worker.put("a", 1)
    bench.worker.clear()
    assert not bench.worker.put("a", 2)
    assert bench.finish(1) == [[("a", 2)]]


def test_it_ends_while_it_waits_and_forgets_what_comes_after():
    worker = NewestWorker(("a",), lambda _: None)
    worker.stop()
    worker.stop()
    assert not worker.put("a", 1)


def test_a_source_that_was_not_named_is_an_error():
    worker = NewestWorker(("a",), lambda _: None)
    with pytest.raises(KeyError):
        worker.put("b", 1)
    worker.stop()
