"""Kalman filters of one track: how it moves, and what a measured position, yaw or direction of motion corrects.

The state is (x, y, z, vx, vy, vz, yaw, yaw rate) in metres, m/s, rad and rad/s: :data:`N` numbers. The velocity is
Cartesian, so that what stands has no singular direction. Two motions share it: straight on at constant velocity
while the body turns as it likes, and the coordinated turn, in which the velocity turns with the body (Bar-Shalom, Li,
Kirubarajan 2001, section 11.7). Loops over plain arrays, compiled: an 8 x 8 matrix is too small for a call to BLAS.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N = 8
"""Numbers of a state."""

YAW, RATE = 6, 7

_SMALL = 1e-4
"""Radians of turn below which series take the place of quotients."""


@njit(cache=True)
def predict_straight(state: Floats, covariance: Floats, dt: float, density: Floats) -> None:
    """Move one track, in place, ahead by ``dt`` seconds at constant velocity and yaw rate.

    Args:
        state: (8,).
        covariance: (8, 8).
        dt: seconds, not negative.
        density: (4,) power spectral densities of the accelerations along x, y, z in m^2/s^3 and about z in rad^2/s^3.

    Source: Bar-Shalom, Li, Kirubarajan 2001, eq. 6.2.2-4, for pairs of position and velocity that noise does not join.
    """
    for a in range(4):
        p, v = _pair(a)
        state[p] += dt * state[v]
        for j in range(N):
            covariance[p, j] += dt * covariance[v, j]
    for a in range(4):
        p, v = _pair(a)
        for i in range(N):
            covariance[i, p] += dt * covariance[i, v]
        covariance[p, p] += density[a] * dt**3 / 3.0
        covariance[p, v] += density[a] * dt**2 / 2.0
        covariance[v, p] += density[a] * dt**2 / 2.0
        covariance[v, v] += density[a] * dt


@njit(cache=True)
def _pair(a: int) -> tuple[int, int]:
    """Return where the position and the velocity of one of x, y, z and yaw stand in the state."""
    return (a, a + 3) if a < 3 else (YAW, RATE)


@njit(cache=True)
def predict_turn(state: Floats, covariance: Floats, dt: float, density: Floats) -> None:
    """Move one track, in place, ahead by ``dt`` seconds on a coordinated turn: an extended Kalman filter's step.

    Args:
        state: (8,).
        covariance: (8, 8).
        dt: seconds, not negative.
        density: (4,) power spectral densities of the accelerations along and across the motion and along z in
            m^2/s^3, and about z in rad^2/s^3. The last turns the velocity as well as the body.
    """
    jacobian = np.eye(N)
    _turn_jacobian(state, dt, jacobian)
    vx, vy = state[3], state[4]
    x = state[0] + jacobian[0, 3] * vx + jacobian[0, 4] * vy
    y = state[1] + jacobian[1, 3] * vx + jacobian[1, 4] * vy
    state[3], state[4] = jacobian[3, 3] * vx + jacobian[3, 4] * vy, jacobian[4, 3] * vx + jacobian[4, 4] * vy
    state[0], state[1] = x, y
    state[2] += dt * state[5]
    state[YAW] += dt * state[RATE]
    _sandwich(jacobian, covariance)
    _add_turn_noise(state, covariance, dt, density)


@njit(cache=True)
def _turn_jacobian(state: Floats, dt: float, out: Floats) -> None:
    """Fill the derivative (8, 8) of the coordinated turn, ``out`` being the identity (eq. 11.7.1-4 and 11.7.2-8)."""
    w, vx, vy = state[RATE], state[3], state[4]
    angle = w * dt
    c, s = math.cos(angle), math.sin(angle)
    if abs(angle) < _SMALL:
        along, across = dt * (1.0 - angle * angle / 6.0), dt * angle / 2.0
        d_along, d_across = -angle * dt * dt / 3.0, dt * dt / 2.0
    else:
        along, across = s / w, (1.0 - c) / w
        d_along, d_across = (dt * c - along) / w, (dt * s - across) / w
    out[0, 3], out[0, 4], out[1, 3], out[1, 4] = along, -across, across, along
    out[3, 3], out[3, 4], out[4, 3], out[4, 4] = c, -s, s, c
    out[0, RATE] = d_along * vx - d_across * vy
    out[1, RATE] = d_across * vx + d_along * vy
    out[3, RATE] = -dt * (s * vx + c * vy)
    out[4, RATE] = dt * (c * vx - s * vy)
    out[2, 5] = out[YAW, RATE] = dt


@njit(cache=True)
def _sandwich(f: Floats, covariance: Floats) -> None:
    """Replace P by F P F^T; F differs from the identity in the columns of the velocities and of the yaw rate alone."""
    half = np.empty((N, N))
    for i in range(N):
        for j in range(N):
            half[i, j] = _product(f, i, covariance, j)
    for i in range(N):
        for j in range(i, N):
            covariance[i, j] = covariance[j, i] = _product(f, j, half.T, i)


@njit(cache=True)
def _product(f: Floats, i: int, p: Floats, j: int) -> float:
    """Return row i of F times column j of P."""
    out = p[i, j] if i < 3 or i == YAW else 0.0
    return float(out + f[i, 3] * p[3, j] + f[i, 4] * p[4, j] + f[i, 5] * p[5, j] + f[i, RATE] * p[RATE, j])


@njit(cache=True)
def _add_turn_noise(state: Floats, covariance: Floats, dt: float, density: Floats) -> None:
    vx, vy = state[3], state[4]
    speed = math.hypot(vx, vy)
    ux, uy = (vx / speed, vy / speed) if speed > 1e-3 else (1.0, 0.0)
    along, across = (density[0], density[1]) if speed > 1e-3 else (density[0], density[0])
    xx = along * ux * ux + across * uy * uy
    yy = along * uy * uy + across * ux * ux
    xy = (along - across) * ux * uy
    for p, v, joint in ((dt**3 / 3.0, 0, 0), (dt**2 / 2.0, 0, 3), (dt, 3, 3)):
        covariance[v, joint] += xx * p
        covariance[v + 1, joint + 1] += yy * p
        covariance[v + 2, joint + 2] += density[2] * p
        covariance[v, joint + 1] += xy * p
        covariance[v + 1, joint] += xy * p
        if v != joint:
            covariance[joint, v] += xx * p
            covariance[joint + 1, v + 1] += yy * p
            covariance[joint + 2, v + 2] += density[2] * p
            covariance[joint + 1, v] += xy * p
            covariance[joint, v + 1] += xy * p
    _add_turning_noise(vx, vy, covariance, dt, density[3])


@njit(cache=True)
def _add_turning_noise(vx: float, vy: float, covariance: Floats, dt: float, density: float) -> None:
    """Add what white angular acceleration does: to the yaw rate, to yaw and course, and by the course to the place.

    Over ``dt`` it gives the integral of the angle, the angle and the rate jointly the covariances of a triple
    integrator; the velocity turns by the angle, the place is off across the motion by the integral times the speed.
    """
    joint = np.empty((3, 3))
    joint[0, 0], joint[1, 1], joint[2, 2] = dt**5 / 20.0, dt**3 / 3.0, dt
    joint[0, 1] = joint[1, 0] = dt**4 / 8.0
    joint[0, 2] = joint[2, 0] = dt**3 / 6.0
    joint[1, 2] = joint[2, 1] = dt**2 / 2.0
    for i in range(N):
        for j in range(N):
            covariance[i, j] += 0.0  # no zero is left with a sign
    for i, effect, of in ((0, -vy, 0), (1, vx, 0), (3, -vy, 1), (4, vx, 1), (YAW, 1.0, 1), (RATE, 1.0, 2)):
        place, angle, rate = density * effect * joint[of, 0], density * effect * joint[of, 1], joint[of, 2]
        covariance[i, 0] += place * -vy
        covariance[i, 1] += place * vx
        covariance[i, 3] += angle * -vy
        covariance[i, 4] += angle * vx
        covariance[i, YAW] += angle
        covariance[i, RATE] += density * effect * rate


@njit(cache=True)
def rest(state: Floats, covariance: Floats, dt: float, still: Floats, drift: Floats, sigma: Floats) -> None:
    """Move one track, in place, that stands still: ``still`` (3,) m/s, which it shares with the ground.

    ``drift`` (2,) m^2/s and rad^2/s by which the variances of position and yaw grow; ``sigma`` (2,) m/s and rad/s left
    to velocity and yaw rate.
    """
    for i in (3, 4, 5, RATE):
        for j in range(N):
            covariance[i, j] = covariance[j, i] = 0.0
    for a in range(3):
        state[a + 3] = still[a]
        state[a] += still[a] * dt
        covariance[a, a] += drift[0] * dt
        covariance[a + 3, a + 3] = sigma[0] ** 2
    state[RATE] = 0.0
    covariance[YAW, YAW] += drift[1] * dt
    covariance[RATE, RATE] = sigma[1] ** 2


@njit(cache=True)
def correct_position(state: Floats, covariance: Floats, position: Floats, noise: Floats, late: float) -> float:
    """Correct one track, in place, by a place (3,) with covariance (3, 3) measured ``late`` s after the state's time.

    It measures place + late * velocity. Joseph's form, which keeps the covariance positive definite. Returns how well
    it fitted before: :func:`log_likelihood`.
    """
    inverse, innovation = np.empty((3, 3)), np.empty(3)
    determinant = _compare(state, covariance, position, noise, late, innovation, inverse)
    fit = float(_log_normal(innovation, inverse, determinant))
    seen, gain = np.empty((N, 3)), np.zeros((N, 3))
    for i in range(N):
        for a in range(3):
            seen[i, a] = covariance[i, a] + late * covariance[i, a + 3]
    _add_product(seen, inverse, gain)
    for i in range(N):
        for a in range(3):
            state[i] += gain[i, a] * innovation[a]
    _joseph(covariance, gain, seen, noise, late)
    return fit


@njit(cache=True)
def _compare(
    state: Floats, covariance: Floats, position: Floats, noise: Floats, late: float, innovation: Floats, inverse: Floats
) -> float:
    """Fill the innovation (3,) and the inverse (3, 3) of its covariance, return the determinant of that."""
    s = np.empty((3, 3))
    place_covariance(covariance, late, s)
    for a in range(3):
        innovation[a] = position[a] - state[a] - late * state[a + 3]
        for b in range(3):
            s[a, b] += noise[a, b]
    return float(invert(s, inverse))


@njit(cache=True)
def _add_product(a: Floats, b: Floats, out: Floats) -> None:
    """Add A B, (n, 3) times (3, 3), to ``out``."""
    for i in range(len(a)):
        for j in range(3):
            for k in range(3):
                out[i, j] += a[i, k] * b[k, j]


@njit(cache=True)
def _joseph(covariance: Floats, gain: Floats, seen: Floats, noise: Floats, late: float) -> None:
    """Replace P by (I - K H) P (I - K H)^T + K R K^T; ``seen`` (8, 3) is P H^T."""
    kept = covariance.copy()
    for i in range(N):
        for j in range(N):
            for a in range(3):
                kept[i, j] -= gain[i, a] * seen[j, a]
    spread = np.zeros((N, 3))
    _add_product(gain, noise, spread)
    for i in range(N):
        for a in range(3):
            spread[i, a] -= kept[i, a] + late * kept[i, a + 3]
        for j in range(i, N):
            value = kept[i, j]
            for a in range(3):
                value += spread[i, a] * gain[j, a]
            covariance[i, j] = covariance[j, i] = value


@njit(cache=True)
def correct_scalar(state: Floats, covariance: Floats, row: Floats, innovation: float, variance: float) -> None:
    """Correct one track, in place, by one number whose derivative is ``row`` (8,); Joseph's form."""
    projected = np.zeros(N)
    for i in range(N):
        for j in range(N):
            projected[i] += covariance[i, j] * row[j]
    s = variance
    for i in range(N):
        s += row[i] * projected[i]
    gain = projected / s
    for i in range(N):
        state[i] += gain[i] * innovation
    for i in range(N):
        for j in range(i, N):
            value = covariance[i, j] - gain[i] * projected[j] - projected[i] * gain[j] + gain[i] * s * gain[j]
            covariance[i, j] = covariance[j, i] = value


