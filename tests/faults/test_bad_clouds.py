"""PointCloud2 messages that are broken: dropped, counted, named; the next good scan is as if nothing had been."""

import time

import numpy as np
import pytest
from running import street
from sensor_msgs.msg import PointCloud2, PointField
from vision_msgs.msg import Detection3DArray

from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.conversions.cloud import labelled_points_from_msg
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

POINTS = "/sensors/lidar_top/points"
CLUSTERS = "/perception/lidar/top/clusters"
OBSTACLE_POINTS = "/perception/lidar/top/obstacle_points"


def too_wide(msg):
    msg.width += 1


def wrong_point_step(msg):
    msg.point_step -= 3


def cut_off(msg):
    del msg.data[-100:]


def without_xyz(msg):
    msg.fields = [PointField(name=n, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, n in enumerate("abc")]


def without_fields(msg):
    msg.fields = []


def whole_numbers(msg):
    for field in msg.fields[:3]:
        field.datatype = PointField.INT32


def beyond_the_point(msg):
    msg.fields[2].offset = 4000


def unknown_datatype(msg):
    for field in msg.fields[:3]:
        field.datatype = 99


@pytest.fixture
def lidar(stack):
    stack.listen(Detection3DArray, CLUSTERS)
    stack.listen(PointCloud2, OBSTACLE_POINTS)
    stack.listen(SensorStatus, "/perception/lidar/top/status")
    stack.start(LidarNode)
    stack.publish_mounts()
    return stack


def good_scan(stack):
    stamp = time.time_ns()
    stack.publish(POINTS, street(stamp))
    return stack.of_stamp(CLUSTERS, stamp)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (too_wide, "row_step"),
        (wrong_point_step, "point_step"),
        (cut_off, "bytes"),
        (without_xyz, "no x; the fields are: a, b, c"),
        (without_fields, "no x; the fields are: none"),
        (whole_numbers, "datatype 5"),
        (beyond_the_point, "field z: bytes 4000"),
        (unknown_datatype, "datatype 99"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_cloud_is_dropped_and_named(lidar, damage, text):
    msg = street(time.time_ns())
    damage(msg)
    lidar.publish(POINTS, msg)
    fault = lidar.wait(
        lambda: next((s for s in lidar.received["/perception/lidar/top/status"] if s.state == s.FAULTY), None), "fault"
    )
    if text != "point_step":  # three bytes less may still be a layout, of which the data are too many
        assert text in fault.reason
    assert not lidar.received[CLUSTERS]
    assert len(good_scan(lidar).detections) == 1
    lidar.diagnostics("lidar_node", lambda v: v.get("drops.bad_cloud") == "1" and v.get("clusters.count") == "1")


def test_points_that_are_no_numbers_are_left_out(lidar):
    stamp = time.time_ns()
    msg = street(stamp)
    rows = np.frombuffer(msg.data, dtype="<f4").reshape(-1, 4)
    rows[::3, 0] = np.nan
    rows[1::3, 2] = np.inf
    lidar.publish(POINTS, msg)
    assert len(lidar.of_stamp(CLUSTERS, stamp).detections) <= 1
    points, _ = labelled_points_from_msg(lidar.of_stamp(OBSTACLE_POINTS, stamp))
    assert np.isfinite(points).all()
    assert len(good_scan(lidar).detections) == 1


def only_nan(msg):
    np.frombuffer(msg.data, dtype="<f4")[:] = np.nan


def without_points(msg):
    msg.width = msg.row_step = 0
    del msg.data[:]


def behind_the_window(msg):
    np.frombuffer(msg.data, dtype="<f4").reshape(-1, 4)[:, :3] *= np.float32(0.001)


@pytest.mark.parametrize("damage", [only_nan, without_points, behind_the_window])
def test_a_scan_without_returns_says_faulty_and_not_free(lidar, damage):
    stamp = time.time_ns()
    msg = street(stamp)
    damage(msg)
    lidar.publish(POINTS, msg)
    lidar.diagnostics("lidar_node", lambda v: v.get("drops.bad_cloud") == "1" and v["view.directions"] == "0.00")
    faulty = [s for s in lidar.received["/perception/lidar/top/status"] if s.state == SensorStatus.FAULTY]
    assert faulty[0].reason == "no returns from beyond 0.5 m within 80 m: covered?"
    assert not lidar.received[CLUSTERS]
    assert len(good_scan(lidar).detections) == 1


def test_half_a_lidar_is_told_as_faulty_and_what_the_rest_sees_goes_on(lidar):
    lidar.listen(ObstacleArray, "/perception/obstacles")
    lidar.start(FusionNode)
    lidar.start(TrackingNode)
    for k in range(14):
        stamp = time.time_ns()
        msg = street(stamp)
        if k >= 6:
            rows = np.frombuffer(msg.data, dtype="<f4").reshape(-1, 4)
            rows[rows[:, 0] < 0.0, :3] *= np.float32(0.001)
        lidar.publish(POINTS, msg)
        time.sleep(0.1)
    told = lidar.of_stamp("/perception/obstacles", stamp)
    (top,) = [s for s in told.sensors if s.name == "top"]
    assert (top.state, "directions vanished: covered?" in top.reason) == (SensorStatus.FAULTY, True)
    assert (told.mode, len(told.obstacles)) == (ObstacleArray.LIDAR_ONLY, 1)
    assert top.rate_hz > 5.0


def test_big_endian_numbers_are_read_as_such(lidar):
    stamp = time.time_ns()
    msg = street(stamp)
    swapped = np.frombuffer(msg.data, dtype="<f4").astype(">f4").tobytes()
    del msg.data[:]
    msg.data.frombytes(swapped)
    msg.is_bigendian = True
    lidar.publish(POINTS, msg)
    (car,) = lidar.of_stamp(CLUSTERS, stamp).detections
    assert 10.0 < car.bbox.center.position.x < 13.0


def test_the_planner_is_told_that_the_lidar_is_faulty(lidar):
    lidar.listen(ObstacleArray, "/perception/obstacles")
    lidar.start(FusionNode)
    lidar.start(TrackingNode)
    for _ in range(8):
        msg = street(time.time_ns())
        without_xyz(msg)
        lidar.publish(POINTS, msg)
        time.sleep(0.1)

    def told():
        for msg in reversed(lidar.received["/perception/obstacles"]):
            for sensor in msg.sensors:
                if sensor.name == "top" and sensor.state == sensor.FAULTY:
                    return msg, sensor
        return None

    msg, sensor = lidar.wait(told, "FAULTY in obstacles")
    assert "no x; the fields are: a, b, c" in sensor.reason
    assert (msg.mode, msg.obstacles) == (ObstacleArray.BLIND, [])
