"""What a detector's label says about the true class: P(label | class).

The default table is an assumption, not a measurement of one network: analyses of detectors find that most wrong labels
go to similar classes (Hoiem, Chodpathumwan, Dai, "Diagnosing error in object detectors", ECCV 2012; Bolya et al.,
"TIDE", ECCV 2020, of detectors trained on COCO), about one in seven among vehicles, and few to anything else. Who has
measured a detector of their own overrides entries, see :attr:`ClassConfig.confusion`.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ConfigError
from perception_core.types.class_prior import class_prior
from perception_core.types.classes import (
    ANIMAL,
    BICYCLE,
    BUS,
    CAR,
    CLASSES,
    CYCLIST,
    INDEX,
    MOTORCYCLE,
    PERSON,
    TRAIN,
    TRUCK,
    UNKNOWN,
)

Floats = NDArray[np.float64]

_STRAY = 0.02
"""Probability that the label of a true detection is any class that has nothing to do with its object's ..."""

_TAKEN_FOR: dict[str, dict[str, float]] = {
    CAR: {TRUCK: 0.09, BUS: 0.02},
    TRUCK: {CAR: 0.16, BUS: 0.06, TRAIN: 0.01},
    BUS: {TRUCK: 0.10, CAR: 0.03, TRAIN: 0.03},
    TRAIN: {BUS: 0.10, TRUCK: 0.05},
    MOTORCYCLE: {CYCLIST: 0.08, BICYCLE: 0.06, PERSON: 0.02},
    BICYCLE: {CYCLIST: 0.08, MOTORCYCLE: 0.06},
    CYCLIST: {PERSON: 0.08, MOTORCYCLE: 0.05, BICYCLE: 0.04},
    PERSON: {CYCLIST: 0.04, ANIMAL: 0.01},
    ANIMAL: {PERSON: 0.08},
}
"""... and that it is one of those that it is taken for; else it is right."""

_UNNAMED = 0.8
"""Share of the labels ``unknown`` among detections of things without a class, by a detector that has such a label."""

_NAMELESS = 0.05
"""Share of things without a class among what true detections show: detectors look for named ones."""

_FLOOR = 1e-3
"""No single label rules a class out."""


def default_table() -> Floats:
    """Return K float64 (C, C): row the true class, column the label; rows sum to 1."""
    table = np.full((len(CLASSES), len(CLASSES)), _STRAY / (len(CLASSES) - 1))
    for name, others in _TAKEN_FOR.items():
        for other, share in others.items():
            table[INDEX[name], INDEX[other]] += share
    table[INDEX[UNKNOWN]] = (1.0 - _UNNAMED) / (len(CLASSES) - 1)
    np.fill_diagonal(table, 0.0)
    np.fill_diagonal(table, 1.0 - table.sum(axis=1))
    return table


@functools.cache
def table(entries: tuple[str, ...], camera: str) -> Floats:
    """Return the table (C, C) of a camera's detector: the default one with ``entries`` written over it.

    Args:
        entries: words ``TRUE LABEL PROBABILITY``, or ``CAMERA: TRUE LABEL PROBABILITY`` for one camera alone. What a
            row has left over goes to its diagonal.
        camera: name of the camera.

    Raises:
        ConfigError: an entry that does not read so, an unknown class, or a row that exceeds 1.
    """
    out = default_table()
    for entry in entries:
        owner, true, label, share = parse_entry(entry)
        if owner in ("", camera):
            out[INDEX[true], INDEX[label]] = share
    for name, row in zip(CLASSES, out, strict=True):
        others = row.sum() - row[INDEX[name]]
        if others > 1.0:
            raise ConfigError(f"classes.confusion: the labels of {name} sum to {others:.3f}, expected at most 1")
        row[INDEX[name]] = 1.0 - others
    out.flags.writeable = False
    return out


def parse_entry(entry: str) -> tuple[str, str, str, float]:
    """Read one entry of ``classes.confusion``: camera ('' for all), true class, label, probability.

    Raises:
        ConfigError: it reads otherwise.
    """
    owner, colon, rest = entry.rpartition(":")
    words = rest.split()
    if len(words) != 3 or words[0] not in INDEX or words[1] not in INDEX or (colon and not owner.strip()):
        raise ConfigError(
            f"classes.confusion: {entry!r}, expected '[CAMERA:] TRUE LABEL PROBABILITY' of {', '.join(CLASSES)}"
        )
    try:
        share = float(words[2])
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0 or words[0] == words[1]:
        raise ConfigError(f"classes.confusion: {entry!r}, expected two classes and a probability in [0, 1]")
    return owner.strip(), words[0], words[1], share


def label_likelihood(labels: NDArray[np.int32], reliability: Floats, confusion: Floats) -> Floats:
    """Return float64 (D, C): P(label | class) / P(label) of D detections.

    With probability r a detection shows this object: then its class is distributed as the table and the classes of what
    is detected at all say. Else it tells nothing, and the class is as probable as before (discounting, Shafer 1976).
    What this makes of the prior, divided by the prior, is the likelihood.

    Args:
        labels: int32 (D,) columns of ``CLASSES``.
        reliability: float64 (D,) r in [0, 1].
        confusion: float64 (C, C) of :func:`table`.
    """
    prior = class_prior()
    detected = prior.copy()
    detected[INDEX[UNKNOWN]] = _NAMELESS
    shown = confusion[:, labels].T * detected
    shown /= np.maximum(shown.sum(axis=1, keepdims=True), 1e-12)
    r = reliability[:, None]
    out: Floats = r * shown / prior + (1.0 - r)
    return np.maximum(out, _FLOOR)
