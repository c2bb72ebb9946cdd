"""Open3D's interactive viewer."""

import os

import numpy as np

from perception_core.errors import PerceptionError
from perception_tools.pictures.style import PAPER
from perception_tools.view.camera import Viewpoint
from perception_tools.view.drawing import Drawing, rgb
from perception_tools.view.offscreen import line_set


class NoDisplayError(PerceptionError):
    """A window was asked for where there is no display."""


def show(drawing: Drawing, view: Viewpoint, title: str) -> None:
    """Show a drawing until the window is closed.

    Raises:
        NoDisplayError: there is no display, or Open3D cannot open a window on it.
    """
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise NoDisplayError(
            "--window: there is no display (DISPLAY is not set); without --window a picture is written"
        )
    import open3d

    window = open3d.visualization.Visualizer()
    if not window.create_window(title, view.model.width, view.model.height):
        raise NoDisplayError(f"--window: Open3D cannot open a window on {os.environ.get('DISPLAY', 'this display')}")
    try:
        for dots in drawing.dots:
            points = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(dots.xyz.astype(np.float64)))
            points.colors = open3d.utility.Vector3dVector(dots.rgb / 255.0)
            window.add_geometry(points)
        for strokes in drawing.strokes:
            window.add_geometry(line_set(strokes.ends, strokes.rgb / 255.0))
        window.get_render_option().background_color = np.array(rgb(PAPER)) / 255.0
        window.get_render_option().point_size = 2.0
        camera = open3d.camera.PinholeCameraParameters()
        model = view.model
        camera.intrinsic = open3d.camera.PinholeCameraIntrinsic(model.width, model.height, model.matrix)
        camera.extrinsic = view.T_camera_base
        window.get_view_control().convert_from_pinhole_camera_parameters(camera, allow_arbitrary=True)
        window.run()
    finally:
        window.destroy_window()
