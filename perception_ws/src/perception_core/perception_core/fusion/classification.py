"""Class probabilities of the objects of one scan by Bayes' rule: labels, pixels and shape are separate witnesses.

log P(class | all) = log prior + sum over cameras of log P(label | class) + log P(pixels | class) + log P(shape | class)

Labels speak through a confusion table and by their score (:mod:`.confusion`), pixels of a label image in the same way,
shape through the sizes of the classes (:mod:`.extents`). The extents of one box are no independent witnesses, nor are
the pixels of one object: their logarithms count in part.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion.config import ClassConfig
from perception_core.types import CLASSES, SEGMENTS, classes, segments
from perception_core.types.class_prior import UNNAMED_SHARE, class_prior
from perception_core.types.classes import INDEX, UNKNOWN

Floats = NDArray[np.float64]

_UNKNOWN = INDEX[UNKNOWN]

_PIXELS_COUNTED = 1.0
"""Independent looks that the pixels under an object's returns are worth, at full trust."""

_FEW = 6.0
"""Returns inside the image below which its pixels say less."""

_SHAPELESS = 10.0
"""Returns at which the shape has half of its weight."""

_CRUMB = 1e-3
"""Share below which a class is not told."""

_SHOWS: dict[str, dict[str, float]] = {
    segments.VEHICLE: {segments.VEHICLE: 0.75},
    segments.PERSON: {segments.PERSON: 0.7, segments.VEHICLE: 0.05},
    "ridden": {segments.PERSON: 0.45, segments.VEHICLE: 0.3},
    segments.OTHER: {segments.OTHER: 0.5, segments.PERSON: 0.1},
    UNKNOWN: {
        segments.STRUCTURE: 0.3,
        segments.VEGETATION: 0.3,
        segments.GROUND: 0.12,
        segments.OTHER: 0.1,
        segments.VEHICLE: 0.08,
        segments.PERSON: 0.04,
    },
}
"""Share of an object's returns on pixels of each class; the rest, its outline and errors, is spread over all others."""

_KIND_OF = {
    classes.PERSON: segments.PERSON,
    classes.CYCLIST: "ridden",
    classes.MOTORCYCLE: "ridden",
    classes.BICYCLE: "ridden",
    classes.ANIMAL: segments.OTHER,
    classes.UNKNOWN: UNKNOWN,
}


def reliability(scores: Floats, match: Floats | float, config: ClassConfig) -> Floats:
    """Return (D,): probability that a label belongs to the object that it was given to.

    Detection scores lie below the precision that they are met with: they are products of two probabilities (that there
    is something, and what), and of what is kept above a threshold most is true. The cube root of the score is nearer to
    it: 0.3 stands for two thirds, 0.5 for four fifths of the trust.

    Args:
        scores: (D,) of the detections, in [0, 1].
        match: (D,), or one for all: probability that the detection shows this object and no other.
        config: gives the trust in a score of 1.
    """
    out: Floats = config.camera_trust * np.cbrt(np.clip(scores, 0.0, 1.0)) * match
    return out


def pixel_log_likelihood(counts: NDArray[np.int64], trust: float) -> Floats:
    """Return (M, C): what the classes of the pixels under M objects say; columns as ``CLASSES``.

    Args:
        counts: int64 (M, S) returns on pixels of each class, over all cameras; those on ``unknown`` say nothing.
        trust: weight of label images, 0 to 1.
    """
    told = counts.copy()
    told[:, segments.SEGMENT_INDEX[segments.UNKNOWN]] = 0
    total = told.sum(axis=1, keepdims=True)
    weight = _PIXELS_COUNTED * trust * np.minimum(total / _FEW, 1.0)
    out: Floats = weight * (told / np.maximum(total, 1)) @ _LOG_SHOWN.T
    return out


def pixels_against(pixels: Floats) -> Floats:
    """Return what speaks against a class in log likelihoods (M, C) of pixels, and nothing for one.

    For things to which a camera that finds objects gave no box: a pole before a car lies on the car's pixels, too.
    """
    return np.minimum(pixels, pixels[:, [_UNKNOWN]])


def posterior(labels: Floats, pixels: Floats, shape: Floats, points: NDArray[np.int64], config: ClassConfig) -> Floats:
    """Return the class probabilities (M, C); rows sum to 1.

    Args:
        labels, pixels, shape: (M, C) log likelihoods, 0 throughout where a witness has nothing to say.
        points: (M,) returns that show the shape: that of a few is the luck of a few beams.
        config: how far the shape counts.
    """
    weight = config.shape_weight * points / (points + _SHAPELESS)
    log = np.log(class_prior()) + labels + pixels + weight[:, None] * shape
    p = np.exp(log - log.max(axis=1, keepdims=True))
    out: Floats = p / p.sum(axis=1, keepdims=True)
    return out


def reported(belief: Floats, by_shape: Floats, doubts: Floats, named: NDArray[np.bool_]) -> Floats:
    """Return the probabilities (M, C) to be told: what no camera names stays ``unknown``, however its shape.

    Shape alone gives all classes together ``UNNAMED_SHARE`` at most; pixels take from that what they doubt.

    Args:
        belief: (M, C) of all witnesses: that is told of what is named.
        by_shape: (M, C) without the pixels.
        doubts: (M, C) log likelihoods of the pixels; what speaks for a class does not count here.
        named: bool (M,) whether a camera names it.
    """
    known = 1.0 - by_shape[:, [_UNKNOWN]]
    out = by_shape * np.minimum(1.0, UNNAMED_SHARE / np.maximum(known, 1e-12))
    out[:, _UNKNOWN] = 0.0
    out[:, _UNKNOWN] = 1.0 - out.sum(axis=1)
    out *= np.exp(pixels_against(doubts) - doubts[:, [_UNKNOWN]])
    return without_crumbs(np.where(named[:, None], belief, out))


def without_crumbs(probabilities: Floats) -> Floats:
    """Return probabilities (M, C) whose least ones are 0: they would only lengthen messages; rows sum to 1."""
    kept = np.where(probabilities < _CRUMB * probabilities.sum(axis=1, keepdims=True), 0.0, probabilities)
    out: Floats = kept / kept.sum(axis=1, keepdims=True)
    return out


def _shown() -> Floats:
    """Return log P(class of a pixel | class of the object), (C, S)."""
    out = np.empty((len(CLASSES), len(SEGMENTS)))
    for row, name in zip(out, CLASSES, strict=True):
        shows = _SHOWS[_KIND_OF.get(name, segments.VEHICLE)]
        row[:] = (1.0 - sum(shows.values())) / (len(SEGMENTS) - len(shows))
        for segment, share in shows.items():
            row[segments.SEGMENT_INDEX[segment]] = share
    return np.log(out)


_LOG_SHOWN = _shown()
