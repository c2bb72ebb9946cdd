"""Bits of vehicles, and what is guessed of one where another stands."""

import numpy as np

from perception_core.fusion.completion import Boxes
from perception_core.fusion.object_table import NO_HULL, ObjectTable
from perception_core.fusion.overlaps import inside_vehicles, outside_bigger
from perception_core.types import CLASSES, Sensor
from perception_core.types.classes import CAR, INDEX, PERSON, UNKNOWN

BOTH = Sensor.LIDAR | Sensor.CAMERA


def boxes(*rows: tuple[float, float, float, float], width: float = 2.0) -> Boxes:
    """Boxes along x, standing at (x, y), of a length and a height."""
    centre = np.array([(x, y, height / 2) for x, y, _, height in rows])
    size = np.array([(length, width, height) for _, _, length, height in rows])
    return Boxes(centre, size, np.zeros(len(rows)), np.tile(np.eye(6), (len(rows), 1, 1)))


def probabilities(*names: str) -> np.ndarray:
    return np.eye(len(CLASSES))[[INDEX[name] for name in names]]


def test_what_is_guessed_of_a_vehicle_lies_on_no_other() -> None:
    """A car of 4 by 2 m around (10, 0), and a bit of 1 by 2 m behind its end at (13, 0) that is guessed to be 4 m long.

    Guessed away from the car it stays, over two of the metres of the car it does not.
    """
    cars, points = probabilities(CAR, CAR), np.array([200, 20])
    seen = boxes((10.0, 0.0, 4.0, 1.5), (13.0, 0.0, 1.0, 1.5))
    away = boxes((10.0, 0.0, 4.0, 1.5), (14.5, 0.0, 4.0, 1.5))
    over = boxes((10.0, 0.0, 4.0, 1.5), (12.0, 0.0, 4.0, 1.5))
    assert inside_vehicles(seen, away, cars, points).tolist() == [False, False]
    assert inside_vehicles(seen, over, cars, points).tolist() == [False, True]


def table(solids: Boxes, names: tuple[str, ...], sensors: tuple[int, ...], points: tuple[int, ...]) -> ObjectTable:
    n = len(points)
    return ObjectTable(
        solids, probabilities(*names), np.ones(n), np.array(sensors, np.uint8), np.array(points), np.zeros(n),
        [NO_HULL] * n,
    )  # fmt: skip


def test_a_piece_within_a_named_car_is_dropped_and_its_driver_with_a_name_is_not() -> None:
    """A car 4 m long; a piece of 1 m in it, one that sticks out 0.3 m at its end, one higher than it, and a person."""
    places = boxes(
        (10.0, 0.0, 4.0, 1.5), (10.5, 0.0, 1.0, 1.0), (11.8, 0.0, 1.0, 1.0), (10.0, 0.0, 1.0, 2.0), (9.5, 0.0, 1.0, 1.0)
    )
    names = (CAR, UNKNOWN, UNKNOWN, UNKNOWN, PERSON)
    sensors = (BOTH, Sensor.LIDAR, Sensor.LIDAR, Sensor.LIDAR, BOTH)
    kept = outside_bigger(table(places, names, sensors, (100, 10, 10, 10, 10)))
    assert kept.tolist() == [True, False, True, True, True]


def test_a_car_that_only_its_shape_names_swallows_nothing() -> None:
    places = boxes((10.0, 0.0, 4.0, 1.5), (10.5, 0.0, 1.0, 1.0))
    kept = outside_bigger(table(places, (CAR, UNKNOWN), (Sensor.LIDAR, Sensor.LIDAR), (100, 10)))
    assert kept.tolist() == [True, True]
