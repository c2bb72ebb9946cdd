"""Standing still against moving."""

import numpy as np
import pytest

from perception_core.tracking import imm
from perception_core.tracking.config import MotionConfig
from perception_core.tracking.kalman import RATE, YAW, N

CONFIG = MotionConfig()
NOISE = np.eye(3)[None] * 0.01


def follow(
    positions: np.ndarray, over_ground: bool = True, dt: float = 0.1, yaw: np.ndarray | None = None
) -> imm.Models:
    """Models after a track of positions (N, 3); with yaws (N,) of something on wheels."""
    yaws = np.zeros(len(positions)) if yaw is None else yaw
    one, wheeled = np.zeros(1), np.full(1, 0.0 if yaw is None else 0.9)
    models = imm.begin(NOISE, positions[:1], yaws[:1], np.full(1, 0.01), one, over_ground, CONFIG)
    for position, angle in zip(positions[1:], yaws[1:], strict=True):
        models = imm.predict(models, wheeled, dt, over_ground, CONFIG)
        if yaw is not None:
            imm.correct_yaw(models, angle - imm.mean_yaw(models), np.full(1, 0.03**2))
        imm.correct_position(models, position[None], NOISE, one, over_ground)
        imm.roll(models, np.full(1, dt), 0.0, CONFIG)
    return models


def test_mixture_by_hand() -> None:
    # 0.25 at x = 0 with variance 1, 0.75 at x = 4 with variance 2: mean 3, variance 0.25 (1 + 9) + 0.75 (2 + 1)
    states, covariances = np.zeros((1, 3, N)), np.tile(np.eye(N), (1, 3, 1, 1))
    states[0, 1, 0], covariances[0, 1, 0, 0] = 4.0, 2.0
    mean, covariance = imm.combine((states, covariances, np.array([[0.25, 0.75, 0.0]])))
    assert mean[0, 0] == 3.0
    np.testing.assert_allclose(covariance[0, 0, 0], 4.75)


