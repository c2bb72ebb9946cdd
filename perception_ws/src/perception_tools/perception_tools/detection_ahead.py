"""Images ahead of their turn: while a scan is worked on, a thread decodes the next images and runs the networks.

The network runs outside the interpreter's lock, so this takes the camera out of the time a replay needs on two cores.
The results do not depend on it: each image gives what it gives, and is handed over when its turn comes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from perception_core.camera.detector import CameraResult
from perception_core.camera.networks import CameraNetworks
from perception_core.types import Image
from perception_tools.bags import BagMessage

DEPTH = 12
"""Messages read ahead: enough to find the next image or two."""


class DetectionAhead:
    """One camera: decodes and reads its images in a thread; stands in for its networks in the pipeline."""

    def __init__(self, decode: Callable[[bytes], Image], networks: CameraNetworks | None, pixels: bool) -> None:
        """Without networks images are only decoded; ``pixels`` asks for the classes of pixels too."""
        self._decode = decode
        self._networks = networks
        self._pixels = pixels
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="camera")
        self._pending: dict[int, Future[tuple[Image, CameraResult | None, float, float]]] = {}
        self._turn: tuple[int, CameraResult] | None = None
        self.decode_ms = 0.0
        self.detect_ms = 0.0

    def start(self, message: BagMessage) -> None:
        """Begin to work on a message whose turn will come."""
        self._pending[id(message)] = self._thread.submit(self._work, message.data)

    def take(self, message: BagMessage) -> Image:
        """Return the image whose turn it is; `perceive` then gives what was seen in it.

        Raises:
            ImageError, ModelError: what decoding and detecting raised.
        """
        image, result, self.decode_ms, self.detect_ms = self._pending.pop(id(message)).result()
        self._turn = None if result is None else (image.stamp_ns, result)
        return image

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:
        """Return what was seen in the image that was taken last; its pixels' classes as they were asked for before."""
        assert self._turn is not None
        stamp_ns, result = self._turn
        assert (stamp_ns, self._pixels) == (image.stamp_ns, pixels)
        return result

    def warm_up(self) -> None:
        """Warm the networks up."""
        if self._networks is not None:
            self._networks.warm_up()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _work(self, data: bytes) -> tuple[Image, CameraResult | None, float, float]:
        began = time.perf_counter()
        image = self._decode(data)
        decoded = time.perf_counter()
        found = None if self._networks is None else self._networks.perceive(image, self._pixels)
        return image, found, (decoded - began) * 1e3, (time.perf_counter() - decoded) * 1e3


def look_ahead(messages: Iterator[BagMessage], on_sight: Callable[[BagMessage], Any]) -> Iterator[BagMessage]:
    """Yield the messages in order, each announced to ``on_sight`` up to `DEPTH` messages before its turn."""
    seen: deque[BagMessage] = deque()
    for message in messages:
        on_sight(message)
        seen.append(message)
        if len(seen) > DEPTH:
            yield seen.popleft()
    yield from seen
