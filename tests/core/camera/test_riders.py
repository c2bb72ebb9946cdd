"""Who rides what: boxes drawn by hand."""

import numpy as np
import pytest

from perception_core.camera.riders import merge_riders, riding_overlap
from perception_core.types.classes import INDEX

BICYCLE = [100, 100, 200, 160]  # 100 x 60 seen from the side
RIDER = [125, 60, 175, 150]  # 50 x 90: head 40 above, feet on the pedals
"""Intersection 50 x 50 = 2500, areas 6000 and 4500: overlap 2500 / 4500 = 5/9."""


def merged(*rows: tuple[str, list[float], float]) -> list[tuple[str, list[float], float]]:
    names = list(INDEX)
    boxes = np.array([box for _, box, _ in rows], np.float64).reshape(-1, 4)
    scores = np.array([score for *_, score in rows], np.float64)
    out = merge_riders(boxes, scores, np.array([INDEX[name] for name, *_ in rows], np.int32))
    return [(names[c], b.tolist(), float(s)) for b, s, c in zip(*out, strict=True)]


def overlap(person: list[float], vehicle: list[float]) -> float:
    return float(riding_overlap(np.array([person], float), np.array([vehicle], float))[0, 0])


def test_nothing_and_one():
    assert merged() == []
    assert merged(("person", RIDER, 0.8)) == [("person", RIDER, 0.8)]
    assert merged(("bicycle", BICYCLE, 0.8)) == [("bicycle", BICYCLE, 0.8)]


def test_a_person_on_a_bicycle_is_one_cyclist():
    assert overlap(RIDER, BICYCLE) == pytest.approx(5 / 9)
    assert merged(("person", RIDER, 0.8), ("bicycle", BICYCLE, 0.6)) == [("cyclist", [100, 60, 200, 160], 0.8)]


def test_a_person_on_a_motorcycle_is_a_motorcycle():
    found = merged(("motorcycle", BICYCLE, 0.9), ("person", RIDER, 0.8))
    assert found == [("motorcycle", [100, 60, 200, 160], 0.9)]


def test_a_rider_seen_from_ahead_is_wider_than_the_bicycle():
    person, bicycle = [90, 40, 150, 150], [105, 90, 130, 160]
    # Intersection 25 x 60 = 1500, the bicycle is 25 x 70 = 1750.
    assert overlap(person, bicycle) == pytest.approx(1500 / 1750)
    assert merged(("person", person, 0.5), ("bicycle", bicycle, 0.7)) == [("cyclist", [90, 40, 150, 160], 0.7)]


@pytest.mark.parametrize(
    "person",
    [
        [205, 60, 255, 150],  # beside it
        [185, 60, 235, 150],  # at its end: centre 210 is not within 100..200, nor 150 within 185..235
        [125, 90, 175, 167],  # feet 7 below its wheels, more than a tenth of 60
        [125, 95, 175, 155],  # head only 5 above its top, less than 15 % of 60
        [125, 10, 175, 165],  # 155 high, more than 2.5 times 60: nearer to us
        [140, 60, 160, 107],  # 47 high, less than 0.8 times 60: a person far behind
        [125, 10, 175, 105],  # intersection 50 x 5 = 250 of 4750: behind it
    ],
)
def test_who_does_not_ride(person):
    assert overlap(person, BICYCLE) == 0.0
    rows = [("person", person, 0.8), ("bicycle", BICYCLE, 0.6)]
    assert merged(*rows) == rows


@pytest.mark.parametrize("name", ["car", "animal", "cyclist"])
def test_other_things_are_not_ridden(name):
    rows = [("person", RIDER, 0.8), (name, BICYCLE, 0.6)]
    assert merged(*rows) == rows


def test_a_bicycle_carries_one_and_a_motorcycle_two():
    passenger = [105, 65, 145, 145]
    # Overlap of the passenger 40 x 45 = 1800 of 3200: 0.5625, more than the rider's 0.5556.
    bicycle = merged(("person", RIDER, 0.9), ("person", passenger, 0.8), ("bicycle", BICYCLE, 0.6))
    assert bicycle == [("person", RIDER, 0.9), ("cyclist", [100, 65, 200, 160], 0.8)]
    motorcycle = merged(("person", RIDER, 0.9), ("person", passenger, 0.8), ("motorcycle", BICYCLE, 0.6))
    assert motorcycle == [("motorcycle", [100, 60, 200, 160], 0.9)]


def test_a_person_rides_only_the_better_of_two():
    other = [110, 100, 215, 160]
    # Intersections are alike, 50 x 50 of 4500: the first wins, the other stays a bicycle.
    found = merged(("person", RIDER, 0.8), ("bicycle", BICYCLE, 0.6), ("bicycle", other, 0.7))
    assert found == [("cyclist", [100, 60, 200, 160], 0.8), ("bicycle", other, 0.7)]


def test_two_cyclists_among_others_come_out_best_first():
    far = 500.0
    found = merged(
        ("car", [0, 0, 50, 50], 0.7),
        ("person", RIDER, 0.5),
        ("bicycle", BICYCLE, 0.65),
        ("person", [v + far * (i % 2 == 0) for i, v in enumerate(RIDER)], 0.95),
        ("bicycle", [v + far * (i % 2 == 0) for i, v in enumerate(BICYCLE)], 0.2),
    )
    assert [(name, score) for name, _, score in found] == [("cyclist", 0.95), ("car", 0.7), ("cyclist", 0.65)]


def test_the_inputs_are_left_as_they_are():
    boxes = np.array([RIDER, BICYCLE], np.float64)
    boxes.flags.writeable = False
    merge_riders(boxes, np.array([0.8, 0.6]), np.array([INDEX["person"], INDEX["bicycle"]], np.int32))
    np.testing.assert_array_equal(boxes, [RIDER, BICYCLE])
