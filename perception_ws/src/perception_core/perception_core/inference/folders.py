"""Where networks and engines are looked for and kept."""

import os
from collections.abc import Mapping
from pathlib import Path

_MODELS_VARIABLE = "PERCEPTION_MODELS"
"""Environment variable with the folders of networks, separated as in PATH."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what can be had again: ``perception`` in ``$XDG_CACHE_HOME`` or in ``~/.cache``."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "perception"


def download_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for downloaded networks."""
    return cache_folder(environ) / "models"


def model_folders(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return where networks are looked for: the folders of PERCEPTION_MODELS first, then that of downloads."""
    named = [Path(folder).expanduser() for folder in environ.get(_MODELS_VARIABLE, "").split(os.pathsep) if folder]
    return (*named, download_folder(environ))
