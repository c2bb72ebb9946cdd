"""Objects in the making: selected, joined and packed with their footprints."""

import numpy as np

from perception_core.fusion.completion import Boxes
from perception_core.fusion.object_table import NO_HULL, ObjectTable, joined, pack
from perception_core.types import CLASSES, Mode, Sensor

TRIANGLE = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])


def table(*x: float, hulls: list[np.ndarray]) -> ObjectTable:
    """Objects at ``x`` that tell which they are by all their columns."""
    n, column = len(x), np.array(x)
    solids = Boxes(np.outer(column, [1.0, 0.0, 0.0]), np.ones((n, 3)), column / 10, np.tile(np.eye(6), (n, 1, 1)))
    return ObjectTable(
        solids, np.full((n, len(CLASSES)), 1.0 / len(CLASSES)), column / 10, np.full(n, Sensor.LIDAR, np.uint8),
        column.astype(np.int64), column / 100, hulls,
    )  # fmt: skip


def test_all_columns_go_together() -> None:
    """The second and the first of (1, 2), after the one at 5."""
    rows = table(1.0, 2.0, hulls=[NO_HULL, TRIANGLE]).select(np.array([1, 0]))
    objects = pack(joined(table(5.0, hulls=[NO_HULL]), rows), 7, "base_link", Mode.FUSED)
    assert (objects.stamp_ns, objects.frame, objects.mode) == (7, "base_link", Mode.FUSED)
    assert objects.centre[:, 0].tolist() == [5.0, 2.0, 1.0]
    assert objects.yaw.tolist() == objects.existence.tolist() == [0.5, 0.2, 0.1]
    assert objects.point_count.tolist() == [5, 2, 1]
    assert objects.time_offset.tolist() == [0.05, 0.02, 0.01]
    np.testing.assert_array_equal(objects.hull, TRIANGLE)
    assert objects.hull_start.tolist() == [0, 0, 3, 3]


def test_none_at_all() -> None:
    none = table(hulls=[])
    objects = pack(joined(none, none), 0, "base_link", Mode.BLIND)
    assert (len(objects), objects.hull.shape, objects.hull_start.tolist()) == (0, (0, 2), [0])
