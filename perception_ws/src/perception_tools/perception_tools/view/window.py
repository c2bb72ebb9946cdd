"""Open3D's interactive viewer."""

import os
import socket
from pathlib import Path

import numpy as np

from perception_core.errors import PerceptionError
from perception_tools.pictures.style import PAPER
from perception_tools.view.camera import Viewpoint
from perception_tools.view.drawing import Drawing, rgb
from perception_tools.view.offscreen import columns, fill

_X_PORT = 6000
_TIMEOUT_S = 3.0


class NoDisplayError(PerceptionError):
    """A window was asked for where there is no display."""


def show(drawing: Drawing, view: Viewpoint, title: str) -> None:
    """Show a drawing until the window is closed.

    Raises:
        NoDisplayError: there is no display, or Open3D cannot open a window on it.
    """
    check_display()
    import open3d

    window = open3d.visualization.Visualizer()
    if not window.create_window(title, view.model.width, view.model.height):
        raise NoDisplayError("--window: Open3D cannot open a window on this display")
    try:
        fill(window, columns(drawing, view))
        window.get_render_option().background_color = np.array(rgb(PAPER)) / 255.0
        window.run()
    finally:
        window.destroy_window()


def check_display() -> None:
    """Check that a display answers: where none does, Open3D would wait for ever in a window that nobody sees.

    Raises:
        NoDisplayError: neither X nor Wayland is named in the environment, or what is named does not answer.
    """
    wayland, display = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    if not (wayland or display):
        raise NoDisplayError(
            "--window: there is no display (DISPLAY is not set); without --window a picture is written"
        )
    if wayland and (Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / wayland).exists():
        return
    if not (display and _answers(display)):
        raise NoDisplayError(f"--window: the display {display or wayland} does not answer; see DISPLAY")


def _answers(display: str) -> bool:
    """Tell whether an X server answers at ``host:number.screen`` (X(7), display names)."""
    host, _, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not (number.isascii() and number.isdigit()):
        return False
    try:
        if host in ("", "unix"):
            with socket.socket(socket.AF_UNIX) as end:
                end.connect(str(Path("/", "tmp", ".X11-unix", f"X{number}")))
        else:
            socket.create_connection((host, _X_PORT + int(number)), _TIMEOUT_S).close()
    except (OSError, OverflowError):
        return False
    return True
