"""Whether a camera still sees: images that are black, washed out, or always the same are no view of anything."""

from dataclasses import dataclass

import numpy as np

from perception_core.config import Config, param
from perception_core.errors import ImageError
from perception_core.types import Image

_ROWS = 96
"""Rows that are looked at, and as dense columns."""
_BLACK_SHARE, _BRIGHT_SHARE = 0.995, 0.9
"""Shares of an image: a lamp in the night is more than what a black one leaves; the sun washes out less than this."""


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
        "images that stay the same to the last bit for this long are frozen: noise changes real ones; 0 takes all",
        unit="s",
        low=0.0,
        high=60.0,
    )


class ImageWatch:
    """The last image of one camera."""

    def __init__(self, config: ImageWatchConfig) -> None:
        """Start without an image."""
        self._config = config
        self._last = b""
        self._since_ns = 0
        self._stamp_ns = 0

    def check(self, image: Image) -> None:
        """Look at a sample of the pixels of the next image.

        Raises:
            ImageError: it is black, overexposed, or the same as all before for ``frozen_after`` seconds.
        """
        config = self._config
        step = max(1, image.pixels.shape[0] // _ROWS)
        sample = np.ascontiguousarray(image.pixels[::step, ::step])
        if float((sample.max(axis=2) <= config.black_level).mean()) >= _BLACK_SHARE:
            raise ImageError(f"black: no pixel is brighter than {config.black_level} of 255")
        if float((sample.min(axis=2) > config.bright_level).mean()) >= _BRIGHT_SHARE:
            raise ImageError(f"overexposed: {_BRIGHT_SHARE:.0%} of the pixels are brighter than {config.bright_level}")
        if self._frozen(sample.tobytes(), image.stamp_ns):
            raise ImageError(f"frozen: the same image for more than {config.frozen_after:g} s")

    def _frozen(self, sample: bytes, stamp_ns: int) -> bool:
        if sample != self._last or stamp_ns < self._stamp_ns:
            self._last, self._since_ns = sample, stamp_ns
        self._stamp_ns = stamp_ns
        limit_ns = round(self._config.frozen_after * 1e9)
        return 0 < limit_ns < stamp_ns - self._since_ns
