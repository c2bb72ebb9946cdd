"""The picture of a scan: rendered points and lines, and over them captions, legend, scale and title."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ImageError
from perception_core.geometry.transforms import apply
from perception_tools.pictures.labels import Area, Label, text_size, write_labels, write_text
from perception_tools.pictures.style import INK, PAPER
from perception_tools.view.camera import Viewpoint
from perception_tools.view.drawing import Drawing, rgb
from perception_tools.view.offscreen import render
from perception_tools.view.splatting import splat

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 1600, 1000
OWN, OPEN3D = "own renderer", "Open3D"
_MARGIN, _LINE, _SWATCH = 14, 20, 12
_TEXT, _SMALL = 0.5, 0.42
_MAX_CAPTIONS = 40
_BAR = 10.0
"""Metres of the scale bar."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels uint8 (H, W, 3) red green blue, and which renderer made them."""

    pixels: Pixels
    renderer: str


def draw_picture(drawing: Drawing, eye: Viewpoint, title: str, renderer: str = "auto") -> Picture:
    """Render a drawing.

    Args:
        drawing: what there is.
        eye: from where it is looked at.
        title: first line of the picture.
        renderer: ``open3d``, ``own`` (the same pixels everywhere), or ``auto``: Open3D where it can.

    Raises:
        ImageError: Open3D was asked for and cannot render on this machine.
    """
    pixels = None if renderer == "own" else render(drawing, eye)
    if pixels is None and renderer == "open3d":
        raise ImageError("Open3D cannot render on this machine: it found no EGL, OSMesa or Vulkan; try --renderer own")
    name = OWN if pixels is None else OPEN3D
    pixels = splat(drawing, eye) if pixels is None else pixels
    taken = [_write_title(pixels, title), _write_legend(pixels, drawing)]
    if eye.scale is not None:
        taken.append(_write_scale(pixels, eye.scale))
    _write_captions(pixels, drawing, eye, taken)
    return Picture(pixels, name)


def save(pixels: Pixels, path: Path) -> None:
    """Write a picture.

    Raises:
        ImageError: the file cannot be written, or its name does not say what it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    except (OSError, cv2.error) as error:
        raise ImageError(f"{path}: cannot be written: expected the name of a .png file in a folder of yours") from error
    if not written:
        raise ImageError(f"{path}: cannot be written")


def _write_title(canvas: Pixels, title: str) -> Area:
    width, _ = text_size(title, _TEXT)
    area = (0, 0, width + 2 * _MARGIN, _LINE + _MARGIN)
    _shade(canvas, area)
    write_text(canvas, title, (_MARGIN, _MARGIN + _SWATCH), rgb(INK), _TEXT)
    return area


def _write_legend(canvas: Pixels, drawing: Drawing) -> Area:
    widest = max((text_size(text, _SMALL)[0] for _, text in drawing.legend), default=0)
    height, width = canvas.shape[:2]
    left = width - widest - _SWATCH - 3 * _MARGIN
    top = height - len(drawing.legend) * _LINE - _MARGIN
    area = (left, top, width, height)
    _shade(canvas, area)
    for row, (colour, text) in enumerate(drawing.legend):
        y = top + _MARGIN // 2 + row * _LINE
        cv2.rectangle(canvas, (left + _MARGIN, y), (left + _MARGIN + _SWATCH, y + _SWATCH), colour, -1)
        write_text(canvas, text, (left + 2 * _MARGIN + _SWATCH, y + _SWATCH - 1), rgb(INK), _SMALL)
    return area


def _write_scale(canvas: Pixels, scale: float) -> Area:
    length, bottom = round(_BAR * scale), canvas.shape[0] - _MARGIN
    area = (0, bottom - 2 * _LINE, length + 2 * _MARGIN, canvas.shape[0])
    _shade(canvas, area)
    cv2.rectangle(canvas, (_MARGIN, bottom - 5), (_MARGIN + length, bottom), rgb(INK), -1)
    write_text(canvas, f"{_BAR:.0f} m", (_MARGIN, bottom - _MARGIN), rgb(INK), _TEXT)
    return area


def _write_captions(canvas: Pixels, drawing: Drawing, eye: Viewpoint, taken: list[Area]) -> None:
    labels: list[Label] = []
    for caption in drawing.captions:
        places = apply(eye.T_camera_base, caption.places)
        pixels, valid = eye.model.project(places)
        if valid.all() and len(labels) < _MAX_CAPTIONS:
            width, _ = text_size(caption.text, _SMALL)
            left, top = round(float(pixels[:, 0].mean())) - width // 2, round(float(pixels[:, 1].min()))
            labels.append((caption.text, (left, top), caption.rgb))
    write_labels(canvas, labels, _SMALL, taken)


def _shade(canvas: Pixels, area: Area) -> None:
    left, top, right, bottom = area
    patch = canvas[top:bottom, left:right]
    patch[:] = (patch // 5 + np.array(rgb(PAPER), dtype=np.uint8) // 5 * 4).astype(np.uint8)
