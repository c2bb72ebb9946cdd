"""Standing still, moving straight on and turning, mixed: the interacting multiple model filter.

Most of what a LiDAR sees never moves, and a constant-velocity filter alone gives all of it a small wandering
velocity; a car that brakes or turns is followed too late by a filter calm enough for one that does not. So each track
keeps three hypotheses (Blom and Bar-Shalom 1988): STILL has no velocity; STRAIGHT keeps its velocity whatever its body
does, as people may; TURNING moves where its wheels point, so that its velocity turns with its body, is hardly pushed
sideways and may change fast along itself. Only what has wheels, and whose axes are known, can be TURNING. Standing
still is moving along with the ground: not at all in a fixed frame, by :mod:`perception_core.tracking.flow` without
odometry; where that is not known either, nothing stands.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.tracking import kalman
from perception_core.tracking.config import MotionConfig
from perception_core.tracking.kalman import RATE, YAW, N

Floats = NDArray[np.float64]

STILL, STRAIGHT, TURNING = 0, 1, 2
MODELS = 3

_STILL, _STRAIGHT, _TURNING = STILL, STRAIGHT, TURNING

_JUMPS = 0.1
"""Share of measured boxes that jump."""

_JUMP = np.diag([1.0, 1.0, 0.1])
"""m^2 by which they do."""

_LEAST = 1e-6
"""No model is ever ruled out."""

_SLIP_TIME = 0.5
"""Seconds within which the slip of wheels is one and the same, so that looking often teaches nothing more."""

_ROLLING = 0.5
"""m/s below which the direction of the motion tells nothing of the body's."""

Models = tuple[Floats, Floats, Floats]
"""States (T, K, 8), covariances (T, K, 8, 8) and probabilities (T, K) of the models of T tracks."""


def begin(
    noise: Floats,
    position: Floats,
    yaw: Floats,
    yaw_variance: Floats,
    late: Floats,
    over_ground: bool,
    config: MotionConfig,
    still: Floats | float = 0.0,
) -> Models:
    """Return the models of new tracks.

    Args:
        noise: (T, 3, 3) covariance of ``position``, m^2.
        position: (T, 3) metres.
        yaw: (T,) radians.
        yaw_variance: (T,) rad^2.
        late: (T,) seconds after the tracks' time at which the position was measured.
        over_ground: standing still has a meaning.
        config: spreads of the first velocity.
        still: (T, 3) m/s of what stands still.
    """
    t = len(position)
    states, covariances = np.zeros((t, MODELS, N)), np.zeros((t, MODELS, N, N))
    states[:, :, 3:6] = np.broadcast_to(still, (t, 3))[:, None, :]
    states[:, :, :3] = position[:, None, :] - late[:, None, None] * states[:, :, 3:6]
    states[:, :, YAW] = yaw[:, None]
    covariances[:, :, :3, :3] = noise[:, None]
    covariances[:, :, YAW, YAW] = yaw_variance[:, None]
    horizontal = config.birth_speed_sigma if over_ground else config.birth_closing_speed_sigma
    speed = np.array([horizontal, horizontal, config.birth_vertical_speed_sigma])
    covariances[:, STILL, 3:6, 3:6] = np.eye(3) * config.still_speed_sigma**2
    covariances[:, STILL, RATE, RATE] = config.still_yaw_rate_sigma**2
    covariances[:, STRAIGHT:, 3:6, 3:6] = np.diag(speed**2)
    covariances[:, STRAIGHT:, RATE, RATE] = config.birth_yaw_rate_sigma**2
    back = late[:, None, None, None] * covariances[:, :, 3:6, 3:6]
    covariances[:, :, :3, 3:6] = covariances[:, :, 3:6, :3] = -back
    covariances[:, :, :3, :3] += late[:, None, None, None] * back
    stands = config.birth_still_probability if over_ground else 0.0
    return states, covariances, np.tile([stands, 1.0 - stands, 0.0], (t, 1))


def predict(
    models: Models,
    wheeled: Floats,
    dt: float,
    over_ground: bool,
    config: MotionConfig,
    still: Floats | float = 0.0,
) -> Models:
    """Return the models of each track, mixed and moved ahead by ``dt`` seconds.

    Args:
        models: of T tracks, left as they are.
        wheeled: (T,) in [0, 1], how far the track may be taken for something that moves where its wheels point.
        dt: seconds, not negative.
        over_ground: standing still has a meaning; else everything moves.
        config: densities and times.
        still: (T, 3) m/s of what stands still: 0 in a frame fixed to the ground.
    """
    ground = frozen(np.broadcast_to(still, (len(wheeled), 3)))
    change = _transitions(models[0], wheeled, dt, over_ground, config, ground)
    straight, turning = densities(wheeled, config)
    drift = np.array([config.still_density, config.still_yaw_density])
    left = np.array([config.still_speed_sigma, config.still_yaw_rate_sigma])
    out: Models = _predict(*models, change, dt, straight, turning, drift, left, config.starting_speed_sigma**2, ground)
    return out


