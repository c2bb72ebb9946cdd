"""What a detection head reads from a network's outputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """K boxes before non-maximum suppression, all finite.

    Attributes:
        boxes: float32 (K, 4) x_min, y_min, x_max, y_max in pixels: of the network's input where a head returns them.
        scores: float32 (K,) in [0, 1].
        class_ids: int32 (K,) as the caller's table of classes says.
        rows: int64 (K,) the anchor or query each comes from, where masks are asked for; else None.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.boxes)
