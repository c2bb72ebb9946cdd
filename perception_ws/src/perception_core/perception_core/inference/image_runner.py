"""Networks that take images as they are, and prepare them where they run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception_core.inference.layout import Placement
from perception_core.inference.model_card import InputSpec


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Where images become the network's input.

    Attributes:
        device: ``CPU`` or ``GPU``.
        fault: why it is the CPU where the network runs on a GPU that could do it; empty otherwise.
    """

    device: str = "CPU"
    fault: str = ""

    def __str__(self) -> str:
        """Return ``GPU``, ``CPU`` or ``CPU, because ...``."""
        return f"{self.device}, because {self.fault}" if self.fault else self.device


class ImageRunner(Protocol):
    """Prepares images on the device of the network and runs it on them; one owner, as a backend has."""

    def prepare(
        self,
        spec: InputSpec,
        images: Sequence[NDArray[np.uint8]],
        windows: Sequence[Sequence[Placement]],
        others: Mapping[str, NDArray[Any]],
    ) -> None:
        """Ask for the next run's input; the images are the caller's again when this returns.

        Args:
            spec: how pixels become the input.
            images: uint8 (H, W, 3) BGR, of any sizes; where there are fewer than the network's batch, its other
                entries keep what was there.
            windows: for each, where it lies in the input, as ``layout.lay_out`` says.
            others: the network's other inputs, by name.

        Raises:
            ModelError: more images than the network takes, inputs that do not fit, or a failure of the device.
        """
        ...

    def run(self) -> Mapping[str, NDArray[Any]]:
        """Run the network once on what was prepared; the arrays returned are the caller's.

        Raises:
            ModelError: nothing was prepared, or a failure of the engine.
        """
        ...
