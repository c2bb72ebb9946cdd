"""Batched Kalman filters: position and velocity in 3D, yaw and yaw rate; all tracks in one call.

The state of a track is (x, y, z, vx, vy, vz); positions are Cartesian, so the constant-velocity model leaves
the axes uncoupled and the transition acts on 3 x 3 blocks. Another motion model needs its own ``predict`` and
nothing else.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_I6 = np.eye(6)


def predict(state: Floats, covariance: Floats, dt: float, density: Floats) -> tuple[Floats, Floats]:
    """Move T tracks ahead by ``dt`` seconds.

    Args:
        state: (T, 6) metres and m/s.
        covariance: (T, 6, 6).
        dt: seconds, not negative.
        density: (3,) power spectral density of the acceleration of each axis, m^2/s^3.

    Returns:
        New state (T, 6) and covariance (T, 6, 6). Source: Bar-Shalom, Li, Kirubarajan 2001, eq. 6.2.2-4.
    """
    moved = state.copy()
    moved[:, :3] += dt * state[:, 3:]
    pp, pv, vv = covariance[:, :3, :3], covariance[:, :3, 3:], covariance[:, 3:, 3:]
    q = np.diag(density)
    out = np.empty_like(covariance)
    out[:, :3, :3] = pp + dt * (pv + pv.transpose(0, 2, 1)) + dt**2 * vv + q * (dt**3 / 3.0)
    out[:, :3, 3:] = pv + dt * vv + q * (dt**2 / 2.0)
    out[:, 3:, :3] = out[:, :3, 3:].transpose(0, 2, 1)
    out[:, 3:, 3:] = vv + q * dt
    return moved, out


def turn(state: Floats, covariance: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Turn the velocities of T tracks by ``angle`` (T,) radians about +z.

    Half of the angle before :func:`predict` and half after it make a constant turn rate, exact to second order.
    """
    if not angle.any():
        return state, covariance
    c, s = np.cos(angle), np.sin(angle)
    by = np.zeros_like(covariance)
    by[:, range(6), range(6)] = 1.0
    by[:, 3, 3] = by[:, 4, 4] = c
    by[:, 3, 4], by[:, 4, 3] = -s, s
    return (by @ state[:, :, None])[:, :, 0], by @ covariance @ by.transpose(0, 2, 1)


def update(state: Floats, covariance: Floats, position: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Correct T tracks by one measured position each, in Joseph's form, which keeps P positive definite.

    Args:
        state: (T, 6).
        covariance: (T, 6, 6).
        position: (T, 3) metres.
        noise: (T, 3, 3) covariance of ``position``, m^2.

    Returns:
        New state (T, 6) and covariance (T, 6, 6), exactly symmetric.
    """
    innovation = position - state[:, :3]
    s = covariance[:, :3, :3] + noise
    gain = np.linalg.solve(s, covariance[:, :3, :]).transpose(0, 2, 1)
    corrected = state + (gain @ innovation[:, :, None])[:, :, 0]
    keep = np.broadcast_to(_I6, covariance.shape).copy()
    keep[:, :, :3] -= gain
    out = keep @ covariance @ keep.transpose(0, 2, 1) + gain @ noise @ gain.transpose(0, 2, 1)
    return corrected, symmetric(out)


def predict_yaw(state: Floats, covariance: Floats, dt: float, density: float) -> tuple[Floats, Floats]:
    """Move yaw and yaw rate (T, 2) and covariance (T, 2, 2) ahead by ``dt`` s; ``density`` in rad^2/s^3."""
    moved = state.copy()
    moved[:, 0] += dt * state[:, 1]
    out = np.empty_like(covariance)
    cross, rate = covariance[:, 0, 1], covariance[:, 1, 1]
    out[:, 0, 0] = covariance[:, 0, 0] + 2 * dt * cross + dt**2 * rate + density * dt**3 / 3.0
    out[:, 0, 1] = cross + dt * rate + density * dt**2 / 2.0
    out[:, 1, 0] = out[:, 0, 1]
    out[:, 1, 1] = rate + density * dt
    return moved, out


def update_yaw(state: Floats, covariance: Floats, innovation: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Correct yaw and yaw rate (T, 2) by yaw differences (T,) with variances (T,), rad^2; Joseph's form."""
    s = covariance[:, 0, 0] + variance
    gain = covariance[:, :, 0] / s[:, None]
    corrected = state + gain * innovation[:, None]
    keep = np.broadcast_to(np.eye(2), covariance.shape).copy()
    keep[:, :, 0] -= gain
    noise = gain[:, :, None] * gain[:, None, :] * variance[:, None, None]
    return corrected, symmetric(keep @ covariance @ keep.transpose(0, 2, 1) + noise)


def log_likelihood(state: Floats, covariance: Floats, position: Floats, noise: Floats) -> Floats:
    """Return ln N(position; predicted, S) (T,), less the constant 3/2 ln 2 pi; arguments as in :func:`update`."""
    innovation = position - state[:, :3]
    s = covariance[:, :3, :3] + noise
    distance = np.einsum("ti,ti->t", innovation, np.linalg.solve(s, innovation[:, :, None])[:, :, 0])
    fit: Floats = -0.5 * (distance + np.log(np.linalg.det(s)))
    return fit


def symmetric(matrices: Floats) -> Floats:
    """Return (M + M^T) / 2 of (..., n, n)."""
    return (matrices + np.swapaxes(matrices, -1, -2)) / 2.0
