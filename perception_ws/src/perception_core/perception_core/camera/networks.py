"""The networks that the images of one or several cameras are read with: one of any task, and one for pixels beside it.

All cameras share them. An image that nobody asks the pixels of costs the detection alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from perception_core.camera.detector import CameraConfig, CameraDetector, CameraResult, build_detector
from perception_core.errors import ModelError
from perception_core.types import Image

NETWORK = "network"
SEGMENTER = "segmenter"
"""Names of the two for people: in diagnostics and reports."""


class CameraNetworks:
    """One network, or two that look at the same images; owned by one thread, as their buffers are."""

    def __init__(self, network: CameraDetector, segmenter: CameraDetector | None = None, fault: str = "") -> None:
        """Join loaded networks.

        Args:
            network: gives boxes, and where its task says so masks or classes of pixels.
            segmenter: gives the classes of pixels in its place.
            fault: why a segmenter that was asked for is not there; kept for reports.

        Raises:
            ModelError: a segmenter that gives no classes of pixels.
        """
        if segmenter is not None and not segmenter.card.segments_pixels:
            card = segmenter.card
            raise ModelError(f"segmentation_model: {card.name} is for {card.task}, it gives no classes of pixels")
        self._network = network
        self._segmenter = segmenter
        self._ran: Sequence[str] = ()
        self.fault = fault

    @property
    def parts(self) -> Mapping[str, CameraDetector]:
        """The networks by what they are called."""
        parts = {NETWORK: self._network}
        return parts if self._segmenter is None else {**parts, SEGMENTER: self._segmenter}

    @property
    def detects(self) -> bool:
        """Whether there will be boxes."""
        return self._network.card.detects

    @property
    def segments(self) -> bool:
        """Whether there can be a label image: classes of pixels, or masks of the detections."""
        return any(part.card.segments_pixels or part.card.task == "instances" for part in self.parts.values())

    @property
    def timings(self) -> Mapping[str, float]:
        """Milliseconds of the last run by stage; those of the segmenter as ``segmenter.inference``."""
        timings: dict[str, float] = {}
        for what in self._ran:
            prefix = "" if what == NETWORK else f"{what}."
            timings |= {f"{prefix}{stage}": ms for stage, ms in self.parts[what].timings.items()}
        return timings

    def warm_up(self) -> None:
        """Compile and run everything once. Raises ModelError."""
        self._ran = ()
        for part in self.parts.values():
            part.warm_up()

    def perceive(self, image: Image, pixels: bool = True) -> CameraResult:
        """Return all that the networks say of one image; without ``pixels`` no masks and no classes of pixels.

        Raises:
            ModelError: a network fails, or returns what cannot be read.
        """
        return self.perceive_batch((image,), pixels)[0]

    def perceive_batch(self, images: Sequence[Image], pixels: bool = True) -> list[CameraResult]:
        """Read several images, of any sizes, in as few runs as the networks' batches allow.

        Raises:
            ModelError: a network fails, or returns what cannot be read.
        """
        results = self._network.perceive_batch(images, pixels)
        self._ran = (NETWORK,)
        if self._segmenter is None or not pixels:
            return results
        labelled = self._segmenter.perceive_batch(images)
        self._ran = (NETWORK, SEGMENTER)
        return [replace(a, segmentation=b.segmentation) for a, b in zip(results, labelled, strict=True)]

    def close(self) -> None:
        """Free the networks."""
        for part in self.parts.values():
            part.close()


def build_networks(
    config: CameraConfig | None = None, folders: Sequence[Path | str] = (), images: int = 1
) -> CameraNetworks:
    """Find the configured networks in ``folders`` and load them; not warmed up yet.

    TensorRT engines are built for up to ``images`` at once, or as many as the configuration says if that is more.
    Without the segmentation model there are boxes still: its error is kept in ``fault``.

    Raises:
        ModelError: no weights of ``model``, an engine that is not available, or a file that is not what its card says.
    """
    config = config or CameraConfig()
    most = max(images, config.inference.max_batch)
    config = replace(config, inference=replace(config.inference, max_batch=most))
    network = build_detector(config, folders)
    if not config.segmentation_model:
        return CameraNetworks(network)
    segmenter: CameraDetector | None = None
    try:
        segmenter = build_detector(replace(config, model=config.segmentation_model), folders)
        return CameraNetworks(network, segmenter)
    except ModelError as error:
        if segmenter is not None:
            segmenter.close()
        return CameraNetworks(network, fault=f"no classes of pixels: {error}")
