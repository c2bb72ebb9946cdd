"""Shape, dtype and length checks for column arrays; errors say what was expected and what came."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError


def column(
    name: str,
    array: Any,
    dtype: type[np.generic],
    shape: tuple[int | None, ...],
    error: type[PerceptionError] = PerceptionError,
) -> NDArray[Any]:
    """Return ``array`` as a read-only C-contiguous view of ``dtype``; None in ``shape`` accepts any length.

    Raises:
        error: ``cloud.xyz: expected shape (*, 3), got (4, 2)``.
    """
    out = np.ascontiguousarray(array, dtype=dtype)
    if out.ndim != len(shape) or any(w not in (None, g) for w, g in zip(shape, out.shape, strict=True)):
        wanted = ", ".join("*" if n is None else str(n) for n in shape)
        raise error(f"{name}: expected shape ({wanted}), got {out.shape}")
    view = out.view()
    view.flags.writeable = False
    return view
