"""Where an obstacle was said to be going against where it went."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.evaluation.accuracy import MOVING_SPEED
from perception_core.evaluation.consistency import Consistency, consistency
from perception_core.evaluation.scans import Scan
from perception_core.types import Obstacles

Floats = NDArray[np.float64]

HORIZONS = (1.0, 2.0, 3.0)
"""Seconds."""

_GAP_NS = 500_000_000
"""Between truths farther apart in time than that nothing is interpolated."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Errors in the ground plane at one horizon; NaN where nothing was predicted that far.

    Attributes:
        seconds: the horizon.
        paths: predictions compared.
        rmse: root mean square distance, metres.
        rmse_moving: of objects that move now.
        p95: 95th percentile of the distance.
        consistency: of x and y with their predicted covariance.
    """

    seconds: float
    paths: int
    rmse: float
    rmse_moving: float
    p95: float
    consistency: Consistency


def predictions(scans: Sequence[Scan]) -> tuple[Prediction, ...]:
    """Compare the predicted paths of the objects that were asked for with the truth of later scans."""
    where = _histories(scans)
    return tuple(_prediction(scans, where, seconds) for seconds in HORIZONS)


@dataclass(frozen=True, slots=True)
class _History:
    """Where one object was: its number, int64 (K,) rising stamps, float64 (K, 2) x and y."""

    number: int
    stamps: NDArray[np.int64]
    places: Floats

    def at(self, stamp_ns: int) -> Floats | None:
        """Return x, y at a stamp, None where it is not known."""
        i = int(np.searchsorted(self.stamps, stamp_ns))
        if i == len(self.stamps):
            return None
        if self.stamps[i] == stamp_ns:
            return np.asarray(self.places[i])
        if i == 0 or self.stamps[i] - self.stamps[i - 1] > _GAP_NS:
            return None
        share = (stamp_ns - self.stamps[i - 1]) / (self.stamps[i] - self.stamps[i - 1])
        return np.asarray((1.0 - share) * self.places[i - 1] + share * self.places[i])


def _histories(scans: Sequence[Scan]) -> dict[tuple[int, int], _History]:
    """Return where every object was, asked for or not, by drive and id."""
    seen: dict[tuple[int, int], dict[int, Floats]] = {}
    for scan in scans:
        truth = scan.frame.truth
        for identity, place in zip(truth.ids.tolist(), truth.centre[:, :2], strict=True):
            seen.setdefault((scan.sequence, identity), {})[scan.frame.stamp_ns] = place
    out = {}
    for number, (key, places) in enumerate(seen.items()):
        stamps = np.array(sorted(places), dtype=np.int64)
        out[key] = _History(number, stamps, np.array([places[stamp] for stamp in stamps.tolist()]))
    return out


def _prediction(scans: Sequence[Scan], where: dict[tuple[int, int], _History], seconds: float) -> Prediction:
    rows = [row for scan in scans for row in _compared(scan, where, seconds)]
    error = np.array([row[0] for row in rows], dtype=np.float64).reshape(-1, 2)
    covariance = np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 2, 2)
    judged = consistency(error, covariance, np.array([row[2] for row in rows], dtype=np.int64))
    moving = np.array([row[3] for row in rows], dtype=np.float64) >= MOVING_SPEED
    distance = np.hypot(error[:, 0], error[:, 1])
    p95 = float(np.percentile(distance, 95)) if len(distance) else float("nan")
    return Prediction(seconds, len(distance), _rms(distance), _rms(distance[moving]), p95, judged)


def _compared(
    scan: Scan, where: dict[tuple[int, int], _History], seconds: float
) -> Iterator[tuple[Floats, Floats, int, float]]:
    """Yield error (2,), covariance (2, 2), number of the object and its speed now, of each path of one scan."""
    truth, result = scan.frame.truth, scan.frame.result
    step = _step(result, seconds)
    if step is None:
        return
    for t, r in zip(*scan.pairs(), strict=True):
        history = where[scan.sequence, int(truth.ids[t])]
        place = history.at(scan.frame.stamp_ns + round(seconds * 1e9))
        if place is not None:
            error = result.predicted_path[r, step, :2] - place
            yield error, _covariance(result, int(r), step), history.number, float(np.hypot(*truth.velocity[t, :2]))


def _step(result: Obstacles, seconds: float) -> int | None:
    """Return the index of the predicted pose at the horizon, None where there is none."""
    if result.prediction_step_ns <= 0:
        return None
    poses, rest = divmod(round(seconds * 1e9), result.prediction_step_ns)
    return poses - 1 if rest == 0 and 0 < poses <= result.predicted_path.shape[1] else None


def _covariance(result: Obstacles, row: int, step: int) -> Floats:
    """Return the covariance (2, 2) of x and y; zeros, which are no covariance, where it was not given."""
    given = result.predicted_covariance
    return given[row, step, :2, :2] if step < given.shape[1] else np.zeros((2, 2))


def _rms(distance: Floats) -> float:
    return float(np.sqrt((distance**2).mean())) if len(distance) else float("nan")
