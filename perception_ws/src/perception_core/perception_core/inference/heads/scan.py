"""The common part of all heads: which rows of an output pass the threshold, and with which class.

One pass over the numbers, compiled, because a network returns hundreds of thousands of them and few pass. Of more than
:data:`MOST_CANDIDATES` that do the best go on: suppression takes the best first, and leaves a tenth of that. What is
left is decoded with NumPy by the family's own formula.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.candidates import Candidates

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

MOST_CANDIDATES = 1000

SCORE_TOLERANCE = 1e-3
"""Scores may leave 0..1 by this much (half precision); more means that the export lacks the sigmoid."""

_NO_OBJECTNESS = -1
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_PROBABILITIES = (np.float32(-SCORE_TOLERANCE), np.float32(1.0 + SCORE_TOLERANCE))
_LOGITS = (np.float32(-np.inf), np.float32(np.inf))


@dataclass(frozen=True, slots=True)
class Passed:
    """The K rows that pass.

    Attributes:
        rows: int64 (K,) in the order of the output.
        scores: float32 (K,) as the network gives them: probabilities or logits.
        class_ids: int32 (K,) by the caller's table.
        worst: of the scores that were looked at and cannot be any, the one farthest from 0..1, NaN if any is NaN;
            something in 0..1 if all are good.
    """

    rows: I64
    scores: F32
    class_ids: I32
    worst: float


def scan_rows(
    raw: F32,
    first_class: int,
    threshold: float,
    class_table: I32,
    objectness: int = _NO_OBJECTNESS,
    logits: bool = False,
) -> Passed:
    """Scan an output float32 (N, columns) with one row an anchor; the best that pass.

    Args:
        raw: the output of one image.
        first_class: column of the first class; as many follow as ``class_table`` has entries.
        threshold: a row passes whose best class (times objectness) is at least this.
        class_table: int32 (C,) id of each class, -1 for one that is dropped along with its row.
        objectness: its column, -1 where there is none.
        logits: the scores are any numbers, and so is the threshold.
    """
    low, high = _LOGITS if logits else _PROBABILITIES
    found = _scan_rows(raw, first_class, np.float32(threshold), class_table, objectness, low, high, False)
    return _strongest(Passed(*found))


def scan_columns(
    raw: F32,
    first_class: int,
    threshold: float,
    class_table: I32,
    objectness: int = _NO_OBJECTNESS,
    every: bool = False,
) -> Passed:
    """Scan an output float32 (rows, N) with one column an anchor; as :func:`scan_rows` with both turned round.

    With ``every`` all that pass are returned, for scores that something is still to be done to.
    """
    passed = Passed(*_scan_columns(raw, first_class, np.float32(threshold), class_table, objectness, *_PROBABILITIES))
    return passed if every else _strongest(passed)


def scan_logits(raw: F32, first_class: int, threshold: float, class_table: I32, objectness: int) -> Passed:
    """Scan rows of logits as :func:`scan_rows` does; a score is sigmoid(objectness) * sigmoid(best class)."""
    found = _scan_rows(raw, first_class, np.float32(threshold), class_table, objectness, *_LOGITS, True)
    return _strongest(Passed(*found))


def strongest(scores: F32) -> I64:
    """Return the places int64 (K,) of the best :data:`MOST_CANDIDATES` scores, rising; of equals the first."""
    if len(scores) <= MOST_CANDIDATES:
        return np.arange(len(scores))
    last = -np.partition(-scores, MOST_CANDIDATES - 1)[MOST_CANDIDATES - 1]
    above = scores > last
    above[np.flatnonzero(scores == last)[: MOST_CANDIDATES - np.count_nonzero(above)]] = True
    return np.flatnonzero(above)


def _strongest(passed: Passed) -> Passed:
    if len(passed.rows) <= MOST_CANDIDATES:
        return passed
    kept = strongest(passed.scores)
    return Passed(passed.rows[kept], passed.scores[kept], passed.class_ids[kept], passed.worst)


def checked_scores(model: str, output: str, passed: Passed) -> F32:
    """Return the scores clipped to 0..1.

    Raises:
        ModelError: scores that are no probabilities.
    """
    _check_probability(model, output, passed.worst)
    return np.minimum(np.maximum(passed.scores, _ZERO), _ONE)  # a third of the time of np.clip


def checked_probabilities(model: str, output: str, values: F32) -> F32:
    """Return all of ``values`` (N,) clipped to 0..1.

    Raises:
        ModelError: values that are no probabilities.
    """
    if len(values):
        _check_probability(model, output, float(values[np.argmax(np.abs(values - 0.5))]))
    return np.clip(values, 0.0, 1.0)


def _check_probability(model: str, output: str, worst: float) -> None:
    if not -SCORE_TOLERANCE <= worst <= 1 + SCORE_TOLERANCE:
        raise ModelError(f"{model}: a score of {worst:g} is not in 0..1 (output {output})")


def scores_of_logits(model: str, output: str, passed: Passed) -> F32:
    """Return the probabilities of scores that are logits.

    Raises:
        ModelError: scores that are no numbers.
    """
    if np.isnan(passed.worst):
        raise ModelError(f"{model}: a score of nan is not a number (output {output})")
    return sigmoid(passed.scores)


def logit(probability: float) -> float:
    """Return the logit of a threshold; minus or plus infinity at 0 and 1."""
    with np.errstate(divide="ignore"):
        return float(np.log(probability) - np.log1p(-probability))


def sigmoid(values: F32) -> F32:
    """Return 1 / (1 + exp(-values)) without overflow warnings; NaN stays NaN."""
    with np.errstate(over="ignore"):
        return (1.0 / (1.0 + np.exp(-values.astype(np.float64)))).astype(np.float32)


def from_centres(x: F32, y: F32, width: F32, height: F32) -> F32:
    """Return float32 (K, 4) corners of boxes given by centre and size."""
    corners = np.empty((len(x), 4), np.float32)
    half_width, half_height = np.float32(0.5) * width, np.float32(0.5) * height
    np.subtract(x, half_width, out=corners[:, 0])
    np.subtract(y, half_height, out=corners[:, 1])
    np.add(x, half_width, out=corners[:, 2])
    np.add(y, half_height, out=corners[:, 3])
    return corners


def finite_candidates(boxes: F32, scores: F32, class_ids: I32, rows: I64) -> Candidates:
    """Return the candidates whose boxes are finite."""
    if _are_finite(boxes):
        return Candidates(boxes, scores, class_ids, rows)
    finite = np.isfinite(boxes).all(axis=1)
    return Candidates(boxes[finite], scores[finite], class_ids[finite], rows[finite])


def warm_up() -> None:
    """Compile, or load from the cache, so that no image has to wait."""
    raw = np.zeros((6, 6), np.float32)
    for objectness in (_NO_OBJECTNESS, 4):
        scan_rows(raw, 5, 0.5, np.zeros(1, np.int32), objectness)
        scan_columns(raw, 5, 0.5, np.zeros(1, np.int32), objectness)
    scan_logits(raw, 5, 0.5, np.zeros(1, np.int32), 4)
    _are_finite(raw)


@njit(cache=True)
def _are_finite(boxes: F32) -> bool:  # pragma: no cover - compiled
    for k in range(len(boxes)):
        for i in range(boxes.shape[1]):
            if not np.isfinite(boxes[k, i]):
                return False
    return True


@njit(cache=True)
def _farther(worst: float, score: float) -> float:  # pragma: no cover - compiled
    if np.isnan(worst) or abs(score - 0.5) <= abs(worst - 0.5):
        return worst
    return float(score)


@njit(cache=True)
def _worst_of(worst: float, values: F32) -> float:  # pragma: no cover - compiled
    for value in values:
        worst = _farther(worst, value)
    return worst


# The loops below go by index and count with integers, and maxima are kept in several lanes: so they become SIMD code.


@njit(cache=True)
def _outside(values: F32, low: np.float32, high: np.float32) -> int:  # pragma: no cover - compiled
    """Return how many values are not in low..high; NaN is not."""
    inside = 0
    for i in range(len(values)):
        inside += (values[i] >= low) & (values[i] <= high)
    return len(values) - inside


@njit(cache=True)
def _reaches(values: F32, threshold: np.float32) -> bool:  # pragma: no cover - compiled
    count = 0
    for i in range(len(values)):
        count += values[i] >= threshold
    return count > 0


@njit(cache=True)
def _largest(values: F32) -> np.float32:  # pragma: no cover - compiled
    """Return the largest value."""
    a = b = c = d = values[0]
    whole = len(values) // 4 * 4
    for i in range(0, whole, 4):
        a = max(values[i], a)
        b = max(values[i + 1], b)
        c = max(values[i + 2], c)
        d = max(values[i + 3], d)
    for i in range(whole, len(values)):
        a = max(values[i], a)
    return max(a, b, c, d)


@njit(cache=True)
def _probability(logit: np.float32) -> np.float32:  # pragma: no cover - compiled
    return np.float32(1.0 / (1.0 + np.exp(-np.float64(logit))))


@njit(cache=True)
def _scan_rows(
    raw: F32,
    first_class: int,
    threshold: np.float32,
    class_table: I32,
    objectness: int,
    low: np.float32,
    high: np.float32,
    logistic: bool,
) -> tuple[I64, F32, I32, float]:  # pragma: no cover - compiled
    anchors, classes = len(raw), len(class_table)
    rows = np.empty(anchors, np.int64)
    scores = np.empty(anchors, np.float32)
    class_ids = np.empty(anchors, np.int32)
    count = 0
    worst = 0.5
    for a in range(anchors):
        factor = np.float32(1.0)
        if objectness >= 0:
            factor = _probability(raw[a, objectness]) if logistic else raw[a, objectness]
            worst = _farther(worst, factor)
            if not factor >= threshold:
                continue
        named = raw[a, first_class : first_class + classes]
        if _outside(named, low, high):
            worst = _worst_of(worst, named)
            continue
        if not logistic and not _reaches(named, threshold):  # no factor is above 1
            continue
        largest = _largest(named)
        score = factor * (_probability(largest) if logistic else largest)
        if not score >= threshold:
            continue
        best = 0
        while named[best] != largest:
            best += 1
        if class_table[best] < 0:
            continue
        rows[count] = a
        scores[count] = score
        class_ids[count] = class_table[best]
        count += 1
    return rows[:count], scores[:count], class_ids[:count], worst


@njit(cache=True)
def _scan_columns(
    raw: F32,
    first_class: int,
    threshold: np.float32,
    class_table: I32,
    objectness: int,
    low: np.float32,
    high: np.float32,
) -> tuple[I64, F32, I32, float]:  # pragma: no cover - compiled
    anchors, classes = raw.shape[1], len(class_table)
    rows = np.empty(anchors, np.int64)
    scores = np.empty(anchors, np.float32)
    class_ids = np.empty(anchors, np.int32)
    worst = 0.5
    best = raw[first_class].copy()
    for c in range(classes):  # along the rows of the output, so that the compiler can use SIMD
        row = raw[first_class + c]
        if _outside(row, low, high):
            worst = _worst_of(worst, row)
        for a in range(anchors):
            best[a] = max(row[a], best[a])
    count = 0
    for a in range(anchors):
        factor = np.float32(1.0)
        if objectness >= 0:
            factor = raw[objectness, a]
            worst = _farther(worst, factor)
        score = factor * best[a]
        if not score >= threshold:
            continue
        named = 0
        while named < classes - 1 and raw[first_class + named, a] != best[a]:
            named += 1
        if class_table[named] < 0:
            continue
        rows[count] = a
        scores[count] = score
        class_ids[count] = class_table[named]
        count += 1
    return rows[:count], scores[:count], class_ids[:count], worst
