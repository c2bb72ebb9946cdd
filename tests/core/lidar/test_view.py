"""Single returns in known directions."""

import numpy as np
import pytest

from perception_core.geometry import transforms
from perception_core.lidar.view import COLUMNS, ROWS, farthest_returns
from perception_core.types import PointCloud


def cloud(*points: tuple[float, float, float]) -> PointCloud:
    return PointCloud(np.array(points, np.float32).reshape(-1, 3), 0, "sensor")


def test_the_farthest_return_of_a_direction() -> None:
    out = farthest_returns(
        [(cloud((5.0, 0.1, 0.1), (9.0, 0.1, 0.2), (0.0, 0.0, 3.0), (-4.0, -0.1, -0.01)), np.eye(4))], 0.5
    )
    assert (out.shape, out.dtype) == ((90, 72), np.float32)
    assert np.count_nonzero(out) == 3
    assert out[ROWS // 2 - 1, COLUMNS // 2] == pytest.approx(np.sqrt(81.05))
    assert out[0].max() == 3.0
    assert out[ROWS // 2, 0] == pytest.approx(4.0, abs=0.01)


def test_directions_are_those_of_the_base_and_near_returns_are_left_out() -> None:
    ahead = cloud((8.0, 0.0, 0.5), (0.3, 0.0, 0.0))
    out = farthest_returns([(ahead, transforms.from_yaw(np.pi / 2, (5.0, 0.0, 2.0)))], 0.5)
    ((row, column),) = np.argwhere(out)
    assert (row, column) == (43, 54)  # 3.6 degrees up, to the left


def test_several_lidars_and_none() -> None:
    out = farthest_returns([(cloud((5.0, 0.1, 0.1)), np.eye(4)), (cloud((7.0, 0.1, 0.1)), np.eye(4))], 0.5)
    assert out.max() == pytest.approx(7.0, abs=0.01)
    assert not farthest_returns([(cloud(), np.eye(4))], 0.5).any()
