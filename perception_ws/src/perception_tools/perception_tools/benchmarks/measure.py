"""Timing of alternating calls, so that a drift of the machine's speed meets every contender alike."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perception_tools.benchmarks.threads import single_processor


@dataclass(frozen=True, slots=True)
class Timed:
    """What a contender returns that knows better than the clock around it how long its work took.

    Attributes:
        ms: milliseconds of the work itself.
        peak_rss_mib: largest resident set of the processes that did it; NaN when it was done in this one.
    """

    ms: float
    peak_rss_mib: float = math.nan


@dataclass(frozen=True, slots=True)
class Row:
    """One contender over the same inputs.

    Attributes:
        what: what was done.
        who: which implementation.
        median_ms: middle of all calls.
        p95_ms: 95th percentile.
        ratio: its median over the median of the first contender, which is ours.
        threads: processor time over wall time; NaN for a contender that took the time itself.
        calls: how many were timed.
        low_ms: lower quartile, which a busy machine disturbs least.
    """

    what: str
    who: str
    median_ms: float
    p95_ms: float
    ratio: float
    threads: float
    calls: int
    low_ms: float


def compare(
    what: str, contenders: Mapping[str, Callable[[Any], object]], inputs: Sequence[Any], repeats: int = 1
) -> list[Row]:
    """Time every contender on every input, in turn, after one call that is not counted; the first one is ours."""
    with single_processor():
        for call in contenders.values():
            call(inputs[0])
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for item in [item for _ in range(repeats) for item in inputs]:
        for name, call in contenders.items():
            times[name].append(_timed(call, item))
    ours = statistics.median(ms for ms, _ in next(iter(times.values())))
    return [_row(what, name, pairs, ours) for name, pairs in times.items()]


def _timed(call: Callable[[Any], object], item: Any) -> tuple[float, float]:
    """Return milliseconds of a call and of the processors (NaN for one that timed itself)."""
    work, start = time.process_time(), time.perf_counter()
    result = call(item)
    wall = (time.perf_counter() - start) * 1e3
    if isinstance(result, Timed):
        return result.ms, math.nan
    return wall, (time.process_time() - work) * 1e3


def peak_rss_mib() -> float:
    """Return the largest resident set of this process so far, MiB.

    From /proc where there is one: getrusage hands the peak of the parent on to a child.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _row(what: str, who: str, pairs: Sequence[tuple[float, float]], ours: float) -> Row:
    wall = sorted(ms for ms, _ in pairs)
    median = statistics.median(wall)
    threads = sum(work for _, work in pairs) / max(sum(wall), 1e-9)
    return Row(what, who, median, _at(wall, 0.95), median / ours, threads, len(wall), _at(wall, 0.25))


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
