"""The time keeping and reading ahead of a player, without ROS."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from perception_nodes.bag_reader import BagMessage


class PlaybackClock:
    """Maps wall time to the time of a recording, with a rate, pauses and jumps; all times in nanoseconds.

    Calls may come from different threads.
    """

    def __init__(self, rate: float, *, paused: bool = False) -> None:
        """Stand at 0; `restart` sets the clock going."""
        self._lock = threading.Lock()
        self._rate = rate
        self._paused = paused
        self._bag_ns = 0
        self._wall_ns = 0

    def restart(self, bag_ns: int, wall_ns: int) -> None:
        """Jump to ``bag_ns`` at ``wall_ns``."""
        with self._lock:
            self._bag_ns, self._wall_ns = bag_ns, wall_ns

    def now(self, wall_ns: int) -> int:
        """Time of the recording at ``wall_ns``."""
        with self._lock:
            return self._now(wall_ns)

    def until(self, bag_ns: int, wall_ns: int) -> int | None:
        """Wall nanoseconds from ``wall_ns`` until the recording reaches ``bag_ns``: 0 when due, None while paused."""
        with self._lock:
            if self._paused:
                return None
            return max(0, round((bag_ns - self._now(wall_ns)) / self._rate))

    def set_paused(self, paused: bool, wall_ns: int) -> None:
        """Stop or go on at ``wall_ns``."""
        with self._lock:
            self._bag_ns, self._wall_ns = self._now(wall_ns), wall_ns
            self._paused = paused

    def set_rate(self, rate: float, wall_ns: int) -> None:
        """Change the rate at ``wall_ns``."""
        with self._lock:
            self._bag_ns, self._wall_ns = self._now(wall_ns), wall_ns
            self._rate = rate

    def _now(self, wall_ns: int) -> int:
        if self._paused:
            return self._bag_ns
        return self._bag_ns + round((wall_ns - self._wall_ns) * self._rate)


class ReadAhead:
    """Iterates over messages that a thread reads ahead, up to a number of bytes; to be used in a ``with`` statement.

    An error of the reading is raised where its message would have come.
    """

    def __init__(self, messages: Iterator[BagMessage], limit_bytes: int) -> None:
        """Prepare to read ``messages``, holding at most ``limit_bytes`` (and one message more)."""
        self._messages = messages
        self._limit = limit_bytes
        self._queue: queue.SimpleQueue[BagMessage | BaseException | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._held = 0
        self._stopped = False
        self._full = threading.Event()
        self._thread = threading.Thread(target=self._read, name="read_ahead")

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        with self._room:
            self._stopped = True
            self._room.notify()
        self._thread.join()

    def __iter__(self) -> Iterator[BagMessage]:
        """Yield the messages in their order."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            with self._room:
                self._held -= len(item.data)
                self._room.notify()
            yield item

    def wait_until_full(self, wanted: Callable[[], bool], timeout: float = 60.0) -> None:
        """Return when all is read or the limit is reached, ``wanted`` turns false, or after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while wanted() and time.monotonic() < deadline:
            if self._full.wait(0.05):
                return

    def _read(self) -> None:
        try:
            for message in self._messages:
                with self._room:
                    while self._held > self._limit and not self._stopped:
                        self._full.set()
                        self._room.wait()
                    if self._stopped:
                        return
                    self._held += len(message.data)
                self._queue.put(message)
            self._queue.put(None)
        except BaseException as error:  # handed to the thread that plays
            self._queue.put(error)
        finally:
            self._full.set()
