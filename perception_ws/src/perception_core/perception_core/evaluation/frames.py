"""One scan to be judged: what is really there, what the perception said, and where the robot stood."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from perception_core.errors import PerceptionError
from perception_core.geometry.transforms import Transform
from perception_core.types import Obstacles, Truth


@dataclass(frozen=True, slots=True)
class EvaluationFrame:
    """Truth and result of one stamp in one frame.

    A velocity or yaw rate of the truth that is not known is NaN, and is not compared; a point count that is not known
    is -1, a visible fraction that is not known NaN.

    Attributes:
        truth: all objects that are there, seen or not.
        result: what was reported.
        T_fixed_base: float64 (4, 4) of the robot at the stamp, from base_link to the frame of truth and result.
    """

    truth: Truth
    result: Obstacles
    T_fixed_base: Transform

    def __post_init__(self) -> None:
        """Check that both speak of the same moment and place, in numbers.

        Raises:
            PerceptionError: different stamps or frames, boxes or velocities that are not finite, a negative size, an
                id that is there twice.
        """
        if self.truth.stamp_ns != self.result.stamp_ns:
            raise PerceptionError(
                f"evaluation: truth of {self.truth.stamp_ns} ns, result of {self.result.stamp_ns} ns: not one moment"
            )
        if self.truth.frame != self.result.frame:
            raise PerceptionError(
                f"evaluation: truth in frame {self.truth.frame!r}, result in {self.result.frame!r}: not comparable"
            )

        for name, boxes in (("truth", self.truth), ("result", self.result)):
            for column in ("centre", "size", "yaw", *(("velocity", "existence") if boxes is self.result else ())):
                if not np.isfinite(getattr(boxes, column)).all():
                    raise PerceptionError(f"evaluation: {name} of {self.stamp_ns} ns has a {column} that is not finite")
            if (boxes.size < 0.0).any():
                raise PerceptionError(f"evaluation: {name} of {self.stamp_ns} ns has a negative size")
            self._check_ids(name, [row.tobytes().hex() if row.ndim else str(row) for row in boxes.ids])

    def _check_ids(self, name: str, ids: list[str]) -> None:
        for identity, count in Counter(ids).items():
            if count > 1:
                raise PerceptionError(
                    f"evaluation: {name} of {self.stamp_ns} ns has {count} objects of one id: {identity}"
                )

    @property
    def stamp_ns(self) -> int:
        """Stamp of truth and result, int nanoseconds."""
        return self.truth.stamp_ns
