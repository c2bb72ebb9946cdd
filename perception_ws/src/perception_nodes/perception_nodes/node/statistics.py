"""What a node counts about itself: rates, drops by reason, latencies, the last error."""

import math
import threading
from collections import Counter, deque
from collections.abc import Iterable

_WINDOW_NS = 5_000_000_000
_LATENCIES = 500


class Rate:
    """Events a second over the last five seconds of the receive clock."""

    def __init__(self) -> None:
        """Start without events."""
        self.count = 0
        self._times: deque[int] = deque()

    def tick(self, now_ns: int) -> None:
        """Count one event at ``now_ns`` of a steady clock."""
        self.count += 1
        self._times.append(now_ns)
        self._forget(now_ns)

    def hz(self, now_ns: int) -> float:
        """Return events a second; 0 with fewer than two in the window."""
        self._forget(now_ns)
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max((self._times[-1] - self._times[0]) * 1e-9, 1e-9)

    def age(self, now_ns: int) -> float:
        """Return seconds since the last event, inf before the first."""
        return (now_ns - self._times[-1]) * 1e-9 if self._times else math.inf

    def _forget(self, now_ns: int) -> None:
        while self._times and now_ns - self._times[0] > _WINDOW_NS:
            self._times.popleft()


class Statistics:
    """Counters of one node; times are int nanoseconds of a steady clock unless said otherwise.

    The methods may be called from several threads; what is reached into directly belongs to one.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.rates: dict[str, Rate] = {}
        self.drops: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.states: dict[str, str] = {}
        self.latencies_ms: dict[str, deque[float]] = {}
        self.last_error = ""
        self._lock = threading.Lock()

    def received(self, name: str, now_ns: int) -> None:
        """Count one message of an input or output."""
        with self._lock:
            self.rates.setdefault(name, Rate()).tick(now_ns)

    def dropped(self, reason: str, error: str, count: int = 1) -> None:
        """Count a message that was not used, or ``count`` things of one."""
        with self._lock:
            self.drops[reason] += count
            self.last_error = error

    def counted(self, name: str) -> None:
        """Count one event that is no fault."""
        with self._lock:
            self.counts[name] += 1

    def took(self, stage: str, milliseconds: float) -> None:
        """Keep the duration of one run of a stage."""
        with self._lock:
            self.latencies_ms.setdefault(stage, deque(maxlen=_LATENCIES)).append(milliseconds)

    def values(self, now_ns: int) -> dict[str, float | int | str]:
        """Return everything as the flat key-value list of diagnostics."""
        with self._lock:
            return self._values(now_ns)

    def _values(self, now_ns: int) -> dict[str, float | int | str]:
        out: dict[str, float | int | str] = {}
        for name, rate in sorted(self.rates.items()):
            out[f"{name}.count"] = rate.count
            out[f"{name}.rate_hz"] = rate.hz(now_ns)
        for stage, window in sorted(self.latencies_ms.items()):
            out[f"{stage}.p50_ms"] = percentile(window, 50.0)
            out[f"{stage}.p99_ms"] = percentile(window, 99.0)
        out |= dict(sorted(self.counts.items()))
        out |= dict(sorted(self.states.items()))
        out["transform_failures"] = self.drops["no_transform"]
        for reason, count in sorted(self.drops.items()):
            out[f"drops.{reason}"] = count
        out["last_error"] = self.last_error
        return out


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the nearest-rank percentile, NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(percent / 100.0 * len(ordered)) - 1)]
