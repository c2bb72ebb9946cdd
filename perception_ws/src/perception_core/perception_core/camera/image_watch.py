"""Whether a camera still sees: images that are black, washed out, or always the same are no view of anything."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from perception_core.config import Config, param
from perception_core.errors import ImageError
from perception_core.types import Image

_ROWS = 96
"""Rows that are looked at, and as dense columns."""
_BLACK_SHARE, _BRIGHT_SHARE = 0.995, 0.9
"""Shares of an image: a lamp in the night is more than what a black one leaves; the sun washes out less than this."""
_STILL, _ALL_OVER = 0.05, 0.5
"""Shares of the values that differ from image to image: noise alone changes a quarter, also of compressed images. Where
something moves and less than the first differs, the rest has no noise (a simulation, a coded video), until more than
the second differs."""


@dataclass(frozen=True)
class ImageWatchConfig(Config):
    """Which images are refused."""

    black_level: int = param(
        10, "an image is black when nearly no pixel is brighter than this; -1 takes all", low=-1, high=255
    )
    bright_level: int = param(
        250, "an image is overexposed when 90 % of its pixels are brighter than this; 255 takes all", low=0, high=255
    )
    frozen_after: float = param(
        2.0,
        "images that stay the same to the last bit for this long are frozen, unless they have no noise; 0 takes all",
        unit="s",
        low=0.0,
        high=60.0,
    )


class ImageWatch:
    """The last image of one camera."""

    def __init__(self, config: ImageWatchConfig) -> None:
        """Start without an image."""
        self._config = config
        self._last = np.empty((0, 0, 3), np.uint8)
        self._noisy = True
        self._since_ns = 0
        self._stamp_ns = 0

    def check(self, image: Image) -> None:
        """Look at a sample of the pixels of the next image.

        Raises:
            ImageError: it is black, overexposed, or the same as all before for ``frozen_after`` seconds.
        """
        config = self._config
        step = max(1, image.pixels.shape[0] // _ROWS)
        sample = image.pixels[::step, ::step].copy()
        channels = (sample[:, :, 0], sample[:, :, 1], sample[:, :, 2])  # many times as fast as along the last axis
        if float((reduce(np.maximum, channels) <= config.black_level).mean()) >= _BLACK_SHARE:
            raise ImageError(f"black: no pixel is brighter than {config.black_level} of 255")
        if float((reduce(np.minimum, channels) > config.bright_level).mean()) >= _BRIGHT_SHARE:
            raise ImageError(f"overexposed: {_BRIGHT_SHARE:.0%} of the pixels are brighter than {config.bright_level}")
        if self._frozen(sample, image.stamp_ns):
            raise ImageError(f"frozen: the same image for more than {config.frozen_after:g} s")

    def _frozen(self, sample: NDArray[np.uint8], stamp_ns: int) -> bool:
        changed = float((sample != self._last).mean()) if sample.shape == self._last.shape else 1.0
        if changed > 0.0 or stamp_ns < self._stamp_ns:
            self._last, self._since_ns = sample, stamp_ns
        if changed > _ALL_OVER:
            self._noisy = True
        elif 0.0 < changed < _STILL:
            self._noisy = False
        self._stamp_ns = stamp_ns
        limit_ns = round(self._config.frozen_after * 1e9)
        return self._noisy and 0 < limit_ns < stamp_ns - self._since_ns
