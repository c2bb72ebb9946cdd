"""When tracking_node's watchdog would have spoken: in the time of the recording, so that a replay says the same."""

from collections.abc import Iterator

_NS = 1_000_000_000
_HOLE_NS = 60 * _NS
"""Where the recording holds no message at all for longer, it has a hole: nobody knows what the robot said in it."""


class SilenceWatch:
    """Looks every ``period`` seconds, from the first message on, whether objects came within ``timeout`` seconds."""

    def __init__(self, timeout: float, period: float) -> None:
        """Wait for the first message."""
        self._timeout_ns = round(timeout * _NS)
        self._period_ns = round(period * _NS)
        self._look_ns: int | None = None
        self._heard_ns = self._passed_ns = 0

    def heard(self, now_ns: int) -> None:
        """Note that objects came."""
        self._heard_ns = now_ns

    def is_silent(self, now_ns: int) -> bool:
        """Whether objects have not come for longer than the timeout."""
        return now_ns - self._heard_ns > self._timeout_ns

    def looks(self, now_ns: int) -> Iterator[int]:
        """Let time pass up to a message of ``now_ns``; yield the moments before it of looks that found silence.

        Who hears of objects between two of them says so with :meth:`heard`.
        """
        if self._look_ns is None:
            self._look_ns, self._heard_ns, self._passed_ns = now_ns + self._period_ns, now_ns, now_ns
        end_ns = min(now_ns, self._passed_ns + _HOLE_NS)
        while self._look_ns < end_ns:
            look_ns = self._look_ns
            self._look_ns += self._period_ns
            if self.is_silent(look_ns):
                yield look_ns
        self._look_ns += max(0, -((self._look_ns - now_ns) // self._period_ns)) * self._period_ns
        self._passed_ns = max(now_ns, self._passed_ns)
