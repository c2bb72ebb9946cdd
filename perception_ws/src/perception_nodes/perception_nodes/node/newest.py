"""The newest message of each source, for work that is slower than its messages come."""

import threading
from collections.abc import Callable, Sequence


class NewestWorker[T]:
    """Works, in a thread of its own, on the newest item of each source; what came before it is passed over.

    Each source has one slot. Of the sources that have something, those come first that were served longest ago, so
    that a fast source takes nothing from a slow one. Nothing waits for a source that has nothing.
    """

    def __init__(
        self,
        sources: Sequence[str],
        work: Callable[[Sequence[tuple[str, T]]], None],
        limit: Callable[[], int] = lambda: 1,
    ) -> None:
        """Begin to wait for items.

        Args:
            sources: names.
            work: is given source and item of up to ``limit()`` sources, called in the thread; it must not raise.
            limit: most sources at once, asked in the thread before each turn.
        """
        self._work = work
        self._limit = limit
        self._slots: dict[str, T] = {}
        self._served = dict.fromkeys(sources, 0)
        self._turn = 0
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="newest", daemon=True)
        self._thread.start()

    def put(self, source: str, item: T) -> bool:
        """Lay an item into its source's slot; True when it takes the place of one that was not worked on.

        Raises:
            KeyError: a source that was not named.
        """
        if source not in self._served:
            raise KeyError(source)
        with self._changed:
            superseded = source in self._slots
            self._slots[source] = item
            self._changed.notify()
            return superseded

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._slots.clear()

    def stop(self) -> None:
        """Finish what is being worked on, forget what waits, end the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slots or self._ending)
                if self._ending:
                    return
            limit = max(1, self._limit())  # may measure for a while: what comes meanwhile is taken too
            taken = self._take(limit)
            if taken:
                self._work(taken)

    def _take(self, limit: int) -> list[tuple[str, T]]:
        with self._changed:
            self._turn += 1
            order = sorted(self._slots, key=self._served.__getitem__)[:limit]
            self._served |= dict.fromkeys(order, self._turn)
            return [(source, self._slots.pop(source)) for source in order]
