"""Standing still against moving."""

import numpy as np

from perception_core.tracking import imm
from perception_core.tracking.config import MotionConfig

CONFIG = MotionConfig()
NOISE = np.eye(3)[None] * 0.01


def follow(positions: np.ndarray, over_ground: bool = True, dt: float = 0.1) -> tuple[np.ndarray, ...]:
    """Model states, covariances and probabilities after a track of positions (N, 3)."""
    models = imm.begin(NOISE, positions[:1], over_ground, CONFIG)
    for position in positions[1:]:
        models = imm.predict(*models, np.zeros(1), dt, over_ground, CONFIG)
        models = imm.update(*models, position[None], NOISE, over_ground)
    return models


def test_mixture_by_hand() -> None:
    # 0.25 at x = 0 with variance 1, 0.75 at x = 4 with variance 2: mean 3, variance 0.25 (1 + 9) + 0.75 (2 + 1)
    states, covariances = np.zeros((1, 2, 6)), np.tile(np.eye(6), (1, 2, 1, 1))
    states[0, 1, 0], covariances[0, 1, 0, 0] = 4.0, 2.0
    mean, covariance = imm.combine(states, covariances, np.array([[0.25, 0.75]]))
    assert mean[0, 0] == 3.0
    np.testing.assert_allclose(covariance[0, 0, 0], 4.75)


def test_what_stays_in_place_stands_still() -> None:
    models = follow(np.zeros((6, 3)))
    assert models[2][0, imm.STILL] > 0.95
    mean, covariance = imm.combine(*models)
    assert np.linalg.norm(mean[0, 3:]) < 1e-6
    assert np.sqrt(covariance[0, 3, 3]) < 0.3


def test_what_moves_gets_its_velocity() -> None:
    track = np.outer(np.arange(11) * 0.1, [1.4, 0.0, 0.0])
    models = follow(track)
    assert models[2][0, imm.MOVING] > 0.95
    np.testing.assert_allclose(imm.combine(*models)[0][0, 3], 1.4, atol=0.05)


def test_who_starts_walking_is_noticed() -> None:
    x = np.concatenate([np.zeros(20), np.arange(1, 9) * 0.14])
    models = follow(np.column_stack([x, np.zeros((len(x), 2))]))
    assert models[2][0, imm.MOVING] > 0.9


def test_without_odometry_nothing_stands_still() -> None:
    models = follow(np.zeros((6, 3)), over_ground=False)
    np.testing.assert_array_equal(models[2], [[0.0, 1.0]])


def test_no_tracks() -> None:
    models = imm.begin(np.empty((0, 3, 3)), np.empty((0, 3)), True, CONFIG)
    models = imm.predict(*models, np.empty(0), 0.1, True, CONFIG)
    models = imm.update(*models, np.empty((0, 3)), np.empty((0, 3, 3)), True)
    assert imm.combine(*models)[0].shape == (0, 6)


def test_a_long_gap_keeps_covariances_positive_definite() -> None:
    models = follow(np.zeros((3, 3)), dt=5.0)
    assert np.linalg.eigvalsh(models[1]).min() > 0.0
