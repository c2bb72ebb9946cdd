"""Predicted paths against circles and against ten thousand drawn futures."""

import numpy as np
import pytest
from numpy.typing import NDArray

from perception_core.tracking import imm
from perception_core.tracking.config import MotionConfig
from perception_core.tracking.kalman import RATE, YAW, N
from perception_core.tracking.prediction import predicted_paths

Floats = NDArray[np.float64]
CONFIG = MotionConfig()
NOTHING_HIDDEN = np.zeros((1, 2))
WHEELS = np.full(1, 0.9)


def models(state: Floats, covariance: Floats, probability: list[float]) -> imm.Models:
    return np.tile(state, (1, 3, 1)), np.tile(covariance, (1, 3, 1, 1)), np.array([probability])


def driving(speed: float = 8.0, rate: float = 0.3) -> tuple[Floats, Floats]:
    state = np.array([1.0, -2.0, 0.0, speed, 0.0, 0.0, 0.0, rate])
    covariance = np.diag([0.05, 0.05, 0.05, 0.1, 0.1, 0.1, 0.03, 0.05]) ** 2
    covariance[YAW, RATE] = covariance[RATE, YAW] = 0.0005
    return state, covariance


def futures(state: Floats, covariance: Floats, density: Floats, turning: bool, seconds: float, count: int) -> Floats:
    """Draw poses (count, 3) after so many seconds: Euler's steps of 5 ms of the noisy motion itself."""
    rng = np.random.default_rng(4)
    drawn = rng.multivariate_normal(state, covariance, count)
    dt = 0.005
    for _ in range(round(seconds / dt)):
        course = np.arctan2(drawn[:, 4], drawn[:, 3])
        push = rng.normal(size=(count, 4)) * np.sqrt(density * dt)
        along = np.column_stack([np.cos(course), np.sin(course)]) if turning else np.tile([1.0, 0.0], (count, 1))
        across = np.column_stack([-along[:, 1], along[:, 0]])
        drawn[:, :3] += drawn[:, 3:6] * dt
        drawn[:, YAW] += drawn[:, RATE] * dt
        if turning:
            c, s = np.cos(drawn[:, RATE] * dt), np.sin(drawn[:, RATE] * dt)
            drawn[:, 3], drawn[:, 4] = c * drawn[:, 3] - s * drawn[:, 4], s * drawn[:, 3] + c * drawn[:, 4]
        drawn[:, 3:5] += along * push[:, :1] + across * push[:, 1:2]
        drawn[:, 5] += push[:, 2]
        drawn[:, RATE] += push[:, 3]
    return np.asarray(drawn[:, [0, 1, YAW]])


def test_what_turns_follows_its_circle() -> None:
    """8 m/s at 0.3 rad/s is a circle of 26.7 m: after 3 s 20.9 m ahead and 10.1 m aside, straight on it would be 24."""
    path, _ = predicted_paths(models(*driving(), [0.0, 0.0, 1.0]), WHEELS, NOTHING_HIDDEN, 6, 0.5, CONFIG)
    after = 0.5 * np.arange(1, 7)
    circle = 8.0 / 0.3 * np.column_stack([np.sin(0.3 * after), 1.0 - np.cos(0.3 * after)])
    np.testing.assert_allclose(path[0, :, :2], circle + np.array([1.0, -2.0]), atol=1e-9)
    np.testing.assert_allclose(path[0, :, 2], 0.3 * after)


def test_what_stands_stays_and_grows_little() -> None:
    state, covariance = driving()
    state[3] = state[RATE] = 0.0
    path, spread = predicted_paths(models(state, covariance, [1.0, 0.0, 0.0]), WHEELS, NOTHING_HIDDEN, 6, 0.5, CONFIG)
    np.testing.assert_allclose(path[0], np.tile([1.0, -2.0, 0.0], (6, 1)))
    np.testing.assert_allclose(spread[0, -1, 0, 0], 0.05**2 + 3.0 * CONFIG.still_density)


