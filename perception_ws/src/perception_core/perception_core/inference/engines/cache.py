"""The folder of built engines: what is there is checked before it is used, and built once for all processes."""

import contextlib
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from perception_core.inference.engines.file_format import EngineFileError, encode_header, read_engine
from perception_core.inference.engines.key import CONTENTS, EngineKey
from perception_core.inference.engines.lock import file_lock
from perception_core.inference.progress import Progress, Report, unheard

_PART = ".part"
_STALE_PART = 3600.0
"""Seconds after which a temporary file was left by a process that died: writing one takes seconds."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """A built engine and what there is to say about it.

    Attributes:
        data: the engine.
        built: it was built now, not read.
        notes: sentences for people: why a file was not used, why it could not be stored.
    """

    data: bytes
    built: bool
    notes: tuple[str, ...] = ()


class EngineCache:
    """Engines in one folder, which processes may share; nothing but the folder is kept."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Use ``folder``, made when it is first needed; the least recently used engines go beyond ``limit_bytes``."""
        self._folder = folder
        self._limit = limit_bytes

    def path_of(self, key: EngineKey) -> Path:
        """Return where the engine, or other content, of ``key`` is stored."""
        return self._folder / f"{key.digest()}.{key.content}"

    def obtain(
        self,
        key: EngineKey,
        build: Callable[[], bytes],
        report: Report = unheard,
        stop: threading.Event | None = None,
    ) -> CachedEngine:
        """Return the engine of ``key``: read, or built by ``build`` and stored.

        While another process builds the same engine this one waits, then reads it. A file that is damaged, cut off,
        of another key, or that others than its owner could have written, is built anew. A cache that cannot be
        written is no error: the engine is used from memory, and the notes say so.

        Raises:
            ModelError: the build failed, or ``stop`` was set while waiting.
        """
        engine, notes = self.read(key)
        if engine is not None:
            return CachedEngine(engine, built=False)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = file_lock(self._folder / f"{key.digest()}.lock", _waiting(report), stop)
            held = contextlib.ExitStack()
            held.enter_context(lock)
        except OSError as error:
            return CachedEngine(build(), built=True, notes=(*notes, self._unstored(error, key.content)))
        with held:
            engine, notes = self.read(key)  # somebody may have built it meanwhile
            if engine is not None:
                return CachedEngine(engine, built=False)
            engine = build()
            return CachedEngine(engine, built=True, notes=(*notes, *self.store(key, engine)))

    def discard(self, key: EngineKey) -> None:
        """Forget the engine of ``key``, which turned out not to run here."""
        with contextlib.suppress(OSError):
            self.path_of(key).unlink()

    def read(self, key: EngineKey) -> tuple[bytes | None, tuple[str, ...]]:
        """Return what is stored under ``key``, and why it is not used; None where there is nothing good."""
        path = self.path_of(key)
        try:
            _check_owner(path)
            engine = read_engine(path, key)
        except FileNotFoundError:
            return None, ()
        except (OSError, EngineFileError) as error:
            return None, (f"{path} is not used and built anew: {error}",)
        with contextlib.suppress(OSError):  # a read-only cache keeps no time of use
            os.utime(path)
        return engine, ()

    def store(self, key: EngineKey, engine: bytes) -> tuple[str, ...]:
        """Store what belongs to ``key`` in the place of what was there; return why it cannot be, if so."""
        path = self.path_of(key)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(engine), keep=path)
            write_atomically(path, (encode_header(key, engine), engine))
        except OSError as error:
            return (self._unstored(error, key.content),)
        return ()

    def _unstored(self, error: OSError, content: str) -> str:
        reason, what = error.strerror or str(error), content.replace("_", " ")
        return f"{self._folder}: the {what} cannot be stored ({reason}) and will be built again at the next start"

    def _make_room(self, size: int, keep: Path) -> None:
        """Delete the engines that were not used for longest until ``size`` bytes fit, and what dead processes left."""
        for part in self._folder.glob(f"*{_PART}"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > _STALE_PART:
                    part.unlink()
        engines = []
        for path in (path for content in CONTENTS for path in self._folder.glob(f"*.{content}")):
            with contextlib.suppress(OSError):
                state = path.stat()
                engines.append((state.st_mtime_ns, state.st_size, path))
        total = size + sum(used for _, used, path in engines if path != keep)
        for _, used, path in sorted(engines):
            if total <= self._limit:
                return
            if path != keep:
                path.unlink(missing_ok=True)
                total -= used


def write_atomically(path: Path, blocks: Iterable[bytes]) -> None:
    """Write a file so that others see all of it or none, also after a power cut; only its owner may read it.

    Raises:
        OSError: a full disk, a read-only folder; nothing is left behind.
    """
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=_PART, dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_owner(path: Path) -> None:
    """Refuse what another user could have written: an engine is code that runs as we do.

    Raises:
        EngineFileError: another owner than this user or root, or others may write it.
        OSError: there is none.
    """
    state = path.stat()
    if state.st_uid not in (0, os.geteuid()):
        raise EngineFileError(f"owned by user {state.st_uid}")
    if state.st_mode & _OTHERS_MAY_WRITE:
        raise EngineFileError(f"others may write it (mode {stat.S_IMODE(state.st_mode):o})")


def _waiting(report: Report) -> Callable[[float], None]:
    def tell(seconds: float) -> None:
        report(Progress("wait", None, f"another process is building this engine, waiting for {seconds:.0f} s"))

    return tell