def test_a_birth_by_hand() -> None:
    """Seen 0.1 s after the stamp, with 20 m/s of doubt: 0.01 + 0.1^2 20^2 of variance at the stamp, joint -0.1 20^2."""
    models = imm.begin(NOISE, np.ones((1, 3)), np.ones(1), np.full(1, 0.04), np.full(1, 0.1), True, CONFIG)
    np.testing.assert_array_equal(models[2], [[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(models[0][0, imm.STRAIGHT], [1, 1, 1, 0, 0, 0, 1, 0])
    assert models[1][0, imm.STRAIGHT, 0, 0] == pytest.approx(4.01)
    assert models[1][0, imm.STRAIGHT, 0, 3] == pytest.approx(-40.0)
    assert models[1][0, imm.STILL, YAW, YAW] == 0.04
    closing = imm.begin(NOISE, np.ones((1, 3)), np.ones(1), np.full(1, 0.04), np.full(1, 0.1), False, CONFIG)
    assert closing[1][0, imm.STRAIGHT, 3, 3] == 25.0**2  # without odometry the robot's own speed adds to it


def test_what_stays_in_place_stands_still() -> None:
    models = follow(np.zeros((6, 3)))
    assert models[2][0, imm.STILL] > 0.95
    mean, covariance = imm.combine(models)
    assert np.linalg.norm(mean[0, 3:6]) < 1e-6
    assert np.sqrt(covariance[0, 3, 3]) < 0.3


def test_what_stood_may_set_out_at_once() -> None:
    """STRAIGHT, fed from STILL alone, has the latter's velocity variance, that of setting out, and 0.1 s of noise."""
    models = follow(np.zeros((1, 3)))
    models[2][:] = [1.0, 0.0, 0.0]
    _, covariances, _ = imm.predict(models, np.zeros(1), 0.1, True, CONFIG)
    expected = CONFIG.still_speed_sigma**2 + CONFIG.starting_speed_sigma**2 + 0.1 * CONFIG.acceleration_density
    np.testing.assert_allclose(covariances[0, imm.STRAIGHT, 3, 3], expected)


def test_what_moves_gets_its_velocity() -> None:
    track = np.outer(np.arange(11) * 0.1, [1.4, 0.0, 0.0])
    models = follow(track)
    assert models[2][0, imm.STRAIGHT] > 0.95
    np.testing.assert_allclose(imm.combine(models)[0][0, 3], 1.4, atol=0.05)


def test_who_starts_walking_is_noticed() -> None:
    x = np.concatenate([np.zeros(20), np.arange(1, 9) * 0.14])
    models = follow(np.column_stack([x, np.zeros((len(x), 2))]))
    assert models[2][0, imm.STRAIGHT] > 0.9


def test_without_odometry_nothing_stands_still() -> None:
    models = follow(np.zeros((6, 3)), over_ground=False)
    np.testing.assert_array_equal(models[2], [[0.0, 1.0, 0.0]])


def circle(speed: float, rate: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 3) and yaws (N,) on a circle at the origin's right hand, every 0.1 s."""
    angle, radius = rate * 0.1 * np.arange(n), speed / rate
    return radius * np.column_stack([np.sin(angle), 1.0 - np.cos(angle), np.zeros(n)]), angle


def test_a_car_on_a_circle_turns_and_its_speed_and_rate_are_known() -> None:
    places, yaws = circle(6.0, 0.4, 20)
    models = follow(places, yaw=yaws)
    assert models[2][0, imm.TURNING] > 0.8
    mean, covariance = imm.combine(models)
    np.testing.assert_allclose(mean[0, RATE], 0.4, atol=0.03)
    np.testing.assert_allclose(mean[0, 3:5], 6.0 * np.array([np.cos(yaws[-1]), np.sin(yaws[-1])]), atol=0.2)
    assert np.sqrt(covariance[0, RATE, RATE]) < 0.15


def test_without_wheels_nothing_is_taken_for_turning() -> None:
    assert follow(circle(1.5, 0.8, 20)[0])[2][0, imm.TURNING] == 0.0


def test_the_share_of_turning_settles_at_that_of_wheels_at_any_rate() -> None:
    """Where measurements tell nothing: after 5 time constants the wheels' share, in steps of 0.02 or of 0.5 s."""
    for dt in (0.02, 0.1, 0.5):
        models = follow(np.zeros((1, 3)), over_ground=False)
        for _ in range(round(5.0 * CONFIG.turning_time / dt)):
            models = imm.predict(models, np.full(1, 0.6), dt, False, CONFIG)
        np.testing.assert_allclose(models[2][0], [0.0, 0.4, 0.6], atol=0.01)


def test_wheels_pull_the_velocity_along_the_body() -> None:
    models = follow(np.outer(np.arange(3), [1.0, 0.0, 0.0]), yaw=np.zeros(3))
    models[0][0, imm.TURNING, 4] = 1.0
    imm.roll(models, np.ones(1), 0.0, CONFIG)
    assert 0.0 < models[0][0, imm.TURNING, 4] < 0.5


def test_no_tracks() -> None:
    none = np.empty(0)
    models = imm.begin(np.empty((0, 3, 3)), np.empty((0, 3)), none, none, none, True, CONFIG)
    models = imm.predict(models, none, 0.1, True, CONFIG)
    imm.correct_yaw(models, none, none)
    imm.correct_position(models, np.empty((0, 3)), np.empty((0, 3, 3)), none, True)
    imm.roll(models, none, 0.0, CONFIG)
    assert imm.combine(models)[0].shape == (0, N)


def test_a_long_gap_keeps_covariances_positive_definite() -> None:
    models = follow(np.zeros((3, 3)), dt=5.0)
    assert np.linalg.eigvalsh(models[1]).min() > 0.0
