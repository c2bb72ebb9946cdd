"""One contender in a process of its own: its peak memory, and its speed with all the threads it likes.

python -m perception_tools.benchmarks.alone CONTENDER SCANS.npz
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perception_core.errors import PerceptionError
from perception_core.types import PointCloud
from perception_tools.benchmarks.measure import Timed, peak_rss_mib
from perception_tools.benchmarks.peers import NOTHING, Scan, contender
from perception_tools.benchmarks.threads import VARIABLES


@dataclass(frozen=True, slots=True)
class Alone:
    """One contender by itself.

    Attributes:
        who: which.
        peak_rss_mib: of its process, interpreter, libraries and scans included; of PCL, its largest tool.
        median_ms: with its own choice of threads.
    """

    who: str
    peak_rss_mib: float
    median_ms: float


def measure(names: Sequence[str], scans: Sequence[Scan], folder: Path) -> list[Alone]:
    """Run every contender, and an idle process for comparison, one after the other.

    Raises:
        PerceptionError: a process that fails.
    """
    path = folder / "scans.npz"
    save(path, scans)
    return [_spawn(name, path) for name in (NOTHING, *names)]


def save(path: Path, scans: Sequence[Scan]) -> None:
    """Write scans for :func:`load`."""
    arrays: dict[str, Any] = {}
    for k, scan in enumerate(scans):
        intensity = scan.cloud.intensity
        columns = np.zeros(len(scan.cloud), dtype=np.float32) if intensity is None else intensity
        arrays[f"cloud{k}"] = np.column_stack([scan.cloud.xyz, columns])
        arrays[f"T{k}"] = scan.T_base_lidar
    np.savez(path, **arrays)


def load(path: Path) -> list[Scan]:
    """Read what :func:`save` wrote."""
    with np.load(path) as arrays:
        return [
            Scan(PointCloud(cloud[:, :3], 0, "lidar", intensity=cloud[:, 3]), arrays[f"T{k}"])
            for k, cloud in enumerate(arrays[f"cloud{k}"] for k in range(len(arrays.files) // 2))
        ]


def main(name: str, path: Path) -> None:
    """Run one contender over the scans and print what it took."""
    scans = load(path)
    call = contender(name)
    call(scans[0])
    times, elsewhere = [], []
    for scan in scans:
        start = time.perf_counter()
        result = call(scan)
        elapsed = (time.perf_counter() - start) * 1e3
        times.append(result.ms if isinstance(result, Timed) else elapsed)
        if isinstance(result, Timed) and math.isfinite(result.peak_rss_mib):
            elsewhere.append(result.peak_rss_mib)
    print(json.dumps({"peak_rss_mib": max(elsewhere or [peak_rss_mib()]), "median_ms": statistics.median(times)}))


def _spawn(name: str, path: Path) -> Alone:
    free = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    command = [sys.executable, "-m", "perception_tools.benchmarks.alone", name, str(path)]
    done = subprocess.run(command, env=free, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PerceptionError(f"{name} alone: {done.stderr.strip().splitlines()[-1:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Alone(name, found["peak_rss_mib"], found["median_ms"])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
