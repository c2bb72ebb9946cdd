"""Shards of training images: their shapes, their classes, and that a seed gives the same bytes."""

import numpy as np
import pytest

from perception_core.types import classes
from perception_training.dataset import network_classes, write_shard


@pytest.mark.slow
def test_a_shard_repeats(tmp_path):
    for name in ("one", "two"):
        write_shard(tmp_path / f"{name}.npz", 7, 2)
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "two.npz") as two:
        assert sorted(one) == ["boxes", "class_ids", "counts", "images", "segments", "visible"]
        assert all((one[name] == two[name]).all() for name in one)
        assert one["images"].shape == (2, 192, 448, 3)
        assert one["segments"].shape == (2, 192, 448)
        assert len(one["boxes"]) == len(one["class_ids"]) == len(one["visible"]) == one["counts"].sum()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_classes_of_the_stack_become_the_networks():
    names = ("car", "truck", "bus", "person", "cyclist", "unknown", "animal")
    ids = np.array([classes.INDEX[name] for name in names], np.int32)
    assert network_classes(ids).tolist() == [0, 1, 2, 3, 4, 5, -1]
