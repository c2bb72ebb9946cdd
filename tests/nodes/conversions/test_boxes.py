import math

import numpy as np
import pytest
from hypothesis import given, settings
from rclpy.serialization import serialize_message
from strategies import clusters, objects
from vision_msgs.msg import Detection3D, Detection3DArray

from perception_core.errors import CloudError, PerceptionError
from perception_core.fusion import Fusion, FusionConfig
from perception_core.lidar.processor import LidarProcessor
from perception_core.simulation.lidar_scenes import labelled_scan
from perception_core.types import CLASSES, Clusters, Mode, Objects
from perception_core.types.classes import INDEX
from perception_nodes.conversions import boxes, cloud, detection3d


def equal(a, b):
    """All columns the same, bit by bit."""
    for name in type(a).__dataclass_fields__:
        left, right = getattr(a, name), getattr(b, name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, name
            np.testing.assert_array_equal(left, right, err_msg=name)
        else:
            assert left == right, name
    return True


def one_object(**changes):
    columns = {
        "stamp_ns": 5_000_000_001,
        "frame": "base_link",
        "centre": [[10.0, -2.0, 0.8]],
        "size": [[4.2, 1.8, 1.5]],
        "yaw": [math.pi / 2],
        "covariance": np.arange(36.0).reshape(1, 6, 6),
        "class_probabilities": np.eye(len(CLASSES))[[INDEX["car"]]] * 0.7
        + np.eye(len(CLASSES))[[INDEX["truck"]]] * 0.3,
        "existence": [0.9],
        "sensors": [3],
        "point_count": [120],
        "mode": Mode.FUSED,
    }
    return Objects(**{**columns, **changes})


def test_one_object_reads_as_the_standard_says():
    msg = boxes.objects_to_msg(one_object())
    (detection,) = msg.detections
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec, msg.header.frame_id) == (5, 1, "base_link")
    assert detection.header == msg.header
    centre, size = detection.bbox.center, detection.bbox.size
    assert (centre.position.x, centre.position.y, centre.position.z) == (10.0, -2.0, 0.8)
    assert (size.x, size.y, size.z) == (4.2, 1.8, 1.5)
    assert centre.orientation.z == pytest.approx(math.sqrt(0.5))
    assert centre.orientation.w == pytest.approx(math.sqrt(0.5))
    assert [(r.hypothesis.class_id, r.hypothesis.score) for r in detection.results] == [("car", 0.7), ("truck", 0.3)]
    assert detection.results[0].pose.pose == centre
    assert list(detection.results[1].pose.covariance) == list(np.arange(36.0))
    assert detection.id == f"yaw={math.pi / 2!r} points=120 existence=0.9 sensors=3"


@settings(max_examples=25, deadline=None)
@given(objects())
def test_objects_come_back_bit_by_bit(found):
    assert equal(found, boxes.objects_from_cdr(boxes.objects_to_cdr(found), found.mode))


@settings(max_examples=25, deadline=None)
@given(clusters())
def test_clusters_come_back_bit_by_bit(found):
    assert equal(found, boxes.clusters_from_cdr(boxes.clusters_to_cdr(found), found.points, found.labels))


@settings(max_examples=15, deadline=None)
@given(objects())
def test_the_bytes_are_those_of_the_message(found):
    data = boxes.objects_to_cdr(found)
    again = bytes(serialize_message(boxes.objects_to_msg(found)))
    assert len(again) == len(data)
    assert equal(found, boxes.objects_from_cdr(again, found.mode))
    assert equal(found, boxes.objects_from_msg(boxes.objects_to_msg(found), found.mode))


@settings(max_examples=15, deadline=None)
@given(clusters())
def test_clusters_come_back_from_a_message_object(found):
    assert equal(found, boxes.clusters_from_msg(boxes.clusters_to_msg(found), found.points, found.labels))


