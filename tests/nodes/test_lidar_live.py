"""lidar_node on real DDS: ego motion, several LiDARs of which any may stop, the robot's own boxes, intensities."""

import math
import time

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from running import street
from sensor_msgs.msg import Imu, LaserScan
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray

from perception_core.geometry import transforms
from perception_core.geometry.transforms import from_yaw
from perception_core.types import PointCloud
from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.conversions import cloud, tf
from perception_nodes.conversions.scan import coverage_from_msg
from perception_nodes.conversions.time import time_to_msg
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

MS = 1_000_000
POINTS = "/sensors/lidar_top/points"
MOUNTS = {
    "lidar_front": from_yaw(0.0, (2.5, 0.0, 1.0)),
    "lidar_rear": from_yaw(math.pi, (-2.5, 0.0, 1.0)),
}
TOPICS = {"front": "/sensors/lidar_front/points", "rear": "/sensors/lidar_rear/points"}
SEVERAL = {
    "lidar_name": "front",
    "points_topic": TOPICS["front"],
    "other_lidars": ["rear"],
    "other_points_topics": [TOPICS["rear"]],
}


def half_street(stamp_ns, frame, ahead=True):
    """Ground and a wall 10 m from the base, as a LiDAR at one end of the robot sees them: its own half of the world."""
    side = 1.0 if ahead else -1.0
    x, y = np.meshgrid(np.arange(3.0, 30.0, 0.3), np.arange(-15.0, 15.0, 0.3))
    y2, z2 = np.meshgrid(np.arange(-0.9, 0.9, 0.05), np.arange(0.0, 1.5, 0.05))
    ground = np.column_stack([side * x.ravel(), y.ravel(), np.zeros(x.size)])
    wall = np.column_stack([np.full(y2.size, side * 10.0), y2.ravel(), z2.ravel()])
    base = np.vstack([ground[~((np.abs(y.ravel()) < 1.0) & (x.ravel() > 10.0))], wall])
    points = transforms.apply(transforms.invert(MOUNTS[frame]), base).astype(np.float32)
    return cloud.cloud_to_msg(PointCloud(points, stamp_ns, frame))


@pytest.fixture
def both(stack):
    for kind, topic in ((Detection3DArray, "clusters"), (LaserScan, "coverage")):
        stack.listen(kind, f"/perception/lidar/front/{topic}")
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.start(LidarNode, **SEVERAL)
    stack.start(FusionNode, lidar_name="front", other_lidars=["rear"], cameras=[], camera_info_topics=[])
    stack.start(TrackingNode, lidar_name="front", other_lidars=["rear"], cameras=[])
    stack.publish_mounts(MOUNTS)
    return stack


def drive(stack, count, names=("front", "rear")):
    """Send scans of one stamp at 10 Hz; return the stamps."""
    stamps = []
    for _ in range(count):
        stamps.append(time.time_ns())
        for name in names:
            stack.publish(TOPICS[name], half_street(stamps[-1], f"lidar_{name}", name == "front"))
        time.sleep(0.1)
    return stamps


def walls(stack, stamp):
    found = stack.of_stamp("/perception/lidar/front/clusters", stamp).detections
    return sorted(round(d.bbox.center.position.x) for d in found)


def states(stack, stamp):
    array = stack.of_stamp("/perception/obstacles", stamp)
    return array.mode, {s.name: s.state for s in array.sensors}


def test_two_lidars_make_one_scan(both):
    stamps = drive(both, 8)
    assert walls(both, stamps[-1]) == [-10, 10]
    assert states(both, stamps[-1]) == (ObstacleArray.LIDAR_ONLY, {"front": SensorStatus.OK, "rear": SensorStatus.OK})
    both.diagnostics("lidar_node", lambda v: v.get("joined") == "front, rear" and "clusters.count" in v)


