"""What numba compiles while messages come.

A kernel is compiled for the types of its arguments, and an array's type is its dtype, its dimensions, whether it lies
contiguously and whether it may be written to. A ``warm_up`` that misses one of them costs the first scan that brings it
a second or more, once on every new machine: on none of those that develop the stack. So it is watched.
"""

import sys
from typing import Any

import numpy as np
from numba.core.registry import CPUDispatcher

_PACKAGE = "perception_core."


def frozen[D: np.dtype[Any]](array: np.ndarray[Any, D]) -> np.ndarray[Any, D]:
    """Return the array contiguous and read-only, a view where it can be: one type for a kernel, whoever made it."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


class CompileWatch:
    """Tells which kernels of this package were compiled, or fetched from numba's cache, after it was made."""

    def __init__(self) -> None:
        """Take what is compiled now as what is to be; it watches the modules that are loaded by now."""
        self._kernels = _kernels()
        self._versions = self._count()

    def late(self) -> list[str]:
        """Return the names ``module.kernel`` that have a version more than when last asked, sorted."""
        before, self._versions = self._versions, self._count()
        return sorted(name for name, count in self._versions.items() if count > before[name])

    def _count(self) -> dict[str, int]:
        return {name: len(kernel.overloads) for name, kernel in self._kernels.items()}


def _kernels() -> dict[str, CPUDispatcher]:
    modules = [(name, module) for name, module in list(sys.modules.items()) if name.startswith(_PACKAGE)]
    return {
        f"{name.removeprefix(_PACKAGE)}.{key}": value
        for name, module in modules
        for key, value in vars(module).items()
        if isinstance(value, CPUDispatcher) and value.py_func.__module__ == name
    }
