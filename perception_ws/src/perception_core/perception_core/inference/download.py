"""Files from the web: gone on with where a line broke, checked while they come, seen by others only when whole."""

import contextlib
import hashlib
import os
import shutil
import threading
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from perception_core.errors import ModelError
from perception_core.inference.engines.cache import sync_folder
from perception_core.inference.engines.lock import file_lock
from perception_core.inference.progress import Progress, Report, unheard

_BLOCK = 64 * 1024
_MOST_BYTES = 8 << 30
"""Where the size is not known: no network of this stack is larger, and a server without end must not fill the disk."""

_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be had, and where.

    Attributes:
        urls: addresses of one and the same file, tried one after the other; http or https.
        sha256: hashes it may have; empty: not known.
        size: bytes; 0: not known.
    """

    urls: tuple[str, ...]
    sha256: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for: seconds without a byte, tries in a row that bring nothing, seconds between."""

    timeout: float = 30.0
    tries: int = 4
    pause: float = 1.0


def download(
    source: Source,
    path: Path,
    report: Report = unheard,
    stop: threading.Event | None = None,
    unchecked: bool = False,
    patience: Patience | None = None,
) -> Path:
    """Bring a file to ``path``, unless it is there already, and return ``path``.

    What came before a line broke, or before the process was ended, is kept beside it as ``.NAME.part`` and gone on
    with. Two processes do not bring the same file twice. A file whose sha256 is another is deleted.

    Raises:
        ModelError: no hash is known and ``unchecked`` is not set; no address gave the file (the message says for each
            what was wrong); a full disk, a folder that cannot be written; ``stop`` was set.
    """
    _check_source(source, path, unchecked)
    stop = stop or threading.Event()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path.with_name(f".{path.name}.lock"), _waiting(path, report), stop):
            if path.is_file() and (not source.sha256 or _digest(path) in source.sha256):
                return path
            part = _Part(path.with_name(f".{path.name}.part"))
            if not source.sha256:
                part.clear()  # what cannot be checked cannot be gone on with
            _bring(source, path, part, report, stop, patience or Patience())
    except OSError as error:
        raise ModelError(f"{path}: cannot write it: {error.strerror or error}") from error
    return path


def _check_source(source: Source, path: Path, unchecked: bool) -> None:
    if not source.sha256 and not unchecked:
        raise ModelError(
            f"{path.name}: its sha256 was never checked, so it is taken only where that is said explicitly"
        )
    if not source.urls:
        raise ModelError(f"{path.name}: no address to have it from")
    for url in source.urls:
        if not url.startswith(("http://", "https://")):
            raise ModelError(f"{path.name}: {url!r} is no address of http or https")


def _bring(
    source: Source, path: Path, part: "_Part", report: Report, stop: threading.Event, patience: Patience
) -> None:
    """Try the addresses one after the other until one gave the right file, and put it into its place."""
    failures = []
    for url in source.urls:
        try:
            _from_one(url, source, part, report, stop, patience)
        except _FailureError as failure:
            failures.append(f"{url}: {failure}")
            continue
        part.publish(path)
        return
    raise ModelError(f"{path.name} cannot be had: {'; '.join(failures)}")


def _from_one(
    url: str, source: Source, part: "_Part", report: Report, stop: threading.Event, patience: Patience
) -> None:
    """Bring the file from one address; a file that began elsewhere and came out wrong is brought again as a whole."""
    for _ in range(2):
        began = part.size()
        _fetch(url, source, part, report, stop, patience)
        digest = _digest(part.path)
        if not source.sha256 or digest in source.sha256:
            return
        part.clear()
        if not began:
            raise _FailureError(f"its sha256 {digest} is not {' or '.join(source.sha256)}; deleted")
    raise _FailureError("it is another file than the card knows; deleted")


class _FailureError(Exception):
    """One address did not give the file."""


class _Part:
    """The part of a file that is here already."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)

    def publish(self, path: Path) -> None:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(path)
        sync_folder(path.parent)


def _fetch(url: str, source: Source, part: _Part, report: Report, stop: threading.Event, patience: Patience) -> None:
    """Bring the rest of the file, in as many requests as it takes.

    Raises:
        _FailureError: the server does not have it, or gave nothing more in ``patience.tries`` requests.
        OSError: it cannot be written.
        ModelError: ``stop`` was set.
    """
    idle, problem = 0, ""
    while idle < patience.tries:
        if idle and stop.wait(patience.pause):
            raise ModelError(f"{part.path}: stopped")
        before = part.size()
        try:
            if _request(url, source, part, report, stop, patience.timeout):
                return
            problem = "the line broke"
        except HTTPError as error:
            problem = f"{error.code} {error.reason}"
            if error.code == 416 and before:  # nothing after what is here: whole, or of another file
                return
            if error.code not in _WORTH_ANOTHER_TRY:
                raise _FailureError(problem) from error
        except _LineError as error:
            problem = str(error)
        idle = 0 if part.size() > before else idle + 1
    raise _FailureError(problem)


class _LineError(Exception):
    """A connection failed; another may not."""


def _request(url: str, source: Source, part: _Part, report: Report, stop: threading.Event, timeout: float) -> bool:
    """Ask for the rest of the file and append what comes; whether it is whole now."""
    have = part.size()
    opener = _opener()
    opener.addheaders = [("User-Agent", "perception"), *([("Range", f"bytes={have}-")] if have else [])]
    try:
        response = opener.open(url, timeout=timeout)
    except HTTPError:
        raise
    except (OSError, HTTPException) as error:
        raise _LineError(_reason(error)) from error
    with response:
        if have and not _goes_on(response, have):
            part.clear()
            have = 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else source.size
        _check_room(part, source, have, total)
        return _append(response, source, part, have, total, report, stop)


def _append(
    response: Any, source: Source, part: _Part, have: int, total: int, report: Report, stop: threading.Event
) -> bool:
    most = source.size or _MOST_BYTES
    with part.path.open("ab") as file:
        while True:
            if stop.is_set():
                raise ModelError(f"{part.path}: stopped")
            try:
                block = response.read(_BLOCK)
            except (OSError, HTTPException) as error:
                raise _LineError(_reason(error)) from error
            if not block:
                return have >= total
            have += len(block)
            if have > most:
                file.close()
                part.clear()
                raise _FailureError(f"it is longer than {most} bytes; deleted")
            file.write(block)
            fraction = min(1.0, have / total) if total else None
            report(
                Progress("download", fraction, f"{have / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{have} B")
            )


def _goes_on(response: HTTPResponse, have: int) -> bool:
    """Whether an answer begins where the part here ends; a server that knows no ranges sends everything."""
    return response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _check_room(part: _Part, source: Source, have: int, total: int) -> None:
    if source.size and total and total != source.size:
        part.clear()
        raise _FailureError(f"it has {total} bytes, the card says {source.size}")
    free = shutil.disk_usage(part.path.parent).free
    if total - have > free:
        raise ModelError(f"{part.path.parent}: {free / 1e6:.0f} MB are free, {(total - have) / 1e6:.0f} MB are needed")


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows http and https, proxies and redirections, and neither files nor ftp."""
    opener = urllib.request.OpenerDirector()
    handlers: tuple[type[urllib.request.BaseHandler], ...] = (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    )
    for handler in handlers:
        opener.add_handler(handler())
    return opener


def _digest(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner) or type(error).__name__


def _waiting(path: Path, report: Report) -> Any:
    def tell(seconds: float) -> None:
        report(Progress("wait", None, f"another process is downloading {path.name}, waiting for {seconds:.0f} s"))

    return tell
