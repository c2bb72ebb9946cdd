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
    if out.shape != shape and not _fits(out.shape, shape):
        wanted = ", ".join("*" if n is None else str(n) for n in shape)
        raise error(f"{name}: expected shape ({wanted}), got {out.shape}")
    view = out.view()
    view.flags.writeable = False
    return view


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(given) == len(wanted) and all(w in (None, g) for w, g in zip(wanted, given, strict=True))


_ROUNDING = 1e-5
"""Share of the product of its variances by which a minor may be negative: float32 on the way."""


def sound_covariances(matrices: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return bool (N,): which of ``matrices`` (N, 3, 3) are finite, symmetric, positive semidefinite up to rounding?"""
    # Whole columns at once: hundreds of reductions of three numbers are slow.
    entries = np.ascontiguousarray(matrices.reshape(-1, 9).T)
    finite = np.isfinite(entries).all(axis=0)
    m = np.where(finite, entries, 0.0)
    d, off, mirrored = m[[0, 4, 8]], m[[1, 2, 5]], m[[3, 6, 7]]
    pairs = d[[0, 0, 1]] * d[[1, 2, 2]]
    whole = d.prod(axis=0)
    det = whole + 2.0 * off.prod(axis=0) - (d[::-1] * off**2).sum(axis=0)
    good = finite & (d >= 0.0).all(axis=0)
    good &= (np.abs(off - mirrored) <= _ROUNDING * np.sqrt(np.maximum(pairs, 0.0))).all(axis=0)
    good &= (off**2 <= (1.0 + _ROUNDING) * pairs).all(axis=0) & (det >= -_ROUNDING * whole)
    return np.asarray(good)


def check_covariances(name: str, matrices: NDArray[np.float64]) -> None:
    """Look whether ``matrices`` (..., 3, 3) are finite, symmetric and positive semidefinite up to rounding.

    Raises:
        PerceptionError: some are not; the first is named with its values.
    """
    given = matrices.reshape(-1, 3, 3)
    good = sound_covariances(given)
    if not good.all():
        first = given[np.flatnonzero(~good)[0]].tolist()
        raise PerceptionError(f"{name}: expected symmetric positive semidefinite matrices, got {first}")
