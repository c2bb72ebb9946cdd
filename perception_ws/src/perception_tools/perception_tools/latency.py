"""How long a live stack took, from when messages were published and results received.

Both clocks are CLOCK_MONOTONIC of one machine: the player notes when it hands a message to the middleware
(``publish_log``), the monitor when a result reaches it. The messages' stamps only tell which belongs to which, so
neither the rate of playing nor the resolution of /clock enters a figure.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import BagError


@dataclass(frozen=True, slots=True)
class Published:
    """When each stamp of a topic was published: both int64 (N,) nanoseconds."""

    stamp_ns: NDArray[np.int64]
    monotonic_ns: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.stamp_ns)


def read_publish_log(path: Path) -> dict[str, Published]:
    """Read a player's log by topic.

    Raises:
        BagError: the player left none, or not such a table.
    """
    try:
        with path.open(newline="") as file:
            rows = [(r["topic"], int(r["stamp_ns"]), int(r["monotonic_ns"])) for r in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BagError(f"{path}: the player left no readable publish log ({error})") from error
    log = {}
    for topic in sorted({row[0] for row in rows}):
        times = np.array([row[1:] for row in rows if row[0] == topic], dtype=np.int64)
        log[topic] = Published(times[:, 0], times[:, 1])
    return log


def between_ms(earlier: Mapping[int, int], later: Mapping[int, int]) -> list[float]:
    """Return milliseconds from ``earlier`` to ``later`` of every stamp (ns) that is in both, in order of the stamps."""
    return [(later[stamp] - earlier[stamp]) / 1e6 for stamp in sorted(earlier.keys() & later.keys())]


def lost(published: Mapping[int, int], received: Mapping[int, int]) -> list[int]:
    """Return the stamps that were published and of which nothing was received."""
    return sorted(published.keys() - received.keys())


def by_stamp(published: Published) -> dict[int, int]:
    """Return monotonic time by stamp; of a stamp published twice (a loop), the last."""
    return dict(zip(published.stamp_ns.tolist(), published.monotonic_ns.tolist(), strict=True))


def recording_time(published: Published, monotonic_ns: int, rate: float) -> int:
    """Return the recording's time in ns at a wall time, by the message published last before it."""
    index = max(int(np.searchsorted(published.monotonic_ns, monotonic_ns, side="right")) - 1, 0)
    elapsed = (monotonic_ns - int(published.monotonic_ns[index])) * rate
    return int(published.stamp_ns[index]) + round(elapsed)
