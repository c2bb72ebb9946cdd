"""The robot's own body as boxes: what lies inside is the robot itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import CalibrationError
from perception_core.types._checks import column


@dataclass(frozen=True, slots=True)
class BodyBox:
    """A box that moves with the robot.

    Attributes:
        T_base_box: float64 (4, 4), rigid: base <- the frame in whose axes the box is given.
        low: float64 (3,) lowest corner, metres.
        high: float64 (3,) highest corner.

    Raises:
        CalibrationError: wrong shapes, values that are not finite, a corner that is not below the other.
    """

    T_base_box: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check shapes and order, freeze the arrays."""
        for name, shape in (("T_base_box", (4, 4)), ("low", (3,)), ("high", (3,))):
            value = column(f"body.{name}", getattr(self, name), np.float64, shape, CalibrationError)
            if not np.isfinite(value).all():
                raise CalibrationError(f"body.{name}: {value.tolist()} is not finite")
            object.__setattr__(self, name, value)
        if not (self.low < self.high).all():
            raise CalibrationError(f"body: min {self.low.tolist()} has to lie below max {self.high.tolist()}")
