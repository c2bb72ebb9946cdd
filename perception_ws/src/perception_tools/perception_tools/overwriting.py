"""No command writes over what it reads."""

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