def densities(wheeled: Floats, config: MotionConfig) -> tuple[Floats, Floats]:
    """Return the power spectral densities as the filters take them, (T, 4) of moving straight on, (4,) of turning.

    What has wheels is calm while it is TURNING; STRAIGHT is left for its brakes.
    """
    straight = np.empty((len(wheeled), 4))
    braking = config.braking_density - config.acceleration_density
    straight[:, :2] = config.acceleration_density + (wheeled * braking)[:, None]
    straight[:, 2:] = config.vertical_density, config.yaw_density
    turning = [config.driving_density, config.sideways_density, config.vertical_density, config.steering_density]
    return straight, np.array(turning)


def _transitions(
    states: Floats, wheeled: Floats, dt: float, over_ground: bool, config: MotionConfig, still: Floats
) -> Floats:
    """Return (T, K, K) probabilities of changing from model i to j; only what is slow already can stand still next."""
    change, swerve = 1.0 - math.exp(-dt / config.model_time), 1.0 - math.exp(-dt / config.turning_time)
    out = np.zeros((len(states), MODELS, MODELS))
    out[:, STRAIGHT, TURNING] = swerve * wheeled
    out[:, TURNING, STRAIGHT] = swerve * (1.0 - wheeled)
    if over_ground:
        speed = np.linalg.norm(states[:, STRAIGHT:, 3:6] - still[:, None], axis=2)
        slow = change * np.exp(-0.5 * (speed / config.stopping_speed) ** 2)
        out[:, STRAIGHT, STILL], out[:, TURNING, STILL] = slow.T
        out[:, STRAIGHT, TURNING] *= 1.0 - slow[:, 0]
        out[:, TURNING, STRAIGHT] *= 1.0 - slow[:, 1]
        out[:, STILL, TURNING] = change * wheeled
        out[:, STILL, STRAIGHT] = change * (1.0 - wheeled)
    else:
        out[:, STILL, STRAIGHT] = 1.0
    kept = 1.0 - out.sum(axis=2)
    for k in range(MODELS):
        out[:, k, k] += kept[:, k]
    return out


def mean_yaw(models: Models) -> Floats:
    """Return the mean yaw (T,) in radians over the models."""
    out: Floats = np.einsum("tk,tk->t", models[2], models[0][:, :, YAW])
    return out


def correct_yaw(models: Models, innovation: Floats, variance: Floats) -> None:
    """Correct all models, in place, by yaws that differ from the tracks' by ``innovation`` (T,) rad.

    How well it fits does not weigh the models: boxes turn for many reasons.
    """
    _correct_yaw(models[0], models[1], mean_yaw(models) + innovation, variance)


def correct_position(models: Models, position: Floats, noise: Floats, late: Floats, over_ground: bool) -> None:
    """Correct all models, in place, and weigh them, by a position (T, 3) each.

    ``noise`` (T, 3, 3) is its covariance, ``late`` (T,) the seconds after the models' time at which it was measured.
    """
    _correct_position(*models, position, noise, late, over_ground)


def roll(models: Models, dt: Floats, still: Floats | float, config: MotionConfig) -> None:
    """Correct TURNING, in place, by what wheels do: they move along the body, but for a slip.

    Args:
        models: of T tracks.
        dt: (T,) seconds since the last time.
        still: (T, 3) m/s of the ground.
        config: the slip.
    """
    ground = frozen(np.broadcast_to(still, (len(dt), 3)))
    _roll(*models, dt, ground, config.slip_sigma**2)


def combine(models: Models) -> tuple[Floats, Floats]:
    """Return the mean (T, 8) and covariance (T, 8, 8) of the mixture of models."""
    out: tuple[Floats, Floats] = _combine(*models)
    return out


