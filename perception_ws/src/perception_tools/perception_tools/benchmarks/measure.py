"""Timing of alternating calls, so that a drift of the machine's speed meets every contender alike."""

import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One contender over the same inputs.

    Attributes:
        what: what was done.
        who: which implementation.
        median_ms: middle of all calls.
        p95_ms: 95th percentile.
        ratio: its median over the median of the first contender, which is ours.
        calls: how many were timed.
    """

    what: str
    who: str
    median_ms: float
    p95_ms: float
    ratio: float
    calls: int


def compare(what: str, contenders: Mapping[str, Callable[[Any], object]], inputs: Sequence[Any]) -> list[Row]:
    """Time every contender on every input, in turn, after one call that is not counted; the first one is ours."""
    for call in contenders.values():
        call(inputs[0])
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for item in inputs:
        for name, call in contenders.items():
            start = time.perf_counter()
            call(item)
            times[name].append((time.perf_counter() - start) * 1e3)
    ours = statistics.median(next(iter(times.values())))
    return [
        Row(what, name, statistics.median(t), _percentile(t, 0.95), statistics.median(t) / ours, len(t))
        for name, t in times.items()
    ]


def peak_rss_mib() -> float:
    """Return the largest resident set of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
