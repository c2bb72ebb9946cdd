"""How well tracks are known."""

import uuid

import numpy as np
import pytest

from perception_core.tracking import life
from perception_core.tracking.anchoring import NEW, RIGID, SETTLED
from perception_core.tracking.config import MeasurementConfig, TrackerConfig
from perception_core.tracking.measurements import from_objects
from perception_core.tracking.table import empty_table
from perception_core.types.classes import CAR, PERSON, UNKNOWN


@pytest.mark.parametrize(
    ("label", "seconds", "still", "wanted"),
    [
        (CAR, 0.4, 0.9, NEW),
        (CAR, 0.5, 0.9, RIGID),
        (CAR, 0.5, 0.4, SETTLED),  # it may move
        (PERSON, 0.5, 0.9, SETTLED),
        (UNKNOWN, 0.5, 0.9, SETTLED),  # several things may be in the box
    ],
)
def test_only_vehicles_that_stand_are_rigid(objects, label: str, seconds: float, still: float, wanted: int) -> None:
    seen, _ = from_objects(objects(0.0, [{"x": 10.0, "y": 0.0, "label": label}]), np.eye(4), MeasurementConfig())
    table = life.born(seen, 0, np.zeros(2), uuid.UUID(int=0), 0, True, TrackerConfig())
    table.class_probabilities[:] = seen.class_probabilities
    table.last_seen_ns[:] = round(seconds * 1e9)
    table.model_probability[:] = still, 1.0 - still, 0.0
    assert table.familiar.tolist() == [wanted]
    assert table.settled.tolist() == [wanted != NEW]


def test_no_tracks() -> None:
    assert empty_table().familiar.shape == (0,)
