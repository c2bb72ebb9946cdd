"""Recordings that a command makes for itself, kept until what they are made from changes."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import perception_core


def cached(folder: Path, name: str, key: Any, make: Callable[[Path], object]) -> tuple[Path, bool]:
    """Return (``folder``/``name``-<hash of key>.mcap, whether it had to be made).

    Older recordings of the same name are removed.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:16]
    path = folder / f"{name}-{digest}.mcap"
    if path.is_file():
        return path, False
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}-*.mcap"):
        old.unlink()
    make(path)
    return path, True


def code_key(*packages: str) -> str:
    """Return a hash of sub-packages of perception_core and of the modules here that write recordings."""
    core, here = Path(perception_core.__file__).parent, Path(__file__).parent
    files = [p for name in packages for p in (core / name).rglob("*") if p.suffix in (".py", ".yaml")]
    files += [here / name for name in ("bags.py", "drive_writer.py", "kitti_bag.py", "simulated_bag.py", "truth.py")]
    return _hash(files)


def folder_key(folder: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of each file of a drive and of the calibration above it."""
    files = [*folder.rglob("*"), *folder.parent.glob("*.txt")]
    stats = [(str(p), p.stat()) for p in sorted(files) if p.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
