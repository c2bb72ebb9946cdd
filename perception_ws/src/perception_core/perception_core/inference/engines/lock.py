"""A lock between processes that dies with its holder."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from perception_core.errors import ModelError

_POLL = 0.2
"""Seconds between two looks at a lock that somebody else holds."""


@contextmanager
def file_lock(
    path: Path, waiting: Callable[[float], None] | None = None, stop: threading.Event | None = None
) -> Iterator[None]:
    """Hold the lock ``path`` (an empty file that stays) for the body; the kernel frees it when the process dies.

    ``waiting`` is told, again and again, for how many seconds somebody else has been waited for. Two holders within
    one process exclude each other too.

    Raises:
        OSError: the file cannot be made or opened (a read-only folder).
        ModelError: ``stop`` was set while waiting.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path, waiting, stop)
        yield
    finally:
        os.close(handle)  # which frees the lock


def _acquire(handle: int, path: Path, waiting: Callable[[float], None] | None, stop: threading.Event | None) -> None:
    begin = time.monotonic()
    stop = stop or threading.Event()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting(time.monotonic() - begin)
            if stop.wait(_POLL):
                raise ModelError(f"{path}: stopped while waiting for another process") from None
        else:
            return
