"""Histograms of milliseconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from perception_tools.pictures.style import INK, PAPER, prepare, pyplot


def draw_histogram(
    series: Mapping[str, Sequence[float]], path: Path, title: str, budget_ms: float | None = None
) -> Path:
    """Draw one histogram a series of milliseconds, with its median and 99th percentile."""
    plt = pyplot()
    shown = {name: np.asarray(values) for name, values in series.items() if len(values)}
    figure, rows = plt.subplots(
        max(1, len(shown)),
        1,
        figsize=(9, 1.2 + 1.35 * max(1, len(shown))),
        dpi=110,
        sharex=True,
        squeeze=False,
        facecolor=PAPER,
    )
    limit = max([float(np.percentile(v, 99.5)) for v in shown.values()] + [budget_ms or 1.0]) * 1.08
    for axes, (name, values) in zip(rows[:, 0], shown.items(), strict=False):
        prepare(axes)
        p50, p99 = np.percentile(values, (50, 99))
        axes.hist(np.minimum(values, limit), bins=np.linspace(0.0, limit, 70), color="#4aa3ff")
        axes.axvline(p50, color="#7ee787", lw=1.2)
        axes.axvline(p99, color="#ffb454", lw=1.2)
        if budget_ms is not None and name == next(iter(shown)):
            axes.axvline(budget_ms, color="#ff6b6b", lw=1.2, ls="--")
        axes.set_title(
            f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(values)} values", color=INK, fontsize=9, loc="left"
        )
    rows[-1, 0].set_xlabel(
        "milliseconds (green: median, orange: 99th percentile" + (", red: budget)" if budget_ms else ")"),
        color=INK,
        fontsize=8,
    )
    figure.suptitle(title, color=INK, fontsize=11)
    figure.tight_layout()
    figure.savefig(path, facecolor=PAPER)
    plt.close(figure)
    return path
