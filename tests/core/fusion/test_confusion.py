"""What labels say of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import ConfigError
from perception_core.fusion import Fusion, FusionConfig, confusion
from perception_core.fusion.config import ClassConfig
from perception_core.types.class_prior import class_prior
from perception_core.types.classes import BUS, CAR, CLASSES, INDEX, PERSON, TRUCK, UNKNOWN


def test_every_class_is_mostly_called_what_it_is() -> None:
    table = confusion.default_table()
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    assert (table.argmax(axis=1) == np.arange(len(CLASSES))).all()
    assert table[INDEX[TRUCK], INDEX[CAR]] > 10 * table[INDEX[PERSON], INDEX[CAR]]


def test_measured_errors_replace_assumed_ones_for_one_camera_or_all() -> None:
    entries = ("truck car 0.4", "rear: bus truck 0.5")
    front, rear = confusion.table(entries, "front"), confusion.table(entries, "rear")
    assert front[INDEX[TRUCK], INDEX[CAR]] == rear[INDEX[TRUCK], INDEX[CAR]] == 0.4
    assert (front[INDEX[BUS], INDEX[TRUCK]], rear[INDEX[BUS], INDEX[TRUCK]]) == (
        confusion.default_table()[INDEX[BUS], INDEX[TRUCK]],
        0.5,
    )
    np.testing.assert_allclose(rear.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("truck car", "expected '"),
        ("lorry car 0.1", "lorry"),
        ("truck car much", "a probability"),
        ("truck car 1.5", "a probability"),
        ("car car 0.5", "two classes"),
        (": truck car 0.1", "expected '"),
    ],
)
def test_an_entry_that_says_nothing_is_named(entry: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Fusion(FusionConfig(classes=ClassConfig(confusion=(entry,))))


def test_a_row_of_more_than_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the labels of car sum to 1\.\d+"):
        confusion.table(("car truck 0.9", "car bus 0.5"), "")


@given(st.lists(st.tuples(st.integers(0, len(CLASSES) - 1), st.floats(0.0, 1.0)), min_size=1, max_size=5))
def test_a_label_moves_probability_and_makes_none(labelled: list[tuple[int, float]]) -> None:
    """P(class) P(label | class) / P(label) sums to 1: what the label makes of the prior is a distribution."""
    labels, reliable = np.array([c for c, _ in labelled]), np.array([r for _, r in labelled])
    likelihood = confusion.label_likelihood(labels, reliable, confusion.default_table())
    np.testing.assert_allclose(likelihood @ class_prior(), 1.0, atol=0.01)
    assert (likelihood > 0).all()


def test_a_detection_that_is_never_true_says_nothing_and_one_that_always_is_names_its_kind() -> None:
    ids = np.array([INDEX[CAR], INDEX[CAR]])
    never, always = confusion.label_likelihood(ids, np.array([0.0, 1.0]), confusion.default_table())
    np.testing.assert_allclose(never, 1.0)
    belief = always * class_prior()
    assert belief[INDEX[CAR]] > 0.9
    assert belief[INDEX[TRUCK]] > belief[INDEX[PERSON]]
    assert belief[INDEX[UNKNOWN]] < 0.02
