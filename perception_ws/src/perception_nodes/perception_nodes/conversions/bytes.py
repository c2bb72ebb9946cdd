"""Bulk bytes of messages."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from array import array


def fill_bytes(data: "array[Any]", values: NDArray[Any]) -> None:
    """Append the bytes of an array to a message's uint8[] field.

    Assigning an ndarray to the field instead goes through the setter number by number: 100 ms for a scan, not 0.2 ms.
    """
    if values.size:
        data.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