@pytest.mark.parametrize(("left", "x"), [("front", 10), ("rear", -10)])
def test_one_may_stop_also_the_first(both, left, x):
    whole = drive(both, 6)[-1]
    far = coverage_from_msg(both.of_stamp("/perception/lidar/front/coverage", whole))
    stamps = drive(both, 14, (left,))
    assert walls(both, stamps[-1]) == [x]
    stopped = "rear" if left == "front" else "front"
    mode, sensors = states(both, stamps[-1])
    assert mode == ObstacleArray.LIDAR_ONLY
    assert (sensors[left], sensors[stopped]) == (SensorStatus.OK, SensorStatus.MISSING)
    for stamp in stamps[2:]:  # no scan is lost over it
        both.of_stamp("/perception/obstacles", stamp)
    near = coverage_from_msg(both.of_stamp("/perception/lidar/front/coverage", stamps[-1]))
    assert (near > 1.0).sum() < 0.7 * (far > 1.0).sum()
    both.diagnostics("lidar_node", lambda v: int(v.get(f"scans.missing.{stopped}", 0)) > 5)
    again = drive(both, 6)[-1]
    assert walls(both, again) == [-10, 10]
    assert states(both, again)[1] == {"front": SensorStatus.OK, "rear": SensorStatus.OK}


def test_when_all_stop_it_is_blind(both):
    drive(both, 4)
    both.wait(lambda: both.received["/perception/obstacles"][-1].mode == ObstacleArray.BLIND, "BLIND")


def test_a_lidar_whose_mount_is_unknown_is_faulty_and_the_other_goes_on(both):
    for _ in range(8):
        stamp = time.time_ns()
        both.publish(TOPICS["front"], half_street(stamp, "lidar_front"))
        stray = half_street(stamp, "lidar_rear", False)
        stray.header.frame_id = "lidar_nowhere"
        both.publish(TOPICS["rear"], stray)
        time.sleep(0.1)
    assert walls(both, stamp) == [10]
    assert states(both, stamp) == (
        ObstacleArray.LIDAR_ONLY,
        {"front": SensorStatus.OK, "rear": SensorStatus.FAULTY},
    )


# -- ego motion ------------------------------------------------------------------------------------------------------


def spun(stamp_ns, rate):
    """A sweep around the stamp of a sensor that turns with ``rate`` rad/s: a wall of 8 m 20 m ahead, and ground."""
    y, z = np.meshgrid(np.arange(-4.0, 4.0, 0.05), np.arange(0.0, 2.0, 0.1))
    gx, gy = np.meshgrid(np.arange(3.0, 19.0, 0.3), np.arange(-10.0, 10.0, 0.3))
    base = np.vstack(
        [
            np.column_stack([np.full(y.size, 20.0), y.ravel(), z.ravel()]),
            np.column_stack([gx.ravel(), gy.ravel(), np.zeros(gx.size)]),
        ]
    )
    offsets = np.round(np.interp(base[:, 1], [-10, 10], [0.05, -0.05]) * 1e9).astype(np.int64)
    angle = -rate * offsets * 1e-9
    x = np.cos(angle) * base[:, 0] - np.sin(angle) * base[:, 1]
    turned = np.column_stack([x, np.sin(angle) * base[:, 0] + np.cos(angle) * base[:, 1], base[:, 2] - 1.8])
    return cloud.cloud_to_msg(PointCloud(turned.astype(np.float32), stamp_ns, "lidar_top", time_offset_ns=offsets))


def length_of_wall(stack, stamp):
    found = stack.of_stamp("/perception/lidar/top/clusters", stamp).detections
    return max(d.bbox.size.x for d in found)


RATE = 2.0


def send_motion(stack, kind, until_ns):
    for ms in range(-300, 51, 10):
        stamp = until_ns + ms * MS
        if kind == "tf":
            pose = from_yaw(RATE * ms * 1e-3)
            stack.publish("/tf", TFMessage(transforms=[tf.transform_to_msg(pose, "odom", "base_link", stamp)]))
        elif kind == "odometry":
            msg = Odometry(child_frame_id="base_link")
            msg.header.stamp = time_to_msg(stamp)
            msg.twist.twist.angular.z = RATE
            stack.publish("/sensors/odometry", msg)
        else:
            msg = Imu()
            msg.header.stamp, msg.header.frame_id = time_to_msg(stamp), "imu"
            msg.angular_velocity.z = -RATE  # mounted upside down
            stack.publish("/sensors/imu", msg)


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("tf", {"fixed_frame": "odom"}, "yes"),
        ("odometry", {"odometry_topic": "/sensors/odometry"}, "yes"),
        ("imu", {"imu_topic": "/sensors/imu"}, "rotation only"),
    ],
)
def test_a_wall_seen_in_a_turn_has_its_true_length(stack, kind, parameters, said):
    """It is swept within 40 ms, in which 2 rad/s turn by 0.08 rad: at 20 m that makes it 1.6 m longer than 8 m."""
    stack.listen(Detection3DArray, "/perception/lidar/top/clusters")
    stack.start(LidarNode, **parameters)
    stack.publish_mounts(
        {
            "lidar_top": from_yaw(0.0, (0.0, 0.0, 1.8)),
            "imu": transforms.from_quaternion((0.3, 0.0, 0.5), (1.0, 0.0, 0.0, 0.0)),
        }
    )
    time.sleep(0.3)
    stamp = time.time_ns()
    send_motion(stack, kind, stamp)
    time.sleep(0.1)
    stack.publish(POINTS, spun(stamp, RATE))
    assert length_of_wall(stack, stamp) == pytest.approx(8.0, abs=0.15)
    stack.diagnostics("lidar_node", lambda v: v.get("deskewed", "").startswith(said))


