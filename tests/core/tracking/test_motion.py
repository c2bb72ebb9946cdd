"""Moving, standing, unknown."""

import numpy as np

from perception_core.tracking.config import OutputConfig
from perception_core.tracking.motion import classify
from perception_core.types import Motion

CONFIG = OutputConfig(moving_speed=0.6, static_speed=1.0, motion_significance=3.0)


def told(speed: float, sigma: float, over_ground: bool = True) -> Motion:
    return Motion(classify(np.array([[speed, 0.0, 0.0]]), np.eye(3)[None] * sigma**2, over_ground, CONFIG)[0])


def test_by_hand() -> None:
    assert told(1.4, 0.4) == Motion.MOVING  # 3.5 sigma
    assert told(1.4, 0.5) == Motion.UNKNOWN  # 2.8 sigma, and up to 2.4 m/s
    assert told(0.1, 0.4) == Motion.STATIC  # at most 0.9 m/s
    assert told(0.1, 0.5) == Motion.UNKNOWN  # up to 1.1 m/s
    assert told(0.5, 0.01) == Motion.STATIC  # significant, but slower than moving_speed


def test_relative_velocities_tell_nothing() -> None:
    assert told(20.0, 0.1, over_ground=False) == Motion.UNKNOWN


def test_none() -> None:
    assert classify(np.empty((0, 3)), np.empty((0, 3, 3)), True, CONFIG).shape == (0,)
