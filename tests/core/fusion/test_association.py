"""One assignment over all cameras, worked out by hand."""

import numpy as np
import pytest

from perception_core.fusion import confusion
from perception_core.fusion.association import associate
from perception_core.fusion.pair_scores import PairScores
from perception_core.types.classes import CAR, INDEX, PERSON


def scores(*rows: tuple[float, ...]) -> PairScores:
    score = np.array(rows)
    return PairScores(score, np.minimum(score, 1.0), np.ones(score.shape), None)


def says(*names: str, r: float = 0.8) -> np.ndarray:
    ids = np.array([INDEX[name] for name in names])
    return confusion.label_likelihood(ids, np.full(len(ids), r), confusion.default_table())


def pairs_of(pairs: list[PairScores], likelihoods: list[np.ndarray]) -> list[list[tuple[int, int]]]:
    found = associate(pairs, likelihoods, 0.15)
    return [list(zip(f.cluster.tolist(), f.detection.tolist(), strict=True)) for f in found]


def test_the_product_of_the_scores_is_made_greatest() -> None:
    """0.9 x 0.2 loses against 0.6 x 0.7, though it holds the best pair."""
    assert pairs_of([scores((0.9, 0.7), (0.6, 0.2))], [says(CAR, CAR)]) == [[(0, 1), (1, 0)]]


def test_what_scores_too_little_stays_alone() -> None:
    assert pairs_of([scores((0.14, 0.0), (0.0, 0.5))], [says(CAR, CAR)]) == [[(1, 1)]]


def test_two_cameras_that_see_one_thing_both_name_it() -> None:
    """At the seam, each has a box of it: no competition between cameras."""
    one = scores((0.5,), (0.0,))
    assert pairs_of([one, one], [says(CAR), says(CAR)]) == [[(0, 0)], [(0, 0)]]


def test_what_another_camera_calls_it_decides_between_near_equals() -> None:
    """The second camera sees a person in cluster 1: of two boxes that fit both clusters, the person's goes there.

    Alone the first camera would give the person's box to cluster 0, by 0.40 x 0.40 against 0.38 x 0.38.
    """
    ambiguous, clear = scores((0.38, 0.40), (0.40, 0.38)), scores((0.0,), (0.9,))
    assert pairs_of([ambiguous], [says(CAR, PERSON)]) == [[(0, 1), (1, 0)]]
    assert pairs_of([ambiguous, clear], [says(CAR, PERSON), says(PERSON)])[0] == [(0, 0), (1, 1)]
    assert pairs_of([clear, ambiguous], [says(PERSON), says(CAR, PERSON)])[1] == [(0, 0), (1, 1)]


def test_a_rival_makes_a_match_less_certain() -> None:
    alone = associate([scores((0.6,))], [says(CAR)], 0.15)[0].certainty[0]
    rivalled = associate([scores((0.6,), (0.5,))], [says(CAR)], 0.15)[0].certainty[0]
    assert alone == pytest.approx(0.6 / 0.65)
    assert rivalled == pytest.approx(0.6 / 1.15)
