"""What the tracking scores are worked out from: ids and similarities, scan by scan, free of boxes and classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.scans import Scan

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MotScan:
    """Objects and tracks of one scan that take part.

    Attributes:
        truth: int64 (M,) numbers of the true objects, from 0 without gaps over all scans.
        tracks: int64 (T,) numbers of the tracks, likewise.
        similarity: float64 (M, T) in [0, 1].
        scores: float64 (T,) how sure the tracker is.
        stamp_ns: of the scan, int nanoseconds.
    """

    truth: Ids
    tracks: Ids
    similarity: Floats
    scores: Floats
    stamp_ns: int = 0


def mot_scans(scans: Iterable[Scan]) -> list[MotScan]:
    """Return the objects that are asked for and the obstacles that are kept or held, of all drives as one."""
    objects: dict[tuple[int, int], int] = {}
    tracks: dict[tuple[int, bytes], int] = {}
    out = []
    for scan in scans:
        asked, there = np.flatnonzero(scan.asked), np.flatnonzero(scan.kept | scan.held)
        names = [(scan.sequence, int(i)) for i in scan.frame.truth.ids[asked]]
        marks = [(scan.sequence, scan.frame.result.ids[i].tobytes()) for i in there]
        out.append(
            MotScan(
                np.array([objects.setdefault(name, len(objects)) for name in names], dtype=np.int64),
                np.array([tracks.setdefault(mark, len(tracks)) for mark in marks], dtype=np.int64),
                scan.similarity[np.ix_(asked, there)],
                scan.frame.result.existence[there],
                scan.frame.stamp_ns,
            )
        )
    return out


def object_count(scans: Sequence[MotScan]) -> int:
    """Return the number of different true objects."""
    return 1 + max((int(scan.truth.max()) for scan in scans if len(scan.truth)), default=-1)


def track_count(scans: Sequence[MotScan]) -> int:
    """Return the number of different tracks."""
    return 1 + max((int(scan.tracks.max()) for scan in scans if len(scan.tracks)), default=-1)
