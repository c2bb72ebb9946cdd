"""Open3D's renderers without a window, in a process of their own.

They need a graphics driver (EGL, OSMesa or Vulkan, as Open3D was built); where there is none Open3D raises, prints on
stdout or ends the process, none of which may happen to a command that prints JSON. ``python -m`` this module renders
one file.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_tools.pictures.style import PAPER
from perception_tools.view.camera import Viewpoint
from perception_tools.view.drawing import Drawing, rgb

Pixels = NDArray[np.uint8]

_DOT = 2.0
_SHADERS = "defaultUnlit", "unlitLine"
_TIMEOUT_S = 60.0


def render(drawing: Drawing, view: Viewpoint) -> Pixels | None:
    """Return the picture, uint8 (H, W, 3) red green blue; None where Open3D cannot render on this machine."""
    with tempfile.TemporaryDirectory(prefix="perception_view_") as folder:
        source, target = Path(folder) / "drawing.npz", Path(folder) / "pixels.npy"
        np.savez(source, **columns(drawing, view))
        command = [sys.executable, "-m", __name__, str(source), str(target)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode or not target.is_file():
            return None
        pixels = np.load(target)
    expected = (view.model.height, view.model.width, 3)
    if pixels.shape != expected or not pixels.any():
        return None
    pixels[~pixels.any(axis=2)] = rgb(PAPER)  # Open3D's renderers shade any other background than black
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def columns(drawing: Drawing, view: Viewpoint) -> dict[str, Any]:
    """Return what Open3D needs: all points and lines joined, colours in [0, 1], and the camera."""
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


def fill(window: Any, data: Mapping[str, Any]) -> None:
    """Put :func:`columns` into an Open3D Visualizer and look at them from their camera."""
    import open3d

    for geometry in _geometries(data):
        window.add_geometry(geometry)
    window.get_render_option().point_size = _DOT
    width, height = data["size"].tolist()
    camera = open3d.camera.PinholeCameraParameters()
    camera.intrinsic = open3d.camera.PinholeCameraIntrinsic(width, height, data["matrix"])
    camera.extrinsic = data["extrinsic"]
    window.get_view_control().convert_from_pinhole_camera_parameters(camera, allow_arbitrary=True)


def _geometries(data: Mapping[str, Any]) -> tuple[Any, Any]:
    import open3d

    vectors = open3d.utility.Vector3dVector
    points = open3d.geometry.PointCloud(vectors(data["points"]))
    points.colors = vectors(data["point_rgb"])
    pairs = np.arange(2 * len(data["ends"]), dtype=np.int32).reshape(-1, 2)
    lines = open3d.geometry.LineSet(vectors(data["ends"].reshape(-1, 3)), open3d.utility.Vector2iVector(pairs))
    lines.colors = vectors(data["line_rgb"])
    return points, lines


def _by_visualizer(data: Mapping[str, Any]) -> Pixels | None:
    """Render with the Visualizer in a hidden window, or, from Open3D 0.20 on, by EGL."""
    import open3d

    window, (width, height) = open3d.visualization.Visualizer(), data["size"].tolist()
    if not window.create_window("perception", width, height, visible=False):
        return None
    fill(window, data)
    window.get_render_option().background_color = np.zeros(3)
    pixels = np.asarray(window.capture_screen_float_buffer(True))
    window.destroy_window()
    return np.rint(pixels * 255.0).astype(np.uint8)


def _by_filament(data: Mapping[str, Any]) -> Pixels:
    """Render with the OffscreenRenderer."""
    from open3d.visualization import rendering

    width, height = data["size"].tolist()
    renderer = rendering.OffscreenRenderer(width, height)
    renderer.scene.set_background(np.array([0.0, 0.0, 0.0, 1.0], dtype=np.float32))
    renderer.scene.view.set_post_processing(False)
    for name, geometry, shader in zip(("points", "lines"), _geometries(data), _SHADERS, strict=True):
        material = rendering.MaterialRecord()
        material.shader, material.point_size, material.line_width = shader, _DOT, 1.0
        renderer.scene.add_geometry(name, geometry, material)
    renderer.setup_camera(data["matrix"], data["extrinsic"], width, height)
    return np.asarray(renderer.render_to_image())[..., :3].copy()


if __name__ == "__main__":
    loaded = dict(np.load(sys.argv[1]))
    drawn = _by_visualizer(loaded)
    np.save(sys.argv[2], _by_filament(loaded) if drawn is None or not drawn.any() else drawn)