@pytest.mark.parametrize("turning", [False, True])
def test_the_covariance_is_that_of_drawn_futures(turning: bool) -> None:
    """In every direction, after 1 and 3 s, as is the mean; of a sharper turn's banana a normal only tells the size."""
    config = MotionConfig(steering_density=0.002)
    state, covariance = driving()
    covariance[RATE, RATE] = 0.03**2
    straight, turns = imm.densities(WHEELS, config)
    probability = [0.0, 0.0, 1.0] if turning else [0.0, 1.0, 0.0]
    path, spread = predicted_paths(models(state, covariance, probability), WHEELS, NOTHING_HIDDEN, 6, 0.5, config)
    for step, seconds in ((1, 1.0), (5, 3.0)):
        drawn = futures(state, covariance, turns if turning else straight[0], turning, seconds, 10000)
        assert np.linalg.norm(drawn.mean(axis=0)[:2] - path[0, step, :2]) < 0.12 * seconds
        ratio = np.linalg.eigvals(np.linalg.solve(spread[0, step], np.cov(drawn.T))).real
        assert ratio.min() > 0.75
        assert ratio.max() < 1.3


def test_with_the_defaults_the_ellipse_has_the_size_of_the_banana() -> None:
    state, covariance = driving()
    path, spread = predicted_paths(models(state, covariance, [0.0, 0.0, 1.0]), WHEELS, NOTHING_HIDDEN, 6, 0.5, CONFIG)
    drawn = futures(state, covariance, imm.densities(WHEELS, CONFIG)[1], True, 3.0, 10000)
    assert np.linalg.norm(drawn.mean(axis=0)[:2] - path[0, 5, :2]) < 2.0
    trace = np.trace(np.cov(drawn[:, :2].T)) / np.trace(spread[0, 5, :2, :2])
    assert 0.7 < trace < 1.3


def test_a_mixture_of_standing_and_driving_by_hand() -> None:
    """A quarter stands at 0, the rest drives to 8 m within 1 s: mean 6 m, 0.25 * 36 + 0.75 * 4 = 12 m^2 more."""
    state, covariance = driving(rate=0.0)
    state[:2] = 0.0
    states, covariances, _ = models(state, covariance, [0.0, 1.0, 0.0])
    states[0, imm.STILL, 3] = 0.0
    alone = predicted_paths((states, covariances, np.array([[0.0, 1.0, 0.0]])), WHEELS, NOTHING_HIDDEN, 1, 1.0, CONFIG)[
        1
    ]
    still = predicted_paths((states, covariances, np.array([[1.0, 0.0, 0.0]])), WHEELS, NOTHING_HIDDEN, 1, 1.0, CONFIG)[
        1
    ]
    path, spread = predicted_paths(
        (states, covariances, np.array([[0.25, 0.75, 0.0]])), WHEELS, NOTHING_HIDDEN, 1, 1.0, CONFIG
    )
    np.testing.assert_allclose(path[0, 0], [6.0, 0.0, 0.0])
    expected = 0.25 * still[0, 0] + 0.75 * alone[0, 0] + np.diag([12.0, 0.0, 0.0])
    np.testing.assert_allclose(spread[0, 0], expected, atol=1e-12)


def test_the_hidden_part_turns_with_the_body() -> None:
    state, covariance = driving(rate=np.pi / 2)
    one = models(state, covariance, [0.0, 0.0, 1.0])
    bare = predicted_paths(one, WHEELS, NOTHING_HIDDEN, 2, 0.5, CONFIG)[1]
    hidden = predicted_paths(one, WHEELS, np.array([[1.0, 0.25]]), 2, 0.5, CONFIG)[1]
    np.testing.assert_allclose(hidden[0, 1] - bare[0, 1], np.diag([0.25, 1.0, 0.0]), atol=1e-9)  # after a quarter turn


def test_no_tracks_and_no_steps() -> None:
    none = np.empty((0, 3, N)), np.empty((0, 3, N, N)), np.empty((0, 3))
    assert predicted_paths(none, np.empty(0), np.empty((0, 2)), 6, 0.5, CONFIG)[1].shape == (0, 6, 3, 3)
    path, _ = predicted_paths(models(*driving(), [0.2, 0.4, 0.4]), WHEELS, NOTHING_HIDDEN, 0, 0.5, CONFIG)
    assert path.shape == (1, 0, 3)
