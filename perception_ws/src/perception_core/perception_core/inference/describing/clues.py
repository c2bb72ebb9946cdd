"""What the rules look at, what they answer, and what several of them ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from perception_core.inference.backend import TensorInfo
from perception_core.inference.description import Finding
from perception_core.inference.exporter_notes import ExporterNotes
from perception_core.inference.grids import count_cells, whole_strides
from perception_core.inference.heads.nanodet import PLUS_STRIDES

BOX, BOX_AND_OBJECTNESS = 4, 5
"""Numbers of an anchor besides its classes."""

ANCHORS_A_CELL = 3


@dataclass(frozen=True, slots=True)
class Clues:
    """What all the rules look at: None for a size that is open."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    notes: ExporterNotes | None
    operators: Mapping[str, int]
    width: int | None
    height: int | None

    @property
    def count(self) -> int | None:
        """Number of classes, where the exporter wrote their names."""
        return None if self.notes is None else len(self.notes.names)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the outputs are taken for."""

    family: Finding
    task: Finding
    count: int | None = None
    strides: tuple[int, ...] = ()
    end_to_end: bool | None = None
    segmentation_output: str = ""
    segment_count: int | None = None


def pyramid(clues: Clues, cells: int | None) -> tuple[int, ...]:
    """Return the strides whose grids over the input have so many cells; empty where unknown or none."""
    if cells is None or clues.width is None or clues.height is None:
        return ()
    return whole_strides(clues.width, clues.height, cells)


def is_pyramid(clues: Clues, rows: int) -> bool:
    """Return whether so many rows are the anchors of any family over the input."""
    if clues.width is None or clues.height is None:
        return False
    three_each = rows % ANCHORS_A_CELL == 0 and bool(pyramid(clues, rows // ANCHORS_A_CELL))
    return three_each or bool(pyramid(clues, rows)) or rows == count_cells(clues.width, clues.height, PLUS_STRIDES)
