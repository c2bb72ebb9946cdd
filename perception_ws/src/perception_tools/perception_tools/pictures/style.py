"""Colours and axes that the pictures share."""

from typing import Any

import matplotlib as mpl

INK, PAPER, GRID = "#e8ecf1", "#12161c", "#2a313b"
TRUTH, VELOCITY, POINTS = "#7ee787", "#7dffb0", "#46515f"


def pyplot() -> Any:
    """Return pyplot, drawing into files: there may be no display."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def prepare(axes: Any) -> None:
    """Give axes the dark style."""
    axes.set_facecolor(PAPER)
    axes.tick_params(colors=INK, labelsize=7)
    for spine in axes.spines.values():
        spine.set_color(GRID)
