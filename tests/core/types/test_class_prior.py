"""The prior of the classes."""

import numpy as np
import pytest

from perception_core.types import CLASSES
from perception_core.types.class_prior import CLASS_PRIOR, class_prior
from perception_core.types.classes import UNKNOWN


def test_every_class_has_a_share_and_most_things_have_no_name() -> None:
    assert set(CLASS_PRIOR) == set(CLASSES)
    assert class_prior().sum() == pytest.approx(1.0)
    assert CLASSES[int(np.argmax(class_prior()))] == UNKNOWN
    assert class_prior().min() > 0.0