def test_without_motion_or_times_it_goes_on_and_says_so(stack):
    stack.listen(Detection3DArray, "/perception/lidar/top/clusters")
    stack.start(LidarNode, fixed_frame="odom")
    stack.publish_mounts()
    for _ in range(3):  # odometry that never comes delays a scan once
        stamp = time.time_ns()
        stack.publish(POINTS, spun(stamp, RATE))
        time.sleep(0.1)
    assert length_of_wall(stack, stamp) == pytest.approx(9.6, abs=0.15)
    stack.diagnostics("lidar_node", lambda v: v.get("deskewed") == "no: odometry does not cover the sweep")
    stamp = time.time_ns()
    stack.publish(POINTS, street(stamp))
    stack.of_stamp("/perception/lidar/top/clusters", stamp)
    status = stack.diagnostics("lidar_node", lambda v: v.get("deskewed") == "no: the cloud has no times")
    assert status.level == b"\x00"


# -- crops -----------------------------------------------------------------------------------------------------------


def test_the_boxes_of_the_calibration_are_the_robot(stack, tmp_path):
    """The car-sized thing of the scene, declared to be the robot's own boom on its LiDAR."""
    (tmp_path / "extrinsics.yaml").write_text("""
base_frame: base_link
transforms:
  - {parent: base_link, child: lidar_top, translation: [0, 0, 1.8], quaternion: [0, 0, 0, 1]}
body:
  - {frame: lidar_top, min: [9.9, -1.0, -1.7], max: [14.3, 1.0, -0.2]}
""")
    stack.listen(Detection3DArray, "/perception/lidar/top/clusters")
    stack.start(LidarNode, calibration=str(tmp_path))
    stack.publish_mounts()
    stamp = time.time_ns()
    stack.publish(POINTS, street(stamp))
    assert stack.of_stamp("/perception/lidar/top/clusters", stamp).detections == []
    stack.diagnostics("lidar_node", lambda v: int(v.get("points.dropped.body", 0)) > 1000)


def test_boxes_that_cannot_be_read_keep_the_node_from_its_work(stack, tmp_path):
    (tmp_path / "extrinsics.yaml").write_text("base_frame: base_link\ntransforms: []\nbody: [{frame: roof}]\n")
    with pytest.raises(AssertionError):
        stack.start(LidarNode, calibration=str(tmp_path))


def test_limits_of_intensity_drop_points_or_say_that_there_is_none(stack):
    stack.listen(Detection3DArray, "/perception/lidar/top/clusters")
    stack.start(LidarNode, lidar__crop__min_intensity=2.0)
    stack.publish_mounts()
    stamp = time.time_ns()
    stack.publish(POINTS, street(stamp))  # all intensities are 1
    assert stack.of_stamp("/perception/lidar/top/clusters", stamp).detections == []
    stack.diagnostics("lidar_node", lambda v: int(v.get("points.dropped.intensity", 0)) > 1000)
    bare = cloud.cloud_from_msg(street(time.time_ns())).cloud
    stack.publish(POINTS, cloud.points_to_msg(bare.xyz, time.time_ns(), "lidar_top"))
    stack.diagnostics("lidar_node", lambda v: "no intensity" in v.get("cloud", ""))
