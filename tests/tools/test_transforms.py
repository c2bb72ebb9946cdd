"""Transforms of a recording."""

import numpy as np
import pytest

from perception_core.errors import TransformError
from perception_nodes.bag_reader import BagReader
from perception_tools.transforms import RecordedTransforms

START_NS = 1_000_000_000_000


@pytest.fixture
def moving(drive, tmp_path):
    """base_link 1 m further along x with every message, 0.1 s apart."""
    for k, message in enumerate(drive.of("/tf")):
        message.transforms[0].transform.translation.x = float(k)
    return drive.write(tmp_path / "a.mcap")


def load(path):
    with BagReader(path) as bag:
        transforms = RecordedTransforms(bag)
        for message in bag.messages(["/tf_static"]):
            transforms.add_static(message)
    return transforms


def test_poses_are_looked_up_at_the_stamp(moving):
    transforms = load(moving)
    assert transforms.lookup("odom", "base_link", START_NS + 300_000_000)[0, 3] == 3.0
    assert transforms.lookup("odom", "base_link", START_NS + 350_000_000)[0, 3] == pytest.approx(3.5)
    np.testing.assert_allclose(transforms.lookup("odom", "lidar_top", START_NS)[:3, 3], (0.0, 0.0, 1.8))


def test_nothing_is_extrapolated_and_nothing_is_identity(moving):
    transforms = load(moving)
    for stamp in (START_NS - 1, START_NS + 900_000_001):
        with pytest.raises(TransformError, match="odom <- base_link"):
            transforms.lookup("odom", "base_link", stamp)
    with pytest.raises(TransformError, match="moon"):
        transforms.lookup("moon", "base_link", START_NS)


def test_rotations_that_are_none_are_refused(drive, tmp_path):
    drive.of("/tf")[2].transforms[0].transform.rotation.w = 0.0
    transforms = load(drive.write(tmp_path / "a.mcap"))
    assert sum(transforms.refused.values()) == 1
    assert "odom->base_link" in next(iter(transforms.refused))
