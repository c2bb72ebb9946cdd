"""Detection ahead of its turn: while a scan is worked on, a thread decodes the next images and detects in them.

The network runs outside the interpreter's lock, so this takes the camera out of the time a replay needs on two cores.
The results do not depend on it: each image gives what it gives, and is handed over when its turn comes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from perception_core.camera.detector import CameraDetector
from perception_core.types import Detections2D, Image
from perception_tools.bags import BagMessage

DEPTH = 12
"""Messages read ahead: enough to find the next image or two."""


class DetectionAhead:
    """One camera: decodes and detects in a thread; stands in for its detector in the pipeline."""

    def __init__(self, decode: Callable[[bytes], Image], detector: CameraDetector | None) -> None:
        """Without a detector images are only decoded."""
        self._decode = decode
        self._detector = detector
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="camera")
        self._pending: dict[int, Future[tuple[Image, Detections2D | None, float, float]]] = {}
        self._turn: Detections2D | None = None
        self.decode_ms = 0.0
        self.detect_ms = 0.0

    def start(self, message: BagMessage) -> None:
        """Begin to work on a message whose turn will come."""
        self._pending[id(message)] = self._thread.submit(self._work, message.data)

    def take(self, message: BagMessage) -> Image:
        """Return the image whose turn it is; `detect` then gives its detections.

        Raises:
            ImageError, ModelError: what decoding and detecting raised.
        """
        image, self._turn, self.decode_ms, self.detect_ms = self._pending.pop(id(message)).result()
        return image

    def detect(self, image: Image) -> Detections2D:
        """Return the detections of the image that was taken last."""
        assert self._turn is not None
        assert self._turn.stamp_ns == image.stamp_ns
        return self._turn

    def warm_up(self) -> None:
        """Warm the detector up."""
        if self._detector is not None:
            self._detector.warm_up()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _work(self, data: bytes) -> tuple[Image, Detections2D | None, float, float]:
        began = time.perf_counter()
        image = self._decode(data)
        decoded = time.perf_counter()
        found = None if self._detector is None else self._detector.detect(image)
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