@pytest.mark.parametrize("count", [0, 1, 500])
def test_any_number_of_clusters(count):
    found = Clusters(
        7,
        "b",
        np.zeros((count, 3)),
        np.ones((count, 3)),
        np.zeros(count),
        np.zeros((count, 3, 3)),
        np.full(count, 4),
        np.zeros((0, 3)),
        np.zeros(0),
    )
    data = boxes.clusters_to_cdr(found)
    assert len(boxes.clusters_from_cdr(data, found.points, found.labels)) == count
    assert detection3d.stamp_ns(data) == 7


def test_labels_beyond_the_boxes_are_refused():
    data = boxes.clusters_to_cdr(
        Clusters(7, "b", np.zeros((1, 3)), np.ones((1, 3)), [0.0], np.zeros((1, 3, 3)), [4], np.zeros((0, 3)), [])
    )
    with pytest.raises(CloudError, match=r"labels -1 to 1, but 1 boxes"):
        boxes.clusters_from_cdr(data, np.zeros((2, 3), np.float32), np.array([-1, 1], np.int32))


@pytest.mark.parametrize(
    ("identity", "text"),
    [("", "expected key=value"), ("car-7", "car-7"), ("points=4", "no yaw"), ("yaw=much points=4", "yaw='much'")],
)
def test_detections_of_somebody_else_are_refused(identity, text):
    msg = boxes.objects_to_msg(one_object())
    msg.detections[0].id = identity
    with pytest.raises(CloudError, match=text):
        boxes.objects_from_msg(msg, Mode.FUSED)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("points=nan", "points='nan' is no whole number from -2147483648 to 2147483647"),
        ("points=1e12", "points='1e12'"),
        ("points=1.5", "points='1.5'"),
        ("sensors=256", "sensors='256' is no whole number from 0 to 255"),
        ("sensors=-1", "sensors='-1'"),
        ("sensors=inf", "sensors='inf'"),
    ],
)
def test_counts_that_no_column_holds_are_refused(word, text):
    msg = boxes.objects_to_msg(one_object())
    msg.detections[0].id += f" {word}"  # of a word that comes twice the last counts
    with pytest.raises(CloudError, match=rf"detections\[0\].id: {text}"):
        boxes.objects_from_msg(msg, Mode.FUSED)


def test_a_detection_without_hypothesis_is_refused():
    msg = Detection3DArray(detections=[Detection3D(id="yaw=0.0 points=1")])
    with pytest.raises(CloudError, match=r"detections\[0\]: no class"):
        boxes.objects_from_msg(msg, Mode.FUSED)


@pytest.mark.parametrize("cut", [4, 12, 40, 200, 500])
def test_truncated_bytes_are_refused(cut):
    with pytest.raises(PerceptionError):
        boxes.objects_from_cdr(boxes.objects_to_cdr(one_object())[:cut], Mode.FUSED)


def test_a_live_fusion_node_fuses_what_the_offline_one_does():
    """Bit by bit, over the bytes of both topics: hulls and heights above ground included."""
    scan = labelled_scan("small", "vlp16", seed=1)
    result = LidarProcessor().process(scan.cloud, scan.T_base_lidar)
    found = result.clusters
    points, labels = cloud.labelled_points_from_msg(
        cloud.labelled_points_to_msg(found.points, found.labels, found.stamp_ns, found.frame)
    )
    live = boxes.clusters_from_cdr(boxes.clusters_to_cdr(found), points, labels)
    assert len(found) > 3
    assert equal(found, live)
    offline = Fusion(FusionConfig()).fuse(found, [])
    assert len(offline.hull) > 3
    assert equal(
        offline, boxes.objects_from_cdr(boxes.objects_to_cdr(Fusion(FusionConfig()).fuse(live, [])), offline.mode)
    )


@pytest.mark.parametrize(("digits", "text"), [("00", "hull of 2 digits"), ("xy" * 16, "hull is no hexadecimal number")])
def test_a_hull_that_is_none_is_refused(digits, text):
    msg, sound = (boxes.objects_to_msg(one_object()) for _ in range(2))
    msg.detections[0].id += f" hull={digits}"
    msg.detections = [*sound.detections, *msg.detections]
    with pytest.raises(CloudError, match=rf"detections\[1\].id: {text}"):
        boxes.objects_from_msg(msg, Mode.FUSED)
