"""Clusters with numbers that are none: left out and counted, the others as if they had not been there."""

from dataclasses import replace

import numpy as np
import pytest
from fusion_scenes import clusters_of

from perception_core.fusion import Fusion, FusionConfig
from perception_core.fusion.sound_clusters import without_bad_clusters

SEEN = ((10.0, 0.0, 0.75, 0.1, 1.7, 1.4), (20.0, 3.0, 0.9, 0.6, 0.6, 1.8), (30.0, -3.0, 0.75, 4.0, 1.7, 1.4))
COLUMNS = ("centre", "size", "yaw", "covariance", "bottom", "top", "time_offset")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_number_that_is_none_takes_its_cluster_out(column: str, value: float) -> None:
    clusters = clusters_of(*SEEN, per_cluster=2)
    numbers = getattr(clusters, column).copy()
    numbers[1] = value
    kept, bad = without_bad_clusters(replace(clusters, **{column: numbers}))
    assert bad == 1
    np.testing.assert_array_equal(kept.centre, clusters.centre[[0, 2]])
    assert kept.labels.tolist() == [0, 0, -1, -1, 1, 1]
    np.testing.assert_array_equal(kept.footprint(1), clusters.footprint(2))


def test_a_negative_size_and_a_corner_that_is_none() -> None:
    """The first by its size, the last by the third of its four corners; what is left is the middle one."""
    clusters = clusters_of(*SEEN, per_cluster=1)
    size, hull = clusters.size.copy(), clusters.hull.copy()
    size[0, 2], hull[10, 1] = -0.1, np.nan
    kept, bad = without_bad_clusters(replace(clusters, size=size, hull=hull))
    assert (bad, len(kept), kept.labels.tolist()) == (2, 1, [-1, 0, -1])
    np.testing.assert_array_equal(kept.hull, clusters.hull[4:8])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("centre", 1e200),
        ("centre", -2e6),
        ("size", 1e200),
        ("size", 2e4),
        ("yaw", 1e300),
        ("bottom", -1e30),
        ("top", 2e6),
        ("time_offset", 1e200),
        ("covariance", 1e300 * np.eye(3)),
        ("covariance", 2e12 * np.eye(3)),
        ("covariance", -0.01 * np.eye(3)),
        ("covariance", np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]])),
        ("covariance", np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])),
        ("covariance", np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])),
    ],
)
def test_a_number_that_was_not_measured_takes_its_cluster_out(column: str, value: float | np.ndarray) -> None:
    """The second matrix has eigenvalues 3, -1, 1, the third is not symmetric, the last has 1.9 twice and -0.8."""
    clusters = clusters_of(*SEEN, per_cluster=2)
    numbers = getattr(clusters, column).copy()
    numbers[1] = value
    fusion = Fusion(FusionConfig())
    fused = fusion.fuse(replace(clusters, **{column: numbers}), [])
    assert fusion.take_dropped() == {"clusters whose numbers cannot be used": 1}
    assert len(fused) == 2
    assert np.isfinite(fused.centre).all()
    assert (np.linalg.eigvalsh(fused.covariance) > 0.0).all()


def test_a_covariance_without_extent_or_off_by_rounding_is_sound() -> None:
    """None at all, one of rank 1, and that one as float32 has it."""
    line = np.outer([0.3, -0.7, 0.11], [0.3, -0.7, 0.11])
    covariance = np.stack([np.zeros((3, 3)), line, line.astype(np.float32)])
    clusters = replace(clusters_of(*SEEN), covariance=covariance)
    assert without_bad_clusters(clusters) == (clusters, 0)


def test_sound_clusters_are_handed_on_as_they_are() -> None:
    for clusters in (clusters_of(), clusters_of(*SEEN)):
        assert without_bad_clusters(clusters) == (clusters, 0)


@pytest.mark.filterwarnings("error")
def test_fusion_counts_them_and_the_rest_comes_out_as_without_them() -> None:
    clusters, fusion = clusters_of(*SEEN), Fusion(FusionConfig())
    hull = clusters.hull.copy()
    hull[4] = np.nan
    fused = fusion.fuse(replace(clusters, hull=hull), [])
    assert fusion.take_dropped().total() == 1
    alone = fusion.fuse(without_bad_clusters(replace(clusters, hull=hull))[0], [])
    assert (len(fused), fusion.take_dropped().total()) == (2, 0)
    np.testing.assert_array_equal(fused.covariance, alone.covariance)


def test_nothing_is_left_where_all_are_bad() -> None:
    clusters = clusters_of(*SEEN)
    fused = Fusion(FusionConfig()).fuse(replace(clusters, yaw=np.full(3, np.nan)), [])
    assert len(fused) == 0
