import numpy as np
import pytest
from hypothesis import given, settings
from strategies import detections
from vision_msgs.msg import Detection2D, Detection2DArray

from perception_core.errors import ImageError
from perception_core.types import Detections2D
from perception_core.types.classes import INDEX
from perception_nodes.conversions.detections import detections_from_msg, detections_to_msg


def one():
    return detections_to_msg(Detections2D(4, "camera", [[10.0, 20.0, 30.0, 60.0]], [0.8], [INDEX["person"]], (64, 64)))


def test_one_detection_reads_as_the_standard_says():
    msg = one()
    (detection,) = msg.detections
    centre = detection.bbox.center
    assert (centre.position.x, centre.position.y, centre.theta) == (20.0, 40.0, 0.0)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (20.0, 40.0)
    hypothesis = detection.results[0].hypothesis
    assert (hypothesis.class_id, hypothesis.score) == ("person", 0.8)
    assert detection.header == msg.header


@settings(max_examples=40, deadline=None)
@given(detections())
def test_detections_come_back(found):
    back = detections_from_msg(detections_to_msg(found), found.image_size)
    np.testing.assert_allclose(back.boxes, found.boxes, atol=1e-9)
    for name in ("scores", "class_ids", "stamp_ns", "frame", "image_size"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))


def test_a_label_of_another_vocabulary_becomes_unknown():
    msg = one()
    msg.detections[0].results[0].hypothesis.class_id = "traffic cone"
    assert detections_from_msg(msg, (64, 64)).class_ids.tolist() == [INDEX["unknown"]]


def test_no_detections():
    assert len(detections_from_msg(Detection2DArray(), (64, 64))) == 0


@pytest.mark.parametrize("field", ["size_x", "size_y"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_box_that_is_none_is_refused(field, value):
    msg = one()
    setattr(msg.detections[0].bbox, field, value)
    with pytest.raises(ImageError, match=r"detections\[0\]"):
        detections_from_msg(msg, (64, 64))


def test_a_detection_without_class_is_refused():
    with pytest.raises(ImageError, match="no class hypothesis"):
        detections_from_msg(Detection2DArray(detections=[Detection2D()]), (64, 64))