@njit(cache=True)
def log_likelihood(state: Floats, covariance: Floats, position: Floats, noise: Floats, late: float) -> float:
    """Return ln N(position; predicted, S), less the constant 3/2 ln 2 pi; arguments as in ``correct_position``."""
    inverse, innovation = np.empty((3, 3)), np.empty(3)
    determinant = _compare(state, covariance, position, noise, late, innovation, inverse)
    return float(_log_normal(innovation, inverse, determinant))


@njit(cache=True)
def _log_normal(innovation: Floats, inverse: Floats, determinant: float) -> float:
    distance = 0.0
    for a in range(3):
        for b in range(3):
            distance += innovation[a] * inverse[a, b] * innovation[b]
    return -0.5 * (distance + math.log(determinant))


@njit(cache=True)
def place_covariance(covariance: Floats, late: float, out: Floats) -> None:
    """Fill the covariance (3, 3) of where a track is ``late`` seconds after the time of its ``covariance`` (8, 8)."""
    for a in range(3):
        for b in range(3):
            joint = covariance[a, b + 3] + covariance[a + 3, b]
            out[a, b] = covariance[a, b] + late * joint + late * late * covariance[a + 3, b + 3]


@njit(cache=True)
def invert(s: Floats, out: Floats) -> float:
    """Fill the inverse of a symmetric positive definite (3, 3) matrix by cofactors, return its determinant."""
    out[0, 0] = s[1, 1] * s[2, 2] - s[1, 2] * s[1, 2]
    out[0, 1] = out[1, 0] = s[0, 2] * s[1, 2] - s[0, 1] * s[2, 2]
    out[0, 2] = out[2, 0] = s[0, 1] * s[1, 2] - s[0, 2] * s[1, 1]
    out[1, 1] = s[0, 0] * s[2, 2] - s[0, 2] * s[0, 2]
    out[1, 2] = out[2, 1] = s[0, 1] * s[0, 2] - s[0, 0] * s[1, 2]
    out[2, 2] = s[0, 0] * s[1, 1] - s[0, 1] * s[0, 1]
    determinant = s[0, 0] * out[0, 0] + s[0, 1] * out[0, 1] + s[0, 2] * out[0, 2]
    for a in range(3):
        for b in range(3):
            out[a, b] /= determinant
    return float(determinant)


def symmetric(matrices: Floats) -> Floats:
    """Return (M + M^T) / 2 of (..., n, n)."""
    return (matrices + np.swapaxes(matrices, -1, -2)) / 2.0