@njit(cache=True)
def _mix(state: Floats, covariance: Floats, weight: Floats, mean: Floats, spread: Floats) -> None:
    """Fill mean (8,) and covariance (8, 8) of a mixture of K normal distributions (moment matching)."""
    mean[:] = 0.0
    spread[:] = 0.0
    for k in range(len(weight)):
        if weight[k] > 0.0:
            for i in range(N):
                mean[i] += weight[k] * state[k, i]
    for k in range(len(weight)):
        if weight[k] <= 0.0:
            continue
        for i in range(N):
            apart = state[k, i] - mean[i]
            for j in range(i, N):
                spread[i, j] += weight[k] * (covariance[k, i, j] + apart * (state[k, j] - mean[j]))
    for i in range(N):
        for j in range(i):
            spread[i, j] = spread[j, i]


@njit(cache=True)
def _predict(
    states: Floats,
    covariances: Floats,
    probability: Floats,
    change: Floats,
    dt: float,
    straight: Floats,
    turning: Floats,
    drift: Floats,
    left: Floats,
    starting: float,
    still: Floats,
) -> Models:
    t = len(states)
    out, out_covariances = np.empty_like(states), np.empty_like(covariances)
    moved = np.zeros((t, MODELS))
    weight = np.empty(MODELS)
    for i in range(t):
        for j in range(MODELS):
            for k in range(MODELS):
                weight[k] = probability[i, k] * change[i, k, j]
                moved[i, j] += weight[k]
            if moved[i, j] < _LEAST:
                weight[:] = probability[i]
                weight /= weight.sum()
            else:
                weight /= moved[i, j]
            _mix(states[i], covariances[i], weight, out[i, j], out_covariances[i, j])
            out_covariances[i, j, 3, 3] += weight[_STILL] * starting
            out_covariances[i, j, 4, 4] += weight[_STILL] * starting
        kalman.rest(out[i, _STILL], out_covariances[i, _STILL], dt, still[i], drift, left)
        kalman.predict_straight(out[i, _STRAIGHT], out_covariances[i, _STRAIGHT], dt, straight[i])
        kalman.predict_turn(out[i, _TURNING], out_covariances[i, _TURNING], dt, turning)
    return out, out_covariances, moved


@njit(cache=True)
def _correct_yaw(states: Floats, covariances: Floats, yaw: Floats, variance: Floats) -> None:
    row = np.zeros(N)
    row[YAW] = 1.0
    for i in range(len(states)):
        for k in range(MODELS):
            kalman.correct_scalar(states[i, k], covariances[i, k], row, yaw[i] - states[i, k, YAW], variance[i])


@njit(cache=True)
def _correct_position(
    states: Floats,
    covariances: Floats,
    probability: Floats,
    position: Floats,
    noise: Floats,
    late: Floats,
    over_ground: bool,
) -> None:
    """Correct and weigh; the likelihood has a share of jumps (contaminated normal, Tukey 1960).

    Clusters join, part and are completed differently from scan to scan: a single jump says little about motion.
    """
    fit = np.empty(MODELS)
    for i in range(len(states)):
        loose = noise[i] + _JUMP
        for k in range(MODELS):
            jumping = kalman.log_likelihood(states[i, k], covariances[i, k], position[i], loose, late[i])
            regular = kalman.correct_position(states[i, k], covariances[i, k], position[i], noise[i], late[i])
            fit[k] = np.logaddexp(math.log(1.0 - _JUMPS) + regular, math.log(_JUMPS) + jumping)
        weight = probability[i] * np.exp(fit - fit.max())
        if over_ground:
            weight[:2] = np.maximum(weight[:2], _LEAST * weight.sum())
        probability[i] = weight / max(weight.sum(), 1e-300)


@njit(cache=True)
def _roll(
    states: Floats, covariances: Floats, probability: Floats, dt: Floats, still: Floats, slip_variance: float
) -> None:
    row = np.zeros(N)
    for i in range(len(states)):
        state = states[i, _TURNING]
        if probability[i, _TURNING] < _LEAST or dt[i] <= 0.0:
            continue
        vx, vy = state[3] - still[i, 0], state[4] - still[i, 1]
        if vx * vx + vy * vy < _ROLLING * _ROLLING:
            continue
        c, s = math.cos(state[YAW]), math.sin(state[YAW])
        row[3], row[4], row[YAW] = -s, c, -(c * vx + s * vy)
        variance = slip_variance * max(_SLIP_TIME / dt[i], 1.0)
        kalman.correct_scalar(state, covariances[i, _TURNING], row, s * vx - c * vy, variance)


@njit(cache=True)
def _combine(states: Floats, covariances: Floats, probability: Floats) -> tuple[Floats, Floats]:
    t = len(states)
    mean, spread = np.empty((t, N)), np.empty((t, N, N))
    for i in range(t):
        _mix(states[i], covariances[i], probability[i], mean[i], spread[i])
    return mean, spread
