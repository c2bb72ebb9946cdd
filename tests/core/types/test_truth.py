"""Ground truth of one moment: columns that fit together, also of nobody."""

import numpy as np
import pytest

from perception_core.errors import PerceptionError
from perception_core.types import Truth


def columns(count: int) -> dict[str, object]:
    return {
        "stamp_ns": 1,
        "frame": "odom",
        "ids": np.arange(1, count + 1, dtype=np.int32),
        "class_ids": np.zeros(count, dtype=np.int32),
        "centre": np.zeros((count, 3)),
        "size": np.ones((count, 3)),
        "yaw": np.zeros(count),
        "velocity": np.zeros((count, 3)),
        "yaw_rate": np.zeros(count),
        "point_count": np.full(count, -1, dtype=np.int32),
        "visible_fraction": np.full(count, np.nan),
        "boxes_2d": np.zeros((count, 4)),
    }


@pytest.mark.parametrize("count", [0, 1, 7])
def test_its_length_is_the_number_of_objects(count: int):
    assert len(Truth(**columns(count))) == count


@pytest.mark.parametrize("name", ["class_ids", "centre", "yaw", "point_count", "visible_fraction", "boxes_2d"])
def test_columns_must_fit_together(name: str):
    short = columns(3)
    short[name] = short[name][:-1]
    with pytest.raises(PerceptionError, match=rf"truth\.{name}: expected 3 rows, got 2"):
        Truth(**short)
