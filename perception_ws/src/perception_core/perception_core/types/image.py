"""Camera images and results as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ImageError
from perception_core.types._checks import column


@dataclass(frozen=True, slots=True)
class Image:
    """A colour image.

    Attributes:
        pixels: uint8 (H, W, 3), blue green red.
        stamp_ns: int nanoseconds.
        frame: optical frame (REP-103: z forward, x right, y down).
    """

    pixels: NDArray[np.uint8]
    stamp_ns: int
    frame: str

    def __post_init__(self) -> None:
        """Check the shape."""
        pixels = self.pixels
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ImageError(f"image: expected uint8 (H, W, 3) with H, W > 0, got {pixels.dtype} {pixels.shape}")


@dataclass(frozen=True, slots=True)
class Detections2D:
    """Boxes of one image, in source-image pixels.

    Attributes:
        stamp_ns: stamp of the image, int nanoseconds.
        frame: optical frame of the image.
        boxes: float64 (N, 4) x_min, y_min, x_max, y_max in pixels; pixel i covers [i, i + 1).
        scores: float64 (N,) in [0, 1].
        class_ids: int32 (N,) columns of ``types.classes.CLASSES``.
        image_size: (width, height) in pixels.
    """

    stamp_ns: int
    frame: str
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_ids: NDArray[np.int32]
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        """Check shapes and lengths, freeze the arrays."""
        set_ = object.__setattr__
        set_(self, "boxes", column("detections.boxes", self.boxes, np.float64, (None, 4), ImageError))
        n = len(self.boxes)
        set_(self, "scores", column("detections.scores", self.scores, np.float64, (n,), ImageError))
        set_(self, "class_ids", column("detections.class_ids", self.class_ids, np.int32, (n,), ImageError))

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.boxes)
