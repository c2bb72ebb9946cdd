"""Which files of PyTorch may be loaded: programs whose archives hold data, and nothing that is run while it is read.

``torch.load`` of a pickle runs whatever its author put in. ``torch.export.load`` does so too, for parts of its archive
that may be pickles, native code or expressions that are evaluated (torch 2.13, torch/export/pt2_archive/_package.py and
torch/_export/serde/serialize.py). Everything of the kind is looked for here, before torch sees the file.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from perception_core.errors import ModelError

TORCHSCRIPT, EXPORT = "TorchScript", "torch.export"

_ADVICE = "save the network with torch.export.save or torch.jit.save"

_TARGET = re.compile(
    r"torch\.ops\.(aten|prims|higher_order)(\.(?!__)\w+)+|torch\.sym_\w+|math\.\w+"
    r"|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|eq|ne|lt|le|gt|ge|and_|or_|not_)"
)
"""Functions that a node of a graph may call; torch would take any attribute of its modules, ``torch.os.system`` too."""

_EXPRESSION = re.compile(r"[\w\s+\-*/%(),<>=&|~.]*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_SYMBOL = re.compile(r"'([a-z]+\d+)'")
_NAMES = re.compile(
    r"[a-z]+\d+|Symbol|Integer|Rational|Add|Mul|Pow|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|CeilToInt|FloorToInt"
    r"|IntTrueDiv|ToFloat|Eq|Ne|oo|True|False|positive|nonnegative|integer"
)
"""What sizes may be written with; they are evaluated by SymPy as Python."""


def read_program(path: Path) -> tuple[str, bytes]:
    """Return the kind of a program, :data:`TORCHSCRIPT` or :data:`EXPORT`, and the file's bytes, which were checked.

    The bytes are what is to be loaded: the file could be another one a moment later. What TorchScript runs is its own
    language, which reaches neither Python nor the system; of torch.export also ``sample_inputs`` have to be checked,
    by torch itself (:func:`sample_inputs`).

    Raises:
        ModelError: it cannot be read, is damaged, or holds what could run code; the message says what.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror}") from error
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            kind = _kind(path, archive)
            if kind == EXPORT:
                _check_export(path, archive)
    except (zipfile.BadZipFile, ValueError, RecursionError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{path}: damaged, or an old pickle, which could run any code ({error}); {_ADVICE}") from error
    return kind, content


def sample_inputs(content: bytes) -> list[bytes]:
    """Return the pickles of sample inputs in an archive of torch.export."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist() if "/sample_inputs/" in f"/{name}"]


def _kind(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name.partition("/")[2] or name for name in archive.namelist()]
    if any(name.startswith("models/") and name.endswith(".json") for name in names):
        return EXPORT
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return TORCHSCRIPT
    raise ModelError(f"{path}: damaged, or a pickle of Python objects, which could run any code; {_ADVICE}")


def _check_export(path: Path, archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        if "aotinductor" in name:
            raise ModelError(f"{path}: compiled code inside ({name}), which is not run")
        if "custom_obj" in name:
            raise ModelError(f"{path}: a pickle inside ({name}), which could run any code")
        if name.endswith(".json"):
            for key, value in _entries(json.loads(archive.read(name))):
                _check_entry(path, name, key, value)


def _check_entry(path: Path, name: str, key: str, value: Any) -> None:
    if key == "use_pickle" and value is not False:
        raise ModelError(f"{path}: a pickle inside (named in {name}), which could run any code")
    if key == "target" and isinstance(value, str) and "." in value and not _TARGET.fullmatch(value):
        raise ModelError(f"{path}: a call of {value[:100]!r}, which is no operator of PyTorch's own")
    if key == "expr_str" and not _is_size(value):
        raise ModelError(f"{path}: {str(value)[:100]!r} is no expression of sizes")


def _is_size(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    bare = _SYMBOL.sub(r"\1", value)
    return bool(_EXPRESSION.fullmatch(bare)) and all(_NAMES.fullmatch(name) for name in _NAME.findall(bare))


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every (key, value) of nested JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _entries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _entries(inner)
