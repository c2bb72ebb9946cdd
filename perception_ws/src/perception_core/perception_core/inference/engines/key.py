"""What an engine is known by: all that makes one built engine differ from another."""

import hashlib
import json
import mmap
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from perception_core.errors import ModelError

CONTENTS = ("engine", "kernels", "image_kernel")
"""What is kept: engines, what TensorRT-RTX compiled while it ran them, and kernels that prepare images."""

_SHORTEST_NAME = 4
"""File names of fewer characters turn up in any binary file by chance."""


@dataclass(frozen=True, slots=True)
class ShapeRange:
    """Smallest, usual and largest shape of an input, for which an engine is built; all three alike: fixed.

    Raises:
        ModelError: on construction: ranks that differ, a size below 1, or sizes that are out of order.
    """

    low: tuple[int, ...]
    usual: tuple[int, ...]
    high: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check rank and order."""
        if not len(self.low) == len(self.usual) == len(self.high):
            raise ModelError(f"shapes of different ranks: {self.low}, {self.usual}, {self.high}")
        if any(not 1 <= a <= b <= c for a, b, c in zip(self.low, self.usual, self.high, strict=True)):
            raise ModelError(f"shapes are not in order from 1 up: {self.low}, {self.usual}, {self.high}")

    @classmethod
    def fixed(cls, shape: tuple[int, ...]) -> "ShapeRange":
        """Return the range of one shape only."""
        return cls(shape, shape, shape)

    @property
    def is_fixed(self) -> bool:
        """Whether there is one shape only."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything an engine depends on; two equal keys may share a file.

    Attributes:
        model: sha256 of the network file, as :func:`model_digest` gives it.
        engine: library and its full version, ``tensorrt 10.16.1.11``.
        device: name and compute capability of the GPU, ``Orin, compute capability 8.7``.
        precision: ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        shapes: input name, smallest, usual and largest shape, by name.
        flags: settings of the builder as (name, value), by name.
        content: what is kept under the key, one of :data:`CONTENTS`; the file's suffix.
    """

    model: str
    engine: str
    device: str
    precision: str
    shapes: tuple[tuple[str, ShapeRange], ...]
    flags: tuple[tuple[str, str], ...] = ()
    content: str = "engine"

    def as_json(self) -> str:
        """Return the key as one line of JSON, the same for equal keys."""
        content = asdict(self)
        content["shapes"] = {name: [shape.low, shape.usual, shape.high] for name, shape in sorted(self.shapes)}
        content["flags"] = dict(sorted(self.flags))
        if self.content == CONTENTS[0]:
            del content["content"]
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def digest(self) -> str:
        """Return the sha256 of :meth:`as_json` for the engine, which names its file and what lies beside it."""
        return hashlib.sha256(replace(self, content=CONTENTS[0]).as_json().encode()).hexdigest()


def model_digest(path: Path) -> str:
    """Return a sha256 over a network file and the files beside it that its text names (weights kept outside).

    ONNX keeps the weights of large networks in other files, whose names stand in the ONNX file. Any file beside it
    whose name occurs in it is taken, which may be one too many but never one too few.

    Raises:
        ModelError: the file cannot be read, or is empty.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                named = [other for other in sorted(path.parent.iterdir()) if _names(content, path, other)]
        for other in named:
            with other.open("rb") as file:
                digest.update(other.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot read it: {error}") from error
    return digest.hexdigest()


def _names(content: mmap.mmap, path: Path, other: Path) -> bool:
    if other == path or len(other.name) < _SHORTEST_NAME or not other.is_file():
        return False
    return content.find(other.name.encode()) >= 0
