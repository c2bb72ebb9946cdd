"""The trackers alone, on made-up scans of 100 and 500 objects: milliseconds a scan, and the memory of each.

python -m perception_tools.benchmarks.tracking_load CONTENDER OBJECTS
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from perception_core.errors import PerceptionError
from perception_core.types import CLASSES, Mode, Objects, Sensor
from perception_core.types.classes import CAR, CYCLIST, INDEX, PERSON, UNKNOWN
from perception_tools.benchmarks.measure import Row, compare, peak_rss_mib
from perception_tools.benchmarks.threads import VARIABLES
from perception_tools.benchmarks.tracking_peers import (
    AB3DMOT,
    NORFAIR,
    OURS,
    PURE_AB3DMOT,
    PureAb3dmot,
    contenders,
    missing,
)

COUNTS = (100, 500)
BUDGET_MS = 5.0
"""For 100 objects."""
SCANS = 30
_SLOW_SCANS = 3
"""Scans for a peer that needs seconds for each."""
_AREA = 60.0
"""Half of the square in metres over which 100 objects are spread; more need more room."""
_FOUND, _NOISE, _PERIOD_NS = 0.95, 0.1, 100_000_000
_KINDS = ((CAR, (4.2, 1.8, 1.5), 8.0), (PERSON, (0.6, 0.6, 1.7), 1.4), (CYCLIST, (1.8, 0.6, 1.7), 4.0))
_STANDING = 0.5
"""Share of the objects that stand still; as many again of them have no name."""


@dataclass(frozen=True, slots=True)
class Load:
    """One tracker at one size of the scan.

    Attributes:
        objects: objects there, of which 95 % are seen in each scan.
        who: which tracker.
        median_ms, p95_ms, low_ms: of a scan, alternating with the others; ``low_ms`` is the lower quartile.
        ratio: its median over ours.
        peak_rss_mib: of a process of its own that tracks the same scans.
    """

    objects: int
    who: str
    median_ms: float
    p95_ms: float
    low_ms: float
    ratio: float
    peak_rss_mib: float


def measure(counts: Sequence[int] = COUNTS) -> list[Load]:
    """Time every tracker that is installed; ours first at each size."""
    rows = []
    for count in counts:
        timed = compare(f"{count}", _calls(count, [OURS, NORFAIR, AB3DMOT], SCANS), range(SCANS))
        if missing(PURE_AB3DMOT) is None and count <= COUNTS[0]:
            slow = compare(f"{count}", _calls(count, [OURS, PURE_AB3DMOT], _SLOW_SCANS), range(_SLOW_SCANS))
            timed.append(slow[1])
        rows += [_load(count, row, timed[0]) for row in timed]
    return rows


def scans(count: int, seed: int = 1) -> Iterator[Objects]:
    """Yield scans without end: ``count`` objects, half of them driving or walking straight on."""
    rng = np.random.default_rng(seed)
    half = _AREA * np.sqrt(count / 100.0)
    kinds = rng.integers(len(_KINDS), size=count)
    centre = np.column_stack([rng.uniform(-half, half, (count, 2)), np.full(count, 0.8)])
    yaw = rng.uniform(-np.pi, np.pi, count)
    speed = np.array([_KINDS[k][2] for k in kinds]) * (rng.random(count) >= _STANDING)
    step = np.column_stack([speed * np.cos(yaw), speed * np.sin(yaw), np.zeros(count)]) * _PERIOD_NS * 1e-9
    size = np.array([_KINDS[k][1] for k in kinds])
    named = (speed > 0.0) | (rng.random(count) >= _STANDING)
    classes = np.where(named, [INDEX[_KINDS[k][0]] for k in kinds], INDEX[UNKNOWN])
    probabilities = np.full((count, len(CLASSES)), 0.1 / (len(CLASSES) - 1))
    probabilities[np.arange(count), classes] = 0.9
    covariance = np.diag([_NOISE**2, _NOISE**2, _NOISE**2, 1e-4, 1e-4, 0.05**2])
    for k in itertools.count(1):
        seen = rng.random(count) < _FOUND
        m = int(seen.sum())
        yield Objects(
            stamp_ns=k * _PERIOD_NS,
            frame="base_link",
            centre=(centre + k * step)[seen] + rng.normal(0.0, _NOISE, (m, 3)),
            size=size[seen],
            yaw=yaw[seen] + rng.normal(0.0, 0.05, m),
            covariance=np.tile(covariance, (m, 1, 1)),
            class_probabilities=probabilities[seen],
            existence=np.full(m, 0.9),
            sensors=np.full(m, Sensor.LIDAR, np.uint8),
            point_count=np.full(m, 100, np.int32),
            mode=Mode.FUSED,
        )


def alone(who: str, count: int) -> float:
    """Return the peak resident set in MiB of a process in which one tracker does the same work.

    Raises:
        PerceptionError: the process fails.
    """
    command = [sys.executable, "-m", "perception_tools.benchmarks.tracking_load", who, str(count)]
    environment = os.environ | dict.fromkeys(VARIABLES, "1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PerceptionError(f"{who} alone: {done.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def main(who: str, count: int) -> None:
    """Track and print the peak resident set."""
    length = _SLOW_SCANS if who == PURE_AB3DMOT else SCANS
    call = _calls(count, [who], length)[who]
    for k in range(length):
        call(k)
    print(json.dumps(peak_rss_mib()))


def _calls(count: int, names: Sequence[str], length: int) -> dict[str, Callable[[int], object]]:
    """Return for each tracker a call that takes its next scan; one more than ``length`` is there to warm up with."""
    made = [scan for scan, _ in zip(scans(count), range(length + 1), strict=False)]
    return {name: _call(name, iter(made)) for name in names if missing(name) is None}


def _call(name: str, left: Iterator[Objects]) -> Callable[[int], object]:
    T = np.eye(4)
    if name == PURE_AB3DMOT:
        peer = PureAb3dmot()
        return lambda _: peer.track(next(left), T)
    tracker = contenders((name,))[name]()
    return lambda _: tracker.update(next(left), T, "odom")


def _load(count: int, row: Row, ours: Row) -> Load:
    return Load(
        count, row.who, row.median_ms, row.p95_ms, row.low_ms, row.median_ms / ours.median_ms, alone(row.who, count)
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
