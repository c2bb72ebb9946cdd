"""Where a track will be: the mixture of its motion models carried on, with a covariance that grows as theirs do.

Each model goes on by its own motion and process noise; what it is at each moment is the mean and covariance of the
mixture (moment matching, as in the filter itself). What stands stays, what turns follows its circle, and where the
models disagree the covariance says so.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.tracking import imm, kalman
from perception_core.tracking.config import MotionConfig
from perception_core.tracking.imm import MODELS
from perception_core.tracking.kalman import YAW

Floats = NDArray[np.float64]

_STILL, _STRAIGHT = imm.STILL, imm.STRAIGHT

_UNLIKELY = 1e-3
"""Models less probable than this are left out: a thousandth of a metre-wide guess is a millimetre."""


def predicted_paths(
    models: imm.Models, wheeled: Floats, hidden_variance: Floats, steps: int, step: float, config: MotionConfig
) -> tuple[Floats, Floats]:
    """Predict T tracks.

    Args:
        models: at the stamp.
        wheeled: (T,) in [0, 1], see :func:`perception_core.tracking.motion.wheeled`.
        hidden_variance: (T, 2) m^2 that the unseen part of the box adds to its centre, along length and width.
        steps: number of poses P.
        step: seconds between them.
        config: process noise.

    Returns:
        Poses (T, P, 3) x, y, yaw in metres and rad, the yaw not wrapped, and their covariances (T, P, 3, 3).
    """
    straight, turning = imm.densities(wheeled, config)
    drift = np.array([config.still_density, config.still_yaw_density])
    left = np.array([config.still_speed_sigma, config.still_yaw_rate_sigma])
    out: tuple[Floats, Floats] = _paths(*models, hidden_variance, steps, step, straight, turning, drift, left)
    return out


@njit(cache=True)
def _paths(
    states: Floats,
    covariances: Floats,
    probability: Floats,
    hidden: Floats,
    steps: int,
    step: float,
    straight: Floats,
    turning: Floats,
    drift: Floats,
    left: Floats,
) -> tuple[Floats, Floats]:
    t = len(states)
    path, spread = np.zeros((t, steps, 3)), np.zeros((t, steps, 3, 3))
    pose, pose_covariance = np.empty((MODELS, steps, 3)), np.empty((MODELS, steps, 3, 3))
    weight = np.empty(MODELS)
    for i in range(t):
        total = 0.0
        for k in range(MODELS):
            weight[k] = probability[i, k] if probability[i, k] >= _UNLIKELY else 0.0
            total += weight[k]
        for k in range(MODELS):
            weight[k] /= total
            if weight[k] > 0.0:
                _carry_on(
                    k,
                    states[i, k],
                    covariances[i, k],
                    step,
                    straight[i],
                    turning,
                    drift,
                    left,
                    pose[k],
                    pose_covariance[k],
                )
        for p in range(steps):
            _match(weight, pose[:, p], pose_covariance[:, p], path[i, p], spread[i, p])
            c, s = math.cos(path[i, p, 2]), math.sin(path[i, p, 2])
            spread[i, p, 0, 0] += c * c * hidden[i, 0] + s * s * hidden[i, 1]
            spread[i, p, 1, 1] += s * s * hidden[i, 0] + c * c * hidden[i, 1]
            spread[i, p, 0, 1] += c * s * (hidden[i, 0] - hidden[i, 1])
            spread[i, p, 1, 0] = spread[i, p, 0, 1]
    return path, spread


@njit(cache=True)
def _carry_on(
    model: int,
    state: Floats,
    covariance: Floats,
    step: float,
    straight: Floats,
    turning: Floats,
    drift: Floats,
    left: Floats,
    pose: Floats,
    pose_covariance: Floats,
) -> None:
    """Fill the poses (P, 3) and their covariances (P, 3, 3) of one model."""
    now, spread = state.copy(), covariance.copy()
    for p in range(len(pose)):
        if model == _STILL:
            kalman.rest(now, spread, step, state[3:6].copy(), drift, left)
        elif model == _STRAIGHT:
            kalman.predict_straight(now, spread, step, straight)
        else:
            kalman.predict_turn(now, spread, step, turning)
        for a in range(3):
            i = a if a < 2 else YAW
            pose[p, a] = now[i]
            for b in range(3):
                pose_covariance[p, a, b] = spread[i, b if b < 2 else YAW]


@njit(cache=True)
def _match(weight: Floats, pose: Floats, covariance: Floats, mean: Floats, spread: Floats) -> None:
    """Fill the mean (3,) and the covariance (3, 3) of a mixture of K poses (K, 3)."""
    for k in range(len(weight)):
        if weight[k] > 0.0:
            for a in range(3):
                mean[a] += weight[k] * pose[k, a]
    for k in range(len(weight)):
        if weight[k] > 0.0:
            for a in range(3):
                for b in range(3):
                    apart = (pose[k, a] - mean[a]) * (pose[k, b] - mean[b])
                    spread[a, b] += weight[k] * (covariance[k, a, b] + apart)
