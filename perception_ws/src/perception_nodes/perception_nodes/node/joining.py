"""Messages of different topics that belong to one stamp."""

from typing import Any


class StampJoin:
    """Collects parts by stamp until all are there; the oldest incomplete stamps are given up first."""

    def __init__(self, parts: tuple[str, ...], capacity: int = 8) -> None:
        """Name the parts that make a whole."""
        self._parts = parts
        self._capacity = capacity
        self._waiting: dict[int, dict[str, Any]] = {}
        self.lost = 0

    def add(self, stamp_ns: int, part: str, value: Any) -> dict[str, Any] | None:
        """Return all parts of the stamp once the last of them has come, else None.

        What is older than a stamp that became whole cannot become whole any more (topics keep their order) and is
        counted in ``lost``.
        """
        collected = self._waiting.setdefault(stamp_ns, {})
        collected[part] = value
        if len(collected) == len(self._parts):
            older = [stamp for stamp in self._waiting if stamp < stamp_ns]
            self.lost += len(older)
            for stamp in [*older, stamp_ns]:
                del self._waiting[stamp]
            return collected
        if len(self._waiting) > self._capacity:
            self.lost += 1
            del self._waiting[min(self._waiting)]
        return None

    def clear(self) -> None:
        """Forget everything, because time was set back."""
        self._waiting.clear()
