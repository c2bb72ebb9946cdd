"""What upright and level outlines say on their own, of scenes that can be worked out by hand."""

import numpy as np
import pytest

from perception_core.calibration.agreement import witnesses
from perception_core.calibration.image_edges import LEVEL, UPRIGHT
from perception_core.calibration.objective import Objective, make_level
from perception_core.calibration.problem import ROTATION, UNKNOWNS, EdgePoints, Views
from perception_core.calibration.search import Found

F, DEPTH, SPREAD = 400.0, 10.0, 3.0
K = np.array([[F, 0.0, 199.5], [0.0, F, 99.5], [0.0, 0.0, 1.0]])
FORWARD = np.eye(4)
FORWARD[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
PRIOR = np.array([0.03, 0.03, 0.03, 0.1, 0.1, 0.1, 0.1])
COLUMNS, ROWS = (60, 150, 240, 340), (40, 80, 120, 160)
STEEP = 0.03
"""Rows by which the level lines of the image rise a column: a turn of the camera about the view, to the first order."""


def at_pixels(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the points (E, 3) at 10 m that are seen there."""
    return np.column_stack([np.full(len(u), DEPTH), -(u - K[0, 2]) / F * DEPTH, -(v - K[1, 2]) / F * DEPTH])


def frame(upright: int = 40, level: int = 80) -> Objective:
    """Four posts and four bars of so many points each, seen without any turn."""
    posts = [at_pixels(np.full(upright, float(c)), np.linspace(30.0, 170.0, upright)) for c in COLUMNS]
    bars = [at_pixels(np.linspace(30.0, 370.0, level), np.full(level, float(r))) for r in ROWS]
    points = np.concatenate([*posts, *bars])
    n, kinds = len(points), np.repeat([UPRIGHT, LEVEL], [4 * upright, 4 * level]).astype(np.uint8)
    outward = np.where(kinds[:, None] == UPRIGHT, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])
    edges = EdgePoints(points, outward, np.full(n, 0.002), kinds, kinds.astype(np.int64))
    parts = np.concatenate([np.repeat(np.arange(4), upright), np.tile(np.arange(level) * 4 // level, 4)])
    return Objective(Views(FORWARD[None], K[None], np.zeros((1, 6))), [edges], [parts], [parts])


def image(steep: float) -> list[np.ndarray]:
    """Return the lines of the posts, and those of the bars, which rise to the right."""
    strength = np.zeros((2, 200, 400), np.uint8)
    strength[UPRIGHT][:, list(COLUMNS)] = 255
    u = np.arange(400)
    for row in ROWS:
        strength[LEVEL][np.rint(row - steep * (u - K[0, 2])).astype(int), u] = 255
    return [strength]


def asked(objective: Objective, steep: float, roll: float):
    x = np.zeros(UNKNOWNS)
    x[0] = roll
    free = np.zeros(UNKNOWNS, np.bool_)
    free[ROTATION] = True
    level = make_level(image(steep), 1.0, (SPREAD, SPREAD))
    return witnesses(Found(objective, level, 0.3, ((x, 0.0),)), x, free, PRIOR)


def test_where_all_lines_fit_nobody_objects():
    for witness in asked(frame(), 0.0, 0.0):
        assert np.abs(witness.beyond[ROTATION]).max() < np.radians(0.05)
        assert not witness.beyond[3:].any()


def test_posts_object_to_a_turn_that_only_bars_ask_for():
    """Bars that rise to the right are those of a camera turned clockwise as it looks ahead: a roll above 0."""
    upright, level = asked(frame(), STEEP, STEEP)
    assert (upright.name, level.name) == ("upright", "level")
    assert upright.beyond[0] == pytest.approx(-STEEP, abs=0.003)
    assert abs(upright.beyond[0]) > 5.0 * upright.sigma[0]
    assert abs(level.beyond[0]) < 0.003


def test_bars_change_nothing_of_what_they_do_not_see():
    """Level lines right across the image say nothing of a shift along them, however wrong it is."""
    x = np.array([0.0, 0.0, 0.0, 0.0, 0.05, 0.0, 0.0])
    free = np.zeros(UNKNOWNS, np.bool_)
    free[4] = True
    level = make_level(image(0.0), 1.0, (SPREAD, SPREAD))
    posts, bars = witnesses(Found(frame(), level, 0.3, ((x, 0.0),)), x, free, PRIOR)
    assert posts.beyond[4] == pytest.approx(-0.05, abs=0.006)
    assert abs(bars.beyond[4]) < 0.1 * PRIOR[4]
    assert bars.sigma[4] > 0.7 * PRIOR[4]


def test_a_few_outlines_are_not_asked():
    assert [witness.name for witness in asked(frame(upright=5), 0.0, 0.0)] == ["level"]
    assert asked(frame(upright=5, level=5), 0.0, 0.0) == ()
