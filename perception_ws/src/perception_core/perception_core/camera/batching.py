"""How many images of several cameras go into one run of the networks: as many as measuring shows to pay."""

import time
from collections.abc import Callable

import numpy as np

from perception_core.camera.networks import NETWORK, CameraNetworks
from perception_core.errors import ModelError
from perception_core.types import Image

_LEAST_GAIN = 1.25
"""Images a second of the batch over those one by one, from which it is worth that the first waits for the last."""

_REPEATS = 3


class Batching:
    """Chooses the number of images a run; measures again when the engine has changed over to another."""

    def __init__(
        self, networks: CameraNetworks, cameras: int, mode: str, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Ask for up to ``cameras`` images a run.

        Args:
            networks: warmed up.
            cameras: number of cameras that share the networks.
            mode: ``auto`` measures, ``off`` is one, ``on`` is all that are there.
            clock: seconds.
        """
        self._networks = networks
        self._cameras = cameras
        self._mode = mode
        self._clock = clock
        self._measured_on: tuple[str, ...] = ()
        self._size = 1
        self.reason = ""

    def size(self) -> int:
        """Return the most images to run at once; measures first where that is due (some runs of the networks)."""
        engines = tuple(part.backend.name for part in self._networks.parts.values())
        if engines != self._measured_on:
            self._measured_on = engines
            self._size, self.reason = self._choose()
        return self._size

    def _choose(self) -> tuple[int, str]:
        if self._mode == "off" or self._cameras < 2:
            return 1, "one by one: " + ("as asked" if self._mode == "off" else "there is one camera")
        for part in self._networks.parts.values():
            if part.batch == 1:
                return 1, f"one by one: {part.card.name} takes one image a run"
        if self._mode == "on":
            return self._cameras, f"up to {self._cameras} at once: as asked"
        try:
            gain = self._gain()
        except ModelError as error:
            return 1, f"one by one: a run of {self._cameras} images failed: {error}"
        if gain < _LEAST_GAIN:
            return 1, f"one by one: {self._cameras} at once are {gain:.2f} x as fast, which is not worth the wait"
        return self._cameras, f"up to {self._cameras} at once: {gain:.2f} x as fast as one by one"

    def _gain(self) -> float:
        """Return how many times as many images a second a full batch makes. Raises ModelError."""
        return self._cameras * self._fastest(1) / max(self._fastest(self._cameras), 1e-9)

    def _fastest(self, count: int) -> float:
        spec = self._networks.parts[NETWORK].card.input
        images = [Image(np.zeros((spec.height, spec.width, 3), np.uint8), 0, "")] * count
        seconds = []
        for _ in range(1 + _REPEATS):  # the first run of a size allocates
            began = self._clock()
            self._networks.perceive_batch(images)
            seconds.append(self._clock() - began)
        return min(seconds[1:])
