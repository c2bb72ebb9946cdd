"""Tracked boxes as the standard message: written as bytes, read by rclpy."""

import math
import uuid

import numpy as np
import pytest
from hypothesis import given
from rclpy.serialization import serialize_message
from strategies import obstacles
from vision_msgs.msg import Detection3DArray

from perception_core.types import CLASSES, Obstacles
from perception_nodes.conversions.time import ns_from_msg
from perception_nodes.conversions.tracks import tracks_to_cdr, tracks_to_msg


@given(obstacles())
def test_every_track_with_its_id_and_covariance(found: Obstacles) -> None:
    msg = tracks_to_msg(found)
    assert (ns_from_msg(msg.header.stamp), msg.header.frame_id) == (found.stamp_ns, found.frame)
    assert [d.id for d in msg.detections] == [str(uuid.UUID(bytes=bytes(row))) for row in found.ids]
    for i, box in enumerate(msg.detections):
        assert box.header == msg.header
        centre, turn = box.bbox.center.position, box.bbox.center.orientation
        assert [centre.x, centre.y, centre.z] == found.centre[i].tolist()
        assert [box.bbox.size.x, box.bbox.size.y, box.bbox.size.z] == found.size[i].tolist()
        assert math.remainder(2.0 * math.atan2(turn.z, turn.w) - found.yaw[i], math.tau) == pytest.approx(0.0, abs=1e-9)
        told = {r.hypothesis.class_id: r.hypothesis.score for r in box.results}
        assert told == {n: p for n, p in zip(CLASSES, found.class_probabilities[i], strict=True) if p > 0.0}
        for result in box.results:
            np.testing.assert_array_equal(result.pose.covariance, found.pose_covariance[i].ravel())
            assert result.pose.pose == box.bbox.center


@given(obstacles())
def test_the_bytes_are_those_of_rclpy(found: Obstacles) -> None:
    """Padding aside, which rclpy leaves as it finds it."""
    data = tracks_to_cdr(found)
    again = serialize_message(tracks_to_msg(found))
    assert len(data) == len(again)
    assert type(tracks_to_msg(found)) is Detection3DArray
