"""What commands print: tables for people and one JSON object for programs on stdout, progress on stderr."""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(result: Any) -> None:
    """Print one JSON object on one line; NaN and infinity become null."""
    print(json.dumps(_plain(result), allow_nan=False))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as wide as their widest cell, numbers to the right; empty without rows."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return ""
    right = [all(_is_number(text) for text in column) for column in zip(*cells, strict=True)]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [head, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            text.rjust(w) if r else text.ljust(w) for text, w, r in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def progress(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """Progress bar on stderr, silent where stderr is no terminal."""
    from tqdm import tqdm

    return tqdm(iterable, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False, **options)


def say(line: str) -> None:
    """Print a line of what is going on, on stderr."""
    print(line, file=sys.stderr, flush=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).replace("-", "", 1).isdigit()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
