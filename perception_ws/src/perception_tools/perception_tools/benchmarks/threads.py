"""One thread for everybody: pools of threads are made for one processor and stay so."""

import contextlib
import os
from collections.abc import Iterator

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Read by OpenMP (Open3D, scikit-learn), the BLAS libraries and numba when they are loaded."""


def ask_for_one() -> None:
    """Set :data:`VARIABLES` to 1; for libraries that are not loaded yet."""
    for name in VARIABLES:
        os.environ[name] = "1"


@contextlib.contextmanager
def single_processor() -> Iterator[None]:
    """Within, this process has one processor: what sizes its pool at first use (oneTBB in Open3D) makes one thread.

    Afterwards the process may move again, so that a busy processor slows nobody in particular.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
