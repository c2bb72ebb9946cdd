"""No command writes over what it reads, nor works for long before it finds that it cannot write at all."""

import os
from pathlib import Path

from perception_core.errors import PerceptionError


def refuse_to_overwrite(source: Path, output: Path) -> None:
    """Look whether ``output`` is ``source``, or one of the files of a recording that is a folder, by whatever name.

    Links count, hard ones too: who names the input twice has not asked for the loss of it under one of the names.

    Raises:
        PerceptionError: it is.
    """
    if not output.is_file():
        return
    files = [source, *source.iterdir()] if source.is_dir() else [source]
    same = next((file for file in files if file.exists() and output.samefile(file)), None)
    if same is not None:
        raise PerceptionError(f"{output}: is what is read ({same}), and would be lost: give the output another name")


def require_folder(folder: Path, output: Path | None = None) -> None:
    """Look whether ``folder`` is one that can be written to, or can be made; nothing is made here.

    Args:
        folder: where files shall go at the end.
        output: a file that is written before.

    Raises:
        PerceptionError: it, or what it would be in, is a file or denies it.
    """
    place = folder.absolute()
    if output is not None and output.absolute() in (place, *place.parents):
        raise PerceptionError(f"{folder}: expected a folder, and {output} is to be a file")
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise PerceptionError(f"{folder}: expected a folder, but {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PerceptionError(f"{folder}: cannot be written: {there} denies it")
