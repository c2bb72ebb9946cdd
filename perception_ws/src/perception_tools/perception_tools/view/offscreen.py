"""Open3D's offscreen renderer, in a process of its own.

It needs a graphics driver (EGL, OSMesa or Vulkan, as Open3D was built); where there is none it raises, prints on stdout
or ends the process, none of which may happen to a command that prints JSON. ``python -m`` this module renders one file.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_tools.pictures.style import PAPER
from perception_tools.view.camera import Viewpoint
from perception_tools.view.drawing import Drawing, rgb

Pixels = NDArray[np.uint8]

_DOT = 3.0
_TIMEOUT_S = 60.0


def render(drawing: Drawing, view: Viewpoint) -> Pixels | None:
    """Return the picture, uint8 (H, W, 3) red green blue; None where Open3D cannot render on this machine."""
    with tempfile.TemporaryDirectory(prefix="perception_view_") as folder:
        source, target = Path(folder) / "drawing.npz", Path(folder) / "pixels.npy"
        np.savez(source, **_arrays(drawing, view))
        command = [sys.executable, "-m", __name__, str(source), str(target)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode or not target.is_file():
            return None
        pixels = np.load(target)
    expected = (view.model.height, view.model.width, 3)
    if pixels.shape != expected:
        return None
    pixels[~pixels.any(axis=2)] = rgb(PAPER)  # Open3D gives other shades of a background than black
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _arrays(drawing: Drawing, view: Viewpoint) -> dict[str, Any]:
    """Return all that the renderer needs, points and lines joined."""
    points, lines = drawing.dots, drawing.strokes
    return {
        "points": np.concatenate([np.empty((0, 3)), *(dots.xyz for dots in points)]),
        "point_rgb": np.concatenate([np.empty((0, 3)), *(dots.rgb for dots in points)]) / 255.0,
        "ends": np.concatenate([np.empty((0, 2, 3)), *(strokes.ends for strokes in lines)]),
        "line_rgb": np.concatenate([np.empty((0, 3)), *(strokes.rgb for strokes in lines)]) / 255.0,
        "matrix": view.model.matrix,
        "extrinsic": view.T_camera_base,
        "size": np.array([view.model.width, view.model.height]),
    }


def _render(source: Path, target: Path) -> None:
    """Render what a file says into another file."""
    import open3d

    arrays = np.load(source)
    width, height = arrays["size"].tolist()
    renderer = open3d.visualization.rendering.OffscreenRenderer(width, height)
    renderer.scene.set_background(np.array([0.0, 0.0, 0.0, 1.0], dtype=np.float32))
    renderer.scene.view.set_post_processing(False)
    points = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(arrays["points"]))
    points.colors = open3d.utility.Vector3dVector(arrays["point_rgb"])
    dots = open3d.visualization.rendering.MaterialRecord()
    dots.shader, dots.point_size = "defaultUnlit", _DOT
    renderer.scene.add_geometry("points", points, dots)
    renderer.scene.add_geometry("lines", line_set(arrays["ends"], arrays["line_rgb"]), _line_material())
    renderer.setup_camera(arrays["matrix"], arrays["extrinsic"], width, height)
    np.save(target, np.asarray(renderer.render_to_image())[..., :3])


def _line_material() -> Any:
    import open3d

    lines = open3d.visualization.rendering.MaterialRecord()
    lines.shader, lines.line_width = "unlitLine", 1.0
    return lines


def line_set(ends: NDArray[np.float64], colours: NDArray[np.float64]) -> Any:
    """Return Open3D's lines of ends (K, 2, 3) with red, green, blue (K, 3) in [0, 1]."""
    import open3d

    pairs = np.arange(2 * len(ends), dtype=np.int32).reshape(-1, 2)
    lines = open3d.geometry.LineSet(
        open3d.utility.Vector3dVector(ends.reshape(-1, 3)), open3d.utility.Vector2iVector(pairs)
    )
    lines.colors = open3d.utility.Vector3dVector(colours)
    return lines


if __name__ == "__main__":
    _render(Path(sys.argv[1]), Path(sys.argv[2]))
