"""Curvature, scatter and posterior of a score that can be worked out by hand."""

import numpy as np
import pytest

from perception_core.calibration.image_edges import UPRIGHT
from perception_core.calibration.objective import Objective, make_level
from perception_core.calibration.posterior import curvature, posterior, scatter
from perception_core.calibration.problem import UNKNOWNS, EdgePoints, Views

F, SPREAD, DEPTH = 400.0, 3.0, 10.0
K = np.array([[F, 0.0, 199.5], [0.0, F, 99.5], [0.0, 0.0, 1.0]])
FORWARD = np.eye(4)
FORWARD[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
PRIOR = np.array([0.03, 0.03, 0.03, 0.1, 0.1, 0.1, 0.1])


def posts(columns: tuple[int, ...], shift: float = 0.0) -> Objective:
    """Upright posts at 10 m, seen in these columns but for ``shift`` metres to the left, 20 points each."""
    v = np.linspace(40.0, 160.0, 20)
    points = [
        np.column_stack(
            [np.full(20, DEPTH), np.full(20, -(c - K[0, 2]) / F * DEPTH + shift), -(v - K[1, 2]) / F * DEPTH]
        )
        for c in columns
    ]
    every = np.concatenate(points)
    n = len(every)
    edges = EdgePoints(
        every, np.tile([0.0, 1.0, 0.0], (n, 1)), np.full(n, 0.003), np.full(n, UPRIGHT, np.uint8), np.zeros(n, np.int64)
    )
    views = Views(FORWARD[None], K[None], np.zeros((1, 6)))
    parts = [np.repeat(np.arange(len(columns)), 20)]
    return Objective(views, [edges], parts, parts)


def lines(columns: tuple[int, ...]) -> list[np.ndarray]:
    strength = np.zeros((2, 200, 400), np.uint8)
    strength[UPRIGHT][:, list(columns)] = 255
    return [strength]


COLUMNS = (60, 150, 240, 340)


def test_points_on_lines_score_one_each():
    level = make_level(lines(COLUMNS), 1.0, (SPREAD, SPREAD))
    total = posts(COLUMNS).total(level, np.zeros(UNKNOWNS))
    assert total[0] == pytest.approx(80.0, rel=0.03)
    left, right = (posts(COLUMNS, shift).total(level, np.zeros(UNKNOWNS))[0] for shift in (-0.05, 0.05))
    assert left == pytest.approx(right, rel=1e-3)
    assert left < 0.85 * total[0]  # two pixels beside


def test_a_smaller_image_scores_lines_alike():
    level = make_level(lines(COLUMNS), 0.5, (8.0, 8.0))
    assert posts(COLUMNS).total(level, np.zeros(UNKNOWNS))[0] == pytest.approx(80.0, rel=0.05)


def test_the_curvature_by_a_shift_is_that_of_the_spread():
    """A point leaves the crest of exp(-d^2 / 2 s^2) - exp(-d^2 / 32 s^2) / 4 by 40 pixels a metre."""
    level = make_level(lines(COLUMNS), 1.0, (SPREAD, SPREAD))
    H = curvature(posts(COLUMNS), level, np.zeros(UNKNOWNS))
    bend = (1.0 - 1.0 / 64.0) / (1.0 - 1.0 / 4.0) / SPREAD**2
    assert H[4, 4] == pytest.approx(80 * bend * (F / DEPTH) ** 2, rel=0.3)  # between pixels the score is straight


def test_clusters_that_agree_do_not_scatter():
    level = make_level(lines(COLUMNS), 1.0, (SPREAD, SPREAD))
    spread = scatter(posts(COLUMNS), level, np.zeros(UNKNOWNS))
    assert spread[4, 4] < 0.01 * curvature(posts(COLUMNS), level, np.zeros(UNKNOWNS))[4, 4]


def test_one_step_finds_a_small_shift():
    level = make_level(lines(COLUMNS), 1.0, (SPREAD, SPREAD))
    free = np.zeros(UNKNOWNS, np.bool_)
    free[4] = True
    mean, covariance = posterior(posts(COLUMNS, 0.01), level, np.zeros(UNKNOWNS), free, PRIOR)
    assert mean[4] == pytest.approx(0.01, abs=0.002)
    assert 0.0 < covariance[4, 4] < 0.02**2
    assert not covariance[6].any()


def test_what_the_score_does_not_see_keeps_the_prior():
    """Posts say nothing of the height, all at 10 m no yaw apart from a shift, a robot that stands nothing of time."""
    level = make_level(lines(COLUMNS), 1.0, (SPREAD, SPREAD))
    _, covariance = posterior(posts(COLUMNS), level, np.zeros(UNKNOWNS), np.ones(UNKNOWNS, np.bool_), PRIOR)
    assert np.sqrt(covariance[5, 5]) == pytest.approx(0.1, rel=0.05)
    assert np.sqrt(covariance[6, 6]) == pytest.approx(0.1, rel=1e-6)
    together = np.zeros(UNKNOWNS)
    together[[2, 4]] = 1.0, 1.0 / DEPTH  # radians in the image
    assert np.sqrt(together @ covariance @ together) < 0.1 * np.sqrt(covariance[2, 2])


def test_thinning_keeps_points_of_all_posts_and_their_clusters():
    whole = posts(COLUMNS)
    thin = whole.thinned(25)
    assert len(thin) == 20
    assert np.bincount(thin.clusters).tolist() == [5, 5, 5, 5]
    assert whole.thinned(80) is whole
