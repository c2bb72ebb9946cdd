"""Standing still and moving, mixed: the interacting multiple model filter (Blom and Bar-Shalom 1988).

Most of what a LiDAR sees never moves, and a constant-velocity filter alone gives all of it a small wandering
velocity. So each track keeps two hypotheses: STILL has no velocity, MOVING is
:mod:`perception_core.tracking.kalman`. Standing still is moving along with the ground: not at all in
a fixed frame, by :mod:`perception_core.tracking.flow` without odometry; where that is not known either, only MOVING is
used. Another motion model is one more row of every array here.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.tracking import kalman
from perception_core.tracking.config import MotionConfig

Floats = NDArray[np.float64]

STILL, MOVING = 0, 1
MODELS = 2

_JUMPS = 0.03
"""Share of measured boxes that jump."""

_JUMP = np.diag([1.0, 1.0, 0.1])
"""m^2 by which they do."""

_LEAST = 1e-6
"""No model is ever ruled out."""


def begin(
    noise: Floats, position: Floats, over_ground: bool, config: MotionConfig, still: Floats | float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Return states (T, K, 6), covariances (T, K, 6, 6) and model probabilities (T, K) of new tracks.

    Args:
        noise: (T, 3, 3) covariance of ``position``, m^2.
        position: (T, 3) metres.
        over_ground: standing still has a meaning.
        config: spreads of the first velocity.
        still: (T, 3) m/s of what stands still.
    """
    t = len(position)
    states, covariances = np.zeros((t, MODELS, 6)), np.zeros((t, MODELS, 6, 6))
    states[:, :, :3] = position[:, None, :]
    states[:, STILL, 3:] = still
    states[:, MOVING, 3:] = still
    covariances[:, :, :3, :3] = noise[:, None]
    covariances[:, STILL, 3:, 3:] = np.eye(3) * config.still_speed_sigma**2
    speed = np.array([config.birth_speed_sigma, config.birth_speed_sigma, config.birth_vertical_speed_sigma])
    covariances[:, MOVING, 3:, 3:] = np.diag(speed**2)
    still = config.birth_still_probability if over_ground else 0.0
    return states, covariances, np.tile([still, 1.0 - still], (t, 1))


def predict(
    states: Floats,
    covariances: Floats,
    probability: Floats,
    turn_rate: Floats,
    dt: float,
    over_ground: bool,
    config: MotionConfig,
    still: Floats | float = 0.0,
) -> tuple[Floats, Floats, Floats]:
    """Mix the models of each track and move them ahead by ``dt`` seconds; shapes as from :func:`begin`.

    Args:
        states: (T, K, 6).
        covariances: (T, K, 6, 6).
        probability: (T, K).
        turn_rate: (T,) rad/s by which the velocity of what moves turns along with the body, 0 where unknown.
        dt: seconds, not negative.
        over_ground: standing still has a meaning; else everything moves.
        config: densities and times.
        still: (T, 3) m/s of what stands still: 0 in a frame fixed to the ground.
    """
    joint = probability[:, :, None] * _transitions(states, dt, over_ground, config, still)
    moved_probability = joint.sum(axis=1)
    weight = joint / np.maximum(moved_probability, _LEAST**2)[:, None, :]
    mixed = np.einsum("tij,tia->tja", weight, states)
    apart = states[:, :, None, :] - mixed[:, None, :, :]
    spread = np.einsum("tij,tija,tijb->tjab", weight, apart, apart)
    mixed_covariances = np.einsum("tij,tiab->tjab", weight, covariances) + spread
    unused = moved_probability < _LEAST
    mixed = np.where(unused[:, :, None], states, mixed)
    mixed_covariances = np.where(unused[:, :, None, None], covariances, mixed_covariances)

    out, out_covariances = np.empty_like(states), np.empty_like(covariances)
    density = np.array([config.acceleration_density, config.acceleration_density, config.vertical_density])
    half = turn_rate * dt / 2.0
    moving = kalman.turn(mixed[:, MOVING], mixed_covariances[:, MOVING], half)
    out[:, MOVING], out_covariances[:, MOVING] = kalman.turn(*kalman.predict(*moving, dt, density), half)
    out[:, STILL, 3:] = still
    out[:, STILL, :3] = mixed[:, STILL, :3] + out[:, STILL, 3:] * dt
    out_covariances[:, STILL] = 0.0
    drift = np.eye(3) * (config.still_density * dt)
    out_covariances[:, STILL, :3, :3] = mixed_covariances[:, STILL, :3, :3] + drift
    out_covariances[:, STILL, 3:, 3:] = np.eye(3) * config.still_speed_sigma**2
    return out, kalman.symmetric(out_covariances), moved_probability


def _transitions(states: Floats, dt: float, over_ground: bool, config: MotionConfig, still: Floats | float) -> Floats:
    """Return (T, K, K) probabilities of changing from model i to j; only what is slow already can stand still next."""
    out = np.zeros((len(states), MODELS, MODELS))
    if not over_ground:
        out[:, :, MOVING] = 1.0
        return out
    change = 1.0 - np.exp(-dt / config.model_time)
    slow = np.exp(-0.5 * (np.linalg.norm(states[:, MOVING, 3:] - still, axis=1) / config.stopping_speed) ** 2)
    out[:, STILL, MOVING], out[:, MOVING, STILL] = change, change * slow
    out[:, STILL, STILL], out[:, MOVING, MOVING] = 1.0 - out[:, STILL, MOVING], 1.0 - out[:, MOVING, STILL]
    return out


def update(
    states: Floats, covariances: Floats, probability: Floats, position: Floats, noise: Floats, over_ground: bool
) -> tuple[Floats, Floats, Floats]:
    """Correct all models of T tracks by a position (T, 3) with covariance (T, 3, 3) each; weigh the models."""
    t = len(states)
    flat, flat_covariances = states.reshape(t * MODELS, 6), covariances.reshape(t * MODELS, 6, 6)
    repeated, repeated_noise = np.repeat(position, MODELS, axis=0), np.repeat(noise, MODELS, axis=0)
    fit = _log_likelihood(flat, flat_covariances, repeated, repeated_noise).reshape(t, MODELS)
    corrected, corrected_covariances = kalman.update(flat, flat_covariances, repeated, repeated_noise)
    weight = probability * np.exp(fit - fit.max(axis=1, keepdims=True, initial=-np.inf))
    if over_ground:
        weight = np.maximum(weight, _LEAST * weight.sum(axis=1, keepdims=True))
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return corrected.reshape(states.shape), corrected_covariances.reshape(covariances.shape), weight


def _log_likelihood(states: Floats, covariances: Floats, position: Floats, noise: Floats) -> Floats:
    """Return ln p(position) (N,) with a share of jumps (contaminated normal, Tukey 1960).

    Clusters join, part and are completed differently from scan to scan: a single jump says little about motion.
    """
    regular = kalman.log_likelihood(states, covariances, position, noise)
    jumping = kalman.log_likelihood(states, covariances, position, noise + _JUMP)
    out: Floats = np.logaddexp(np.log(1.0 - _JUMPS) + regular, np.log(_JUMPS) + jumping)
    return out


def combine(states: Floats, covariances: Floats, probability: Floats) -> tuple[Floats, Floats]:
    """Return the mean (T, 6) and covariance (T, 6, 6) of the mixture of models."""
    mean = np.einsum("tk,tka->ta", probability, states)
    apart = states - mean[:, None, :]
    spread = np.einsum("tk,tka,tkb->tab", probability, apart, apart)
    return mean, kalman.symmetric(np.einsum("tk,tkab->tab", probability, covariances) + spread)
