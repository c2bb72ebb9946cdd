"""Boxes with classes as the bytes of a Detection3DArray, against rclpy's message objects."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rclpy.serialization import deserialize_message, serialize_message
from vision_msgs.msg import Detection3D, Detection3DArray

from perception_core.errors import CloudError, PerceptionError
from perception_core.types import CLASSES
from perception_nodes.conversions import detection3d

NUMBERS = st.floats(-1e6, 1e6)


def arguments(n: int, classes: list[list[tuple[str, float]]], frame: str = "base_link"):
    generator = np.random.default_rng(n)
    boxes = generator.normal(size=(n, 3)), generator.uniform(0.1, 5.0, (n, 3)), generator.uniform(-3.0, 3.0, n)
    return 7_000_000_123, frame, boxes, generator.normal(size=(n, 6, 6)), classes, [f"box {k}" for k in range(n)]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.tuples(st.text("abcdefghij", max_size=9), NUMBERS), min_size=1, max_size=4), max_size=4),
    st.text("xyz", max_size=7),
)
def test_rclpy_reads_what_was_written_and_it_reads_back(classes, frame):
    stamp_ns, _, boxes, covariance, _, ids = given_arguments = arguments(len(classes), classes, frame)
    data = detection3d.write(*given_arguments)
    msg = deserialize_message(data, Detection3DArray)
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec, msg.header.frame_id) == (7, 123, frame)
    for k, detection in enumerate(msg.detections):
        assert detection.header == msg.header
        assert detection.id == ids[k]
        assert [(r.hypothesis.class_id, r.hypothesis.score) for r in detection.results] == classes[k]
        for pose in (detection.bbox.center, *(r.pose.pose for r in detection.results)):
            p, q = pose.position, pose.orientation
            assert (p.x, p.y, p.z) == tuple(boxes[0][k])
            half = boxes[2][k] / 2.0
            assert (q.x, q.y, q.z, q.w) == (0.0, 0.0, math.sin(half), math.cos(half))
        assert all((r.pose.covariance == covariance[k].ravel()).all() for r in detection.results)
        size = detection.bbox.size
        assert (size.x, size.y, size.z) == tuple(boxes[1][k])
    for again in (data, bytes(serialize_message(msg))):
        found = detection3d.read(again)
        assert (found.stamp_ns, found.frame, found.ids, found.hypotheses) == (stamp_ns, frame, ids, classes)
        np.testing.assert_array_equal(found.centre, boxes[0])
        np.testing.assert_array_equal(found.size, boxes[1])
        np.testing.assert_array_equal(found.covariance, covariance)
        assert all(a.flags.c_contiguous and a.flags.writeable for a in (found.centre, found.size, found.covariance))


@given(st.integers(0, 400))
def test_what_is_cut_off_is_refused(cut):
    data = detection3d.write(*arguments(1, [[("car", 1.0)]]))
    assert len(data) > 400
    with pytest.raises(PerceptionError):
        detection3d.read(data[:cut])


def test_a_box_without_a_class_is_refused():
    data = bytes(serialize_message(Detection3DArray(detections=[Detection3D(id="lonely")])))
    with pytest.raises(CloudError, match=r"detections\[0\]: no class hypothesis"):
        detection3d.read(data)


@given(arrays(np.float64, (3, len(CLASSES)), elements=st.sampled_from([0.0, 0.125, 0.25, 0.5])))
def test_classes_are_listed_most_probable_first(probabilities):
    for row, listed in zip(probabilities, detection3d.class_lists(probabilities), strict=True):
        assert dict(listed) == {name: p for name, p in zip(CLASSES, row, strict=True) if p > 0.0}
        scores = [p for _, p in listed]
        assert scores == sorted(scores, reverse=True)
