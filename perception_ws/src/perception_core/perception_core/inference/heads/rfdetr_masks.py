"""RF-DETR-Seg: a mask of its own for each query, positive where the object is.

Roboflow's export has ``dets``, ``labels`` and ``masks`` (B, Q, rows, columns), the latter logits over the whole image.
"""

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.candidates import Candidates
from perception_core.inference.heads.detr import RfDetrHead
from perception_core.inference.heads.outputs import Outputs, entry_of, infos, listed
from perception_core.inference.model_card import ModelCard


class RfDetrMaskHead:
    """Reads boxes as RF-DETR's, and the masks of the queries that are asked for."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card."""
        self._card = card
        self._boxes = RfDetrHead(card)

    def check(self, outputs: tuple[TensorInfo, ...]) -> None:
        """Check the shapes of the outputs as far as the file states them.

        Raises:
            ModelError: naming the outputs, their shapes and what was expected.
        """
        masks = self._masks_among(outputs)
        self._boxes.check(tuple(output for output in outputs if output is not masks))

    def decode(
        self, outputs: Outputs, score_threshold: float, class_table: NDArray[np.int32], entry: int = 0
    ) -> Candidates:
        """Return the candidates that score at least ``score_threshold`` in pixels of the network's input, with rows.

        Raises:
            ModelError: shapes that do not fit, or numbers that cannot be scores.
        """
        masks = self._masks_among(infos(outputs)).name
        boxed = {name: array for name, array in outputs.items() if name != masks}
        return self._boxes.decode(boxed, score_threshold, class_table, entry)

    def masks(self, outputs: Outputs, rows: NDArray[np.int64], entry: int = 0) -> NDArray[np.float32]:
        """Return float32 (K, h, w) for the boxes of ``rows``: positive where the object is, over the whole input.

        Raises:
            ModelError: shapes that do not fit, or fewer masks than queries.
        """
        name = self._masks_among(infos(outputs)).name
        every = entry_of(self._card.name, name, outputs[name], entry)
        if len(rows) and rows.max() >= len(every):
            raise ModelError(f"{self._card.name}: output {name} has {len(every)} masks, query {rows.max()} has none")
        return np.nan_to_num(every[rows], nan=-1.0)

    def warm_up(self) -> None:
        """Compile, or load from the cache, so that no image has to wait."""
        self._boxes.warm_up()

    def _masks_among(self, outputs: tuple[TensorInfo, ...]) -> TensorInfo:
        found = [output for output in outputs if len(output.shape) == 4]
        if len(found) != 1:
            raise ModelError(
                f"{self._card.name}: expected one output of masks [1, queries, h, w], got {listed(outputs)}"
            )
        return found[0]
