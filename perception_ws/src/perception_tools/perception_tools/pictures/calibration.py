"""Pictures of a calibration check: points over the image before and after the correction, scores over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from perception_core.calibration.check import CheckResult
from perception_core.calibration.frames import CheckFrame
from perception_core.calibration.problem import NAMES, OFFSET, UNKNOWNS, Views, poses_under
from perception_core.calibration.verdict import TO_UNITS, UNITS
from perception_core.errors import ConfigError
from perception_tools.pictures.labels import write_text
from perception_tools.pictures.style import GRID, INK, PAPER, prepare, pyplot

if TYPE_CHECKING:
    from perception_tools.calibrating import LoadedDrive

_WIDTH = 1600
_NEAREST, _FARTHEST = 4.0, 50.0
"""Metres between which the colours of points run from red to blue."""
_DARKER = 0.55
_PICTURES = 3
_STRIP = 34

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


def draw_report(place: Path, drive: "LoadedDrive", result: CheckResult) -> list[Path]:
    """Draw before and after, and the scores over time; return the files.

    Args:
        place: a .png file for one picture of everything, else a folder for one a frame and the chart.
        drive: what was compared.
        result: of the check.

    Raises:
        ConfigError: the place cannot be written to.
    """
    single = place.suffix.lower() == ".png"
    folder = place.parent if single else place
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{place}: cannot be written: {error.strerror}") from error
    x = np.zeros(UNKNOWNS) if result.correction is None else result.correction.x
    chosen = _telling(drive.frames, result, 1 if single else _PICTURES)
    sheets = [_before_and_after(drive, frame, x, result) for frame in chosen]
    if single:
        chart = _chart(drive, result)
        height = round(chart.shape[0] * _WIDTH / chart.shape[1])
        return [_write(place, np.vstack([sheets[0], cv2.resize(chart, (_WIDTH, height))]))]
    paths = [_write(folder / f"before_and_after_{k}.png", sheet) for k, sheet in enumerate(sheets)]
    return [*paths, _write(folder / "scores.png", _chart(drive, result))]


def _write(path: Path, picture: NDArray[np.generic]) -> Path:
    if not cv2.imwrite(str(path), picture):
        raise ConfigError(f"{path}: cannot be written")
    return path


def _telling(frames: Sequence[CheckFrame], result: CheckResult, count: int) -> list[CheckFrame]:
    """Return of each part of the recording the frame with the highest sum of scores, under the correction if told."""
    scores = [f.calibrated if result.correction is None else f.corrected for f in result.frames]
    worth = [frame.edges * np.nan_to_num(score) for frame, score in zip(result.frames, scores, strict=True)]
    parts = np.array_split(np.arange(len(frames)), min(count, len(frames)))
    return [frames[max(part.tolist(), key=lambda k: worth[k])] for part in parts]


def _before_and_after(drive: "LoadedDrive", frame: CheckFrame, x: Floats, result: CheckResult) -> Pixels:
    seconds = (frame.stamp_ns - drive.start_ns) / 1e9
    before = _overlay(frame, np.zeros(UNKNOWNS))
    after = _overlay(frame, x)
    verdict = f"{drive.source.lidar} over {drive.source.camera}, {seconds:.1f} s: {result.judgement.verdict}"
    return np.vstack([_strip(f"as calibrated | {verdict}"), before, _strip(_words(result)), after])


def _words(result: CheckResult) -> str:
    estimate = result.correction
    if estimate is None:
        return "no correction: " + result.judgement.reasons[0]
    values, sigmas = estimate.x * TO_UNITS, estimate.sigma * TO_UNITS
    parts = [f"{NAMES[k]} {values[k]:+.2f}+-{sigmas[k]:.2f} {UNITS[k]}" for k in range(UNKNOWNS) if sigmas[k]]
    return "corrected | " + "  ".join(parts)


def _strip(text: str) -> Pixels:
    strip = np.full((_STRIP, _WIDTH, 3), 24, np.uint8)
    write_text(strip, text, (10, _STRIP - 11), (241, 236, 232), 0.55)
    return strip


def _overlay(frame: CheckFrame, x: Floats) -> Pixels:
    """Return the image, darkened, with all points of the scan in the colour of their depth and the outlines ringed."""
    scale = _WIDTH / frame.pixels.shape[1]
    canvas = cv2.resize(frame.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    canvas = (canvas * _DARKER).astype(np.uint8)
    pixels, depth = _projected(frame, frame.points.astype(np.float64), x)
    order = np.argsort(-depth)
    for (u, v), colour in zip(_places(pixels[order], scale), _colours(depth[order]), strict=True):
        cv2.circle(canvas, (u, v), 1, colour, -1, cv2.LINE_AA)
    for u, v in _places(_projected(frame, frame.steps.points, x)[0], scale):
        cv2.circle(canvas, (u, v), 3, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)


def _projected(frame: CheckFrame, points: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Return pixels (P, 2) and depth (P,) of the points that fall into the image under a correction."""
    twist = np.zeros(6) if frame.twist is None or not x[OFFSET] else frame.twist
    views = Views(frame.T_base_camera[None], frame.camera.matrix[None], twist[None])
    pose = poses_under(views, x).T_camera_base[0]
    seen = points @ pose[:, :3].T + pose[:, 3]
    pixels, valid = frame.camera.project(seen)
    return pixels[valid], seen[valid, 2]


def _places(pixels: Floats, scale: float) -> list[tuple[int, int]]:
    return [(int(u), int(v)) for u, v in np.rint((pixels + 0.5) * scale - 0.5).tolist()]


def _colours(depth: Floats) -> list[tuple[int, int, int]]:
    """Return colours (blue, green, red) by the logarithm of the depth, near ones red."""
    share = np.log(np.clip(depth, _NEAREST, _FARTHEST) / _NEAREST) / np.log(_FARTHEST / _NEAREST)
    table = cv2.applyColorMap(np.rint(255.0 * (1.0 - share)).astype(np.uint8)[:, None], cv2.COLORMAP_TURBO)
    return [(int(b), int(g), int(r)) for b, g, r in table[:, 0].tolist()] if len(depth) else []


def _chart(drive: "LoadedDrive", result: CheckResult) -> Pixels:
    """Draw the scores over time."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(14, 2.8), dpi=114, facecolor=PAPER)
    prepare(axes)
    seconds = [(frame.stamp_ns - drive.start_ns) / 1e9 for frame in result.frames]
    axes.axhline(0.0, color=GRID, lw=1.0)
    lines = [("as calibrated", "#ffb454", [frame.calibrated for frame in result.frames])]
    if result.correction is not None:
        lines.append(("corrected", "#7ee787", [frame.corrected for frame in result.frames]))
    for name, colour, scores in lines:
        axes.plot(seconds, scores, "o-", ms=3, lw=1.2, color=colour, label=name)
    axes.set_xlabel("seconds", color=INK, fontsize=8)
    axes.set_title("Score: 0 is chance, 1 every outline on a clear edge", color=INK, fontsize=9, loc="left")
    axes.legend(fontsize=8, facecolor=PAPER, labelcolor=INK, edgecolor=GRID)
    figure.tight_layout()
    figure.canvas.draw()
    rgba = np.asarray(figure.canvas.buffer_rgba())
    plt.close(figure)
    return np.ascontiguousarray(rgba[..., 2::-1])
