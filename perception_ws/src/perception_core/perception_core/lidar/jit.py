"""Compilation of the hot loops, in one place and typed.

Kernels are cached on disk beside the source (or in NUMBA_CACHE_DIR where that is read-only); ``warm_up`` of the
processor calls each once, so that nothing compiles during a scan. The cache of a kernel does not notice that a kernel
it calls in ANOTHER file has changed: when developing, delete ``__pycache__/*.nb*`` after such a change.
"""

from collections.abc import Callable
from typing import cast

import numba
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Mask = NDArray[np.bool_]


def kernel[F: Callable[..., object]](function: F) -> F:
    """Compile ``function`` with numba at its first call, without fast-math: results do not depend on the machine.

    Dividing by zero gives inf or NaN as in NumPy; an exception there, as Python has it, forbids vector instructions.
    """
    return cast("F", numba.njit(cache=True, error_model="numpy")(function))
