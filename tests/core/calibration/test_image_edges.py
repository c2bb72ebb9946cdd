"""Edges of plain pictures."""

import numpy as np

from perception_core.calibration.image_edges import LEVEL, UPRIGHT, edge_strength, label_edges, spread_edges


def halves(transposed: bool = False) -> np.ndarray:
    """Dark up to column 49, bright from 50 on."""
    image = np.full((80, 100), 40, np.uint8)
    image[:, 50:] = 160
    return np.ascontiguousarray(image.T) if transposed else image


def test_an_upright_edge_is_one_line_in_one_channel():
    strength = edge_strength(halves())
    assert strength.shape == (2, 80, 100)
    columns = np.flatnonzero(strength[UPRIGHT, 40] > 0.5)
    assert columns.tolist() in ([49], [50])
    assert strength[LEVEL].max() < 0.1


def test_a_level_edge_is_in_the_other_channel():
    strength = edge_strength(halves(transposed=True))
    assert np.flatnonzero(strength[LEVEL, :, 40] > 0.5).tolist() in ([49], [50])
    assert strength[UPRIGHT].max() < 0.1


def test_a_plain_image_has_no_edges_and_noise_hardly_any():
    assert edge_strength(np.full((60, 60), 77, np.uint8)).max() == 0.0
    noise = np.random.default_rng(0).normal(100.0, 1.5, (60, 60))
    assert edge_strength(np.rint(noise).astype(np.uint8)).max() < 0.1


def test_busy_regions_count_less_than_a_line_that_stands_alone():
    checks = (np.indices((80, 100)).sum(axis=0) // 3 % 2 * 120 + 40).astype(np.uint8)
    assert edge_strength(checks).max() < 0.7 * edge_strength(halves()).max()


def test_a_spread_line_is_one_at_its_crest_and_nothing_on_average():
    line = np.zeros((2, 120, 200), np.float32)
    line[UPRIGHT, :, 100] = 1.0
    spread = spread_edges(line, (3.0, 3.0))
    assert abs(spread[UPRIGHT, 60, 100] - 1.0) < 0.03
    assert abs(spread[UPRIGHT, 60].mean()) < 0.005
    assert spread[UPRIGHT, 60, 106] < 0.2  # two widths beside
    assert not spread[LEVEL].any()


def test_an_even_texture_scores_nothing():
    assert np.abs(spread_edges(np.full((2, 60, 60), 0.7, np.float32), (2.0, 5.0))).max() < 1e-5


def test_borders_of_labels_are_edges():
    labels = np.zeros((6, 8), np.uint8)
    labels[2:4, 3:5] = 9
    edges = label_edges(labels)
    assert np.argwhere(edges[UPRIGHT]).tolist() == [[2, 3], [2, 5], [3, 3], [3, 5]]
    assert np.argwhere(edges[LEVEL]).tolist() == [[2, 3], [2, 4], [4, 3], [4, 4]]
