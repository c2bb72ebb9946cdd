"""Log odds by hand and shadows."""

import dataclasses

import numpy as np

from perception_core.tracking import existence
from perception_core.tracking.config import LifeConfig, MeasurementConfig
from perception_core.tracking.measurements import from_objects

CONFIG = LifeConfig(clutter_probability=0.2, clutter_density=0.1, survival_time=10.0)


def test_a_birth_by_hand() -> None:
    """Odds multiply: one in two that nothing explains is an object, evidence 0.9: 9 to 1; of one in five, 9 to 4."""
    np.testing.assert_allclose(existence.probability(existence.born(np.array([0.9]), CONFIG)), [0.9])
    rare = dataclasses.replace(CONFIG, birth_existence=0.2)
    np.testing.assert_allclose(
        existence.probability(existence.born(np.array([0.9, 0.0]), rare)), [9 / 13, 0], atol=1e-3
    )


def test_a_good_hit_by_hand() -> None:
    # sharp: the ratio is capped at P_D / P_FA = 0.8 / 0.2 = 4
    odds = existence.seen(np.zeros(1), np.ones(1), np.array([100.0]), 1.0, 0.8, CONFIG)
    np.testing.assert_allclose(existence.probability(odds), [0.8])


def test_a_vague_hit_proves_nothing() -> None:
    # density 0.1 / 0.8 where clutter has 0.1: ratio 1
    odds = existence.seen(np.zeros(1), np.ones(1), np.array([0.125]), 1.0, 0.8, CONFIG)
    np.testing.assert_allclose(odds, [0.0], atol=1e-12)


def test_a_miss_by_hand() -> None:
    # (1 - 0.8) / (1 - 0.2) = 1/4; half a look: 1/2
    np.testing.assert_allclose(existence.missed(np.zeros(1), np.array([0.8]), 1.0, CONFIG), np.log([0.25]))
    np.testing.assert_allclose(existence.missed(np.zeros(1), np.array([0.8]), 0.5, CONFIG), np.log([0.5]))


def test_missing_a_hidden_object_is_no_evidence() -> None:
    np.testing.assert_array_equal(existence.missed(np.ones(1), np.array([0.1]), 1.0, CONFIG), [1.0])


def test_survival_by_hand() -> None:
    odds = existence.survive(existence.log_odds(np.array([0.8])), 10.0, CONFIG)
    np.testing.assert_allclose(existence.probability(odds), [0.8 * np.exp(-1.0)])


def test_belief_is_bounded() -> None:
    odds = np.zeros(1)
    for _ in range(100):
        odds = existence.seen(odds, np.ones(1), np.array([100.0]), 1.0, 0.9, CONFIG)
    assert odds[0] == existence.MAX_LOG_ODDS


def test_a_van_hides_what_stands_behind_it(objects) -> None:
    van, _ = from_objects(objects(0.0, [{"x": 10.0, "y": 0.0}]), np.eye(4), MeasurementConfig())
    centre = np.array([[14.0, 0.0, 0.9], [14.0, 6.0, 0.9], [5.0, 0.0, 0.9], [-14.0, 0.0, 0.9]])
    hidden = existence.hidden(centre, np.full((4, 3), 0.6), np.zeros(4), van, np.zeros(2))
    np.testing.assert_array_equal(hidden, [True, False, False, False])


def test_nobody_hides_nobody(objects) -> None:
    nothing, _ = from_objects(objects(0.0, []), np.eye(4), MeasurementConfig())
    assert existence.hidden(np.empty((0, 3)), np.empty((0, 3)), np.empty(0), nothing, np.zeros(2)).shape == (0,)
    assert not existence.hidden(np.ones((1, 3)), np.ones((1, 3)), np.zeros(1), nothing, np.zeros(2)).any()
