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


_ROUNDING = 1e-5
"""Share of the product of its variances by which a minor may be negative: float32 on the way."""


def check_covariances(name: str, matrices: NDArray[np.float64]) -> None:
    """Look whether ``matrices`` (..., 3, 3) are finite, symmetric and positive semidefinite up to rounding.

    Raises:
        PerceptionError: some are not; the first is named with its values.
    """
    given = matrices.reshape(-1, 3, 3)
    finite = np.isfinite(given).all(axis=(1, 2))
    m = np.where(finite[:, None, None], given, 0.0)
    d = np.einsum("nii->ni", m)
    off = np.stack([m[:, 0, 1], m[:, 0, 2], m[:, 1, 2]], axis=1)
    mirrored = np.stack([m[:, 1, 0], m[:, 2, 0], m[:, 2, 1]], axis=1)
    pairs = d[:, [0, 0, 1]] * d[:, [1, 2, 2]]
    whole = d.prod(axis=1)
    det = whole + 2.0 * off.prod(axis=1) - (d[:, ::-1] * off**2).sum(axis=1)
    good = finite & (d >= 0.0).all(axis=1)
    good &= (np.abs(off - mirrored) <= _ROUNDING * np.sqrt(np.maximum(pairs, 0.0))).all(axis=1)
    good &= (off**2 <= (1.0 + _ROUNDING) * pairs).all(axis=1) & (det >= -_ROUNDING * whole)
    if not good.all():
        first = given[np.flatnonzero(~good)[0]].tolist()
        raise PerceptionError(f"{name}: expected symmetric positive semidefinite matrices, got {first}")
