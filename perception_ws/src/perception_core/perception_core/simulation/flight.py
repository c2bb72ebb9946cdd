"""How a body that flies rises, sinks and leans: height and tilt as smooth functions of time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from perception_core.errors import ConfigError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Attitude:
    """A flying body at N times.

    Attributes:
        altitude: float64 (N,) metres over the ground.
        climb: float64 (N,) m/s, its rate of change.
        pitch: float64 (N,) radians, nose down.
        roll: float64 (N,) radians, right side down.
    """

    altitude: Floats
    climb: Floats
    pitch: Floats
    roll: Floats


class Flight:
    """Height and tilt through knots, without overshooting them (PCHIP); they stay beyond the first and the last."""

    def __init__(self, altitude: ArrayLike = (), tilt: ArrayLike = ()) -> None:
        """Build from knots; none of either means 0 throughout.

        Args:
            altitude: (J, 2) rows (time s, metres over the ground).
            tilt: (K, 3) rows (time s, pitch rad, roll rad).

        Raises:
            ConfigError: times that do not rise, or an altitude below the ground.
        """
        heights = np.asarray(altitude, dtype=np.float64).reshape(-1, 2)
        tilts = np.asarray(tilt, dtype=np.float64).reshape(-1, 3)
        for name, knots in (("altitude", heights), ("tilt", tilts)):
            if (np.diff(knots[:, 0]) <= 0.0).any():
                raise ConfigError(f"{name}: {knots.tolist()}: expected rising times")
        if (heights[:, 1] < 0.0).any():
            raise ConfigError(f"altitude: {heights.tolist()}: expected heights >= 0")
        self._altitude, self._pitch, self._roll = heights, tilts[:, [0, 1]], tilts[:, [0, 2]]

    @property
    def leaves_ground(self) -> bool:
        """Whether there is any height or tilt."""
        return len(self._altitude) > 0 or len(self._pitch) > 0

    def at(self, times: ArrayLike) -> Attitude:
        """Return the attitude at times (N,) in seconds."""
        t = np.atleast_1d(np.asarray(times, dtype=np.float64))
        altitude, climb = _through(self._altitude, t)
        return Attitude(altitude, climb, _through(self._pitch, t)[0], _through(self._roll, t)[0])


def _through(knots: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Return values and rates (N,) of the curve through knots (J, 2) at times (N,)."""
    if len(knots) < 2:
        return np.full(t.shape, knots[0, 1] if len(knots) else 0.0), np.zeros(t.shape)
    curve = PchipInterpolator(knots[:, 0], knots[:, 1])
    inside = np.clip(t, knots[0, 0], knots[-1, 0])
    return np.asarray(curve(inside)), np.where(inside == t, np.asarray(curve(inside, 1)), 0.0)
