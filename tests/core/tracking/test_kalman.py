"""One axis by hand: P = [[1, 0], [0, 4]], v = 2, dt = 0.5, q = 12, then z = 3.5 with R = 2.5; turns against circles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import expm

from perception_core.tracking import kalman
from perception_core.tracking.kalman import RATE, YAW, N

Floats = NDArray[np.float64]
X = np.ix_([0, 3], [0, 3])


def one_track(**state: float) -> tuple[Floats, Floats]:
    out = np.array([0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0])
    for name, value in state.items():
        out[["x", "y", "z", "vx", "vy", "vz", "yaw", "rate"].index(name)] = value
    return out, np.diag([1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 1.0, 4.0])


def random_covariance(rng: np.random.Generator) -> Floats:
    root = rng.normal(size=(N, N))
    return np.asarray(root @ root.T + np.eye(N) * 0.1)


def test_one_step_by_hand() -> None:
    state, covariance = one_track()
    kalman.predict_straight(state, covariance, 0.5, np.full(4, 12.0))
    # P' = F P F^T + q [dt^3/3, dt^2/2; dt^2/2, dt] = [[2 + 0.5, 2 + 1.5], [3.5, 4 + 6]]
    np.testing.assert_allclose(state, [1, 0, 0, 2, 0, 0, 1, 2])
    for pair in (X, np.ix_([YAW, RATE], [YAW, RATE])):
        np.testing.assert_allclose(covariance[pair], [[2.5, 3.5], [3.5, 10.0]])
    kalman.correct_position(state, covariance, np.array([3.5, 0, 0]), np.eye(3) * 2.5, 0.0)
    # S = 5, K = (0.5, 0.7), innovation 2.5
    np.testing.assert_allclose(state[[0, 3]], [2.25, 3.75])
    np.testing.assert_allclose(covariance[X], [[1.25, 1.75], [1.75, 7.55]])
    np.testing.assert_array_equal(covariance, covariance.T)


def test_a_yaw_by_hand() -> None:
    state, covariance = one_track()
    kalman.predict_straight(state, covariance, 0.5, np.full(4, 12.0))
    row = np.zeros(N)
    row[YAW] = 1.0
    kalman.correct_scalar(state, covariance, row, 2.5, 2.5)
    np.testing.assert_allclose(state[[YAW, RATE]], [1 + 0.5 * 2.5, 2 + 0.7 * 2.5])
    np.testing.assert_allclose(covariance[np.ix_([YAW, RATE], [YAW, RATE])], [[1.25, 1.75], [1.75, 7.55]])


def test_a_place_seen_later_measures_the_velocity_too() -> None:
    """0.5 s later: H = (1, 0.5), S = 1 + 0.25 * 4 + 2 = 4, K = (0.25, 0.5), innovation 3 - (0 + 0.5 * 2) = 2."""
    state, covariance = one_track()
    kalman.correct_position(state, covariance, np.array([3.0, 0.0, 0.0]), np.eye(3) * 2.0, 0.5)
    np.testing.assert_allclose(state[[0, 3]], [0.5, 3.0])
    np.testing.assert_allclose(covariance[X], [[0.75, -0.5], [-0.5, 3.0]])  # P - K H P


def test_a_place_seen_later_is_the_step_there_and_back() -> None:
    rng = np.random.default_rng(1)
    state, covariance = rng.normal(size=N), random_covariance(rng)
    there, spread = state.copy(), covariance.copy()
    kalman.predict_straight(there, spread, 0.3, np.zeros(4))
    place, noise = rng.normal(size=3), np.diag([0.1, 0.2, 0.3])
    fit = kalman.log_likelihood(state, covariance, place, noise, 0.3)
    assert fit == pytest.approx(kalman.log_likelihood(there, spread, place, noise, 0.0))
    kalman.correct_position(there, spread, place, noise, 0.0)
    kalman.predict_straight(there, spread, -0.3, np.zeros(4))
    kalman.correct_position(state, covariance, place, noise, 0.3)
    np.testing.assert_allclose(state, there, atol=1e-12)
    np.testing.assert_allclose(covariance, spread, atol=1e-12)


def test_likelihood_by_hand() -> None:
    # S = I + 3 I = 4 I, innovation (2, 0, 0): -0.5 (4 / 4 + ln 64)
    state, covariance = one_track(vx=0.0)
    fit = kalman.log_likelihood(state, covariance, np.array([2.0, 0, 0]), np.eye(3) * 3.0, 0.0)
    assert fit == pytest.approx(-0.5 * (1.0 + np.log(64.0)))


def test_a_quarter_circle_by_hand() -> None:
    """2 m/s at pi/2 rad/s: radius 4 / pi; after 1 s at (r, r), going along y, the body turned by a quarter."""
    state, covariance = one_track(rate=np.pi / 2)
    kalman.predict_turn(state, covariance, 1.0, np.zeros(4))
    r = 4.0 / np.pi
    np.testing.assert_allclose(state, [r, r, 0, 0, 2, 0, np.pi / 2, np.pi / 2], atol=1e-12)


def test_without_turning_it_is_the_straight_motion() -> None:
    state, covariance = one_track(rate=0.0, vy=1.0)
    covariance[RATE, RATE] = covariance[YAW, YAW] = 0.0
    turned, spread = state.copy(), covariance.copy()
    kalman.predict_straight(state, covariance, 0.5, np.array([3.0, 3.0, 1.0, 0.0]))
    kalman.predict_turn(turned, spread, 0.5, np.array([3.0, 3.0, 1.0, 0.0]))
    np.testing.assert_allclose(turned, state, atol=1e-15)
    np.testing.assert_allclose(spread, covariance, atol=1e-15)


@pytest.mark.parametrize("rate", [-1.3, -1e-3, 0.0, 2e-4, 0.4])
def test_the_derivative_of_the_turn_is_that_of_its_differences(rate: float) -> None:
    state, _ = one_track(vx=5.0, vy=-3.0, vz=0.5, yaw=0.2, rate=rate)
    numeric = np.empty((N, N))
    for j in range(N):
        ends = []
        for sign in (1.0, -1.0):
            moved = state.copy()
            moved[j] += sign * 1e-5
            kalman.predict_turn(moved, np.zeros((N, N)), 0.7, np.zeros(4))
            ends.append(moved)
        numeric[:, j] = (ends[0] - ends[1]) / 2e-5
    rng = np.random.default_rng(0)
    covariance = random_covariance(rng)
    expected = numeric @ covariance @ numeric.T
    kalman.predict_turn(state, covariance, 0.7, np.zeros(4))
    np.testing.assert_allclose(covariance, expected, rtol=1e-5, atol=1e-5)


def test_the_noise_of_a_turn_is_that_of_its_differential_equation() -> None:
    """Van Loan (1978) for the motion linearised about driving straight on at (3, 4) m/s: exact there."""
    u, q, dt = np.array([0.6, 0.8]), np.array([2.0, 0.5, 0.3, 0.7]), 0.4
    across = np.array([-u[1], u[0]])
    f, g = np.zeros((N, N)), np.zeros((N, 4))
    f[:3, 3:6] = np.eye(3)
    f[3:5, RATE] = 5.0 * across
    f[YAW, RATE] = 1.0
    g[3:5, 0], g[3:5, 1], g[5, 2], g[RATE, 3] = u, across, 1.0, 1.0
    block = expm(np.block([[-f, g @ np.diag(q) @ g.T], [np.zeros((N, N)), f.T]]) * dt)
    state, covariance = one_track(vx=3.0, vy=4.0, rate=0.0)
    covariance[:] = 0.0
    kalman.predict_turn(state, covariance, dt, q)
    np.testing.assert_allclose(covariance, block[N:, N:].T @ block[:N, N:], atol=1e-12)


def test_what_rests_keeps_its_place_and_moves_with_the_ground() -> None:
    state, covariance = one_track()
    covariance[0, 3] = covariance[3, 0] = 0.5
    ground, drift, sigma = np.array([-1.0, 0.5, 0.0]), np.array([0.1, 0.2]), np.array([0.05, 0.02])
    kalman.rest(state, covariance, 2.0, ground, drift, sigma)
    np.testing.assert_allclose(state, [-2.0, 1.0, 0.0, -1.0, 0.5, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(covariance, np.diag([1.2, 1.2, 1.2, 0.0025, 0.0025, 0.0025, 1.4, 0.0004]))


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0.0, 20.0),
    st.floats(-40.0, 40.0),
    st.floats(-3.0, 3.0),
    st.floats(1e-3, 1e3),
    st.floats(-0.2, 0.2),
)
def test_covariances_stay_symmetric_and_positive_definite(
    seed: int, dt: float, speed: float, rate: float, noise: float, late: float
) -> None:
    rng = np.random.default_rng(seed)
    state, covariance = one_track(vx=speed, rate=rate)
    covariance = random_covariance(rng)
    density = rng.uniform(0.01, 5.0, 4)
    for _ in range(3):
        kalman.predict_turn(state, covariance, dt, density)
        kalman.correct_position(state, covariance, state[:3] + rng.normal(size=3), np.eye(3) * noise**2, late)
        kalman.correct_scalar(state, covariance, rng.normal(size=N), 0.1, noise**2)
        kalman.predict_straight(state, covariance, dt, density)
        scale = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(scale, scale)
        np.testing.assert_allclose(correlation, correlation.T, atol=1e-9)
        assert np.linalg.eigvalsh(correlation).min() > -1e-9
        assert np.isfinite(state).all()
