"""One axis by hand: P = [[1, 0], [0, 4]], v = 2, dt = 0.5, q = 12, then z = 3.5 with R = 2.5."""

import numpy as np

from perception_core.tracking import kalman


def one_track() -> tuple[np.ndarray, np.ndarray]:
    state = np.array([[0.0, 0.0, 0.0, 2.0, 0.0, 0.0]])
    return state, np.diag([1.0, 1.0, 1.0, 4.0, 4.0, 4.0])[None]


def test_one_step_by_hand() -> None:
    state, covariance = kalman.predict(*one_track(), 0.5, np.full(3, 12.0))
    # P' = F P F^T + q [dt^3/3, dt^2/2; dt^2/2, dt] = [[2 + 0.5, 2 + 1.5], [3.5, 4 + 6]]
    np.testing.assert_allclose(state[0], [1, 0, 0, 2, 0, 0])
    np.testing.assert_allclose(covariance[0][np.ix_([0, 3], [0, 3])], [[2.5, 3.5], [3.5, 10.0]])
    state, covariance = kalman.update(state, covariance, np.array([[3.5, 0, 0]]), np.eye(3)[None] * 2.5)
    # S = 5, K = (0.5, 0.7), innovation 2.5
    np.testing.assert_allclose(state[0, [0, 3]], [2.25, 3.75])
    np.testing.assert_allclose(covariance[0][np.ix_([0, 3], [0, 3])], [[1.25, 1.75], [1.75, 7.55]])
    np.testing.assert_array_equal(covariance[0], covariance[0].T)


def test_yaw_by_hand() -> None:
    state, covariance = kalman.predict_yaw(np.array([[0.0, 2.0]]), np.diag([1.0, 4.0])[None], 0.5, 12.0)
    np.testing.assert_allclose(covariance[0], [[2.5, 3.5], [3.5, 10.0]])
    state, covariance = kalman.update_yaw(state, covariance, np.array([2.5]), np.array([2.5]))
    np.testing.assert_allclose(state[0], [2.25, 3.75])
    np.testing.assert_allclose(covariance[0], [[1.25, 1.75], [1.75, 7.55]])


def test_likelihood_by_hand() -> None:
    # S = I + 3 I = 4 I, innovation (2, 0, 0): -0.5 (4 / 4 + ln 64)
    fit = kalman.log_likelihood(*one_track(), np.array([[2.0, 0, 0]]), np.eye(3)[None] * 3.0)
    np.testing.assert_allclose(fit, [-0.5 * (1.0 + np.log(64.0))])


def test_no_tracks() -> None:
    state, covariance = kalman.predict(np.empty((0, 6)), np.empty((0, 6, 6)), 0.1, np.ones(3))
    state, covariance = kalman.update(state, covariance, np.empty((0, 3)), np.empty((0, 3, 3)))
    assert state.shape == (0, 6)
    assert covariance.shape == (0, 6, 6)


def test_many_tracks_equal_one_by_one() -> None:
    rng = np.random.default_rng(0)
    state, root = rng.normal(size=(50, 6)), rng.normal(size=(50, 6, 6))
    covariance = root @ root.transpose(0, 2, 1) + np.eye(6)
    position, noise = rng.normal(size=(50, 3)), np.tile(np.eye(3) * 0.3, (50, 1, 1))
    together = kalman.update(*kalman.predict(state, covariance, 0.1, np.ones(3)), position, noise)
    for i in (0, 17, 49):
        predicted = kalman.predict(state[i : i + 1], covariance[i : i + 1], 0.1, np.ones(3))
        alone = kalman.update(*predicted, position[i : i + 1], noise[i : i + 1])
        np.testing.assert_allclose(together[0][i], alone[0][0], rtol=1e-12)
        np.testing.assert_allclose(together[1][i], alone[1][0], rtol=1e-12, atol=1e-14)


def test_a_quarter_turn_of_the_velocity_by_hand() -> None:
    state, covariance = one_track()
    covariance[0, 4, 4] = 9.0
    turned, turned_covariance = kalman.turn(state, covariance, np.array([np.pi / 2]))
    np.testing.assert_allclose(turned[0], [0, 0, 0, 0, 2, 0], atol=1e-12)
    np.testing.assert_allclose(np.diag(turned_covariance[0]), [1, 1, 1, 9, 4, 4])
    assert kalman.turn(state, covariance, np.zeros(1))[0] is state
