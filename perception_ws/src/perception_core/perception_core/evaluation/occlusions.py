"""Whether an object comes out of an occlusion under the id it went in with."""

from collections.abc import Sequence
from dataclasses import dataclass

from perception_core.evaluation.mot_clear import THRESHOLD, pairings
from perception_core.evaluation.mot_scans import MotScan

SHORT = 1.0
"""Seconds: through a shorter one a track has to coast."""

_NS = 1e-9


@dataclass(frozen=True, slots=True)
class Occlusions:
    """Counts over all scans.

    An occlusion lies between two scans in which an object is paired, with at least one in between in which nobody asks
    for it (too few points, out of range or of view); it lasts from the one to the other.

    Attributes:
        short: occlusions under :data:`SHORT`.
        short_switched: of those, after how many it had another id.
        long: the longer ones.
        long_switched: likewise.
    """

    short: int
    short_switched: int
    long: int
    long_switched: int


def occlusions(scans: Sequence[MotScan], threshold: float = THRESHOLD) -> Occlusions:
    """Count them, pairs as in CLEAR MOT."""
    last_scan: dict[int, int] = {}
    last_track: dict[int, int] = {}
    asked: dict[int, int] = {}
    counts = {True: [0, 0], False: [0, 0]}
    for now, (scan, (rows, columns)) in enumerate(zip(scans, pairings(scans, threshold), strict=True)):
        for number in scan.truth.tolist():
            asked[number] = asked.get(number, 0) + 1
        for number, track in zip(scan.truth[rows].tolist(), scan.tracks[columns].tolist(), strict=True):
            before = last_scan.get(number)
            if before is not None and asked[number] < now - before:
                short = (scan.stamp_ns - scans[before].stamp_ns) * _NS < SHORT - 1e-9
                counts[short][0] += 1
                counts[short][1] += track != last_track[number]
            last_scan[number], last_track[number], asked[number] = now, track, 0
    return Occlusions(*counts[True], *counts[False])
