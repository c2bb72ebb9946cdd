"""The four nodes on real DDS: a scan becomes clusters, objects, obstacles."""

import math
import time
import uuid

import numpy as np
import pytest
from nav_msgs.msg import OccupancyGrid
from running import intrinsics, picture, street
from sensor_msgs.msg import Image, LaserScan, PointCloud2
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from perception_core.planning.sectors import _along_ray
from perception_core.types import Detections2D
from perception_core.types.classes import INDEX
from perception_interfaces.msg import Obstacle, ObstacleArray, SensorStatus
from perception_nodes.camera_node import CameraNode
from perception_nodes.conversions.cloud import cloud_from_msg, labelled_points_from_msg
from perception_nodes.conversions.detections import detections_to_msg
from perception_nodes.conversions.scan import coverage_from_msg
from perception_nodes.conversions.time import ns_from_msg
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

POINTS, IMAGE, INFO = (
    "/sensors/lidar_top/points",
    "/sensors/camera_front/image_raw",
    "/sensors/camera_front/camera_info",
)


@pytest.fixture
def chain(stack, no_networks):
    """All four nodes without weights, and the mounts of the sensors."""
    for topic, kind in (("obstacles", ObstacleArray), ("objects", Detection3DArray)):
        stack.listen(kind, f"/perception/{topic}")
    for node in (LidarNode, CameraNode, FusionNode, TrackingNode):
        stack.start(node)
    stack.publish_mounts()
    return stack


def send_scans(stack, count, each=lambda stamp_ns: None):
    """Send scans at 10 Hz; return their stamps."""
    stamps = []
    for _ in range(count):
        stamps.append(time.time_ns())
        each(stamps[-1])
        stack.publish(POINTS, street(stamps[-1]))
        time.sleep(0.1)
    return stamps


def test_a_scan_becomes_clusters_with_their_points(stack):
    for kind, name in ((Detection3DArray, "clusters"), (PointCloud2, "obstacle_points"), (LaserScan, "coverage")):
        stack.listen(kind, f"/perception/lidar/top/{name}")
    stack.listen(PointCloud2, "/perception/lidar/top/ground_points")
    stack.start(LidarNode)
    stack.publish_mounts()
    (stamp,) = send_scans(stack, 1)
    clusters = stack.of_stamp("/perception/lidar/top/clusters", stamp)
    (car,) = clusters.detections
    assert clusters.header.frame_id == "base_link"
    assert car.bbox.center.position.x - car.bbox.size.x / 2 == pytest.approx(10.0, abs=0.15)
    points, labels = labelled_points_from_msg(stack.of_stamp("/perception/lidar/top/obstacle_points", stamp))
    assert (labels == 0).sum() > 500
    assert points[labels == 0, 0].min() == pytest.approx(10.0, abs=0.01)
    ground = cloud_from_msg(stack.of_stamp("/perception/lidar/top/ground_points", stamp)).cloud
    assert abs(ground.xyz[:, 2]).max() < 0.3
    assert coverage_from_msg(stack.of_stamp("/perception/lidar/top/coverage", stamp)).max() > 20.0


def test_without_weights_every_scan_becomes_obstacles_from_lidar_alone(chain):
    chain.listen(MarkerArray, "/perception/markers")
    chain.listen(Detection3DArray, "/perception/tracks")
    chain.listen(OccupancyGrid, "/perception/occupancy")
    chain.listen(LaserScan, "/perception/obstacle_scan")
    stamps = send_scans(chain, 12, lambda ns: chain.publish(IMAGE, picture(ns)))
    last = chain.of_stamp("/perception/obstacles", stamps[-1])
    assert last.mode == ObstacleArray.LIDAR_ONLY
    assert last.header.frame_id == "base_link"
    (car,) = last.obstacles
    assert (car.sensors, len({bytes(car.id.uuid)})) == (Obstacle.LIDAR, 1)
    assert 10.0 < car.pose.pose.position.x < 13.0
    (track,) = chain.of_stamp("/perception/tracks", stamps[-1]).detections
    assert track.id == str(uuid.UUID(bytes=bytes(car.id.uuid)))
    states = {s.name: s for s in last.sensors}
    assert states["top"].state == SensorStatus.OK
    assert states["top"].rate_hz == pytest.approx(10.0, abs=2.0)
    assert (states["front"].state, "no detections" in states["front"].reason) == (SensorStatus.FAULTY, True)
    answered = {ns_from_msg(m.header.stamp) for m in chain.received["/perception/objects"]}
    assert set(stamps) <= answered
    grid = chain.of_stamp("/perception/occupancy", stamps[-1])
    assert {100, 0, -1} == set(grid.data)
    ranges = chain.of_stamp("/perception/obstacle_scan", stamps[-1])
    assert min(ranges.ranges) == pytest.approx(10.0, abs=0.5)
    assert len(chain.wait(lambda: chain.received["/perception/markers"], "markers")[-1].markers) > 1


def test_a_detection_names_the_cluster(stack):
    stack.listen(Detection3DArray, "/perception/objects")
    stack.listen(ObstacleArray, "/perception/obstacles")
    for node in (LidarNode, FusionNode, TrackingNode):
        stack.start(node)
    stack.publish_mounts()

    def camera(stamp_ns):
        stack.publish(INFO, intrinsics(stamp_ns))
        box = Detections2D(stamp_ns, "camera_front", [[140.0, 120.0, 180.0, 150.0]], [0.9], [INDEX["car"]], (320, 240))
        stack.publish("/perception/camera/front/detections", detections_to_msg(box))

    stamps = send_scans(stack, 8, camera)
    last = stack.of_stamp("/perception/obstacles", stamps[-1])
    assert last.mode == ObstacleArray.FUSED
    (car,) = last.obstacles
    assert car.classes[0].label == "car"
    assert car.sensors == Obstacle.LIDAR | Obstacle.CAMERA


def test_every_box_that_is_none_is_counted(stack):
    """As a replay counts them: two of three, in each of four scans."""
    stack.listen(Detection3DArray, "/perception/objects")
    stack.start(LidarNode)
    stack.start(FusionNode)
    stack.publish_mounts()

    def camera(stamp_ns):
        stack.publish(INFO, intrinsics(stamp_ns))
        boxes = [[140.0, 120.0, 180.0, 150.0], [50.0, 50.0, 50.0, 90.0], [60.0, 50.0, 90.0, 50.0]]
        seen = Detections2D(stamp_ns, "camera_front", boxes, np.full(3, 0.9), np.full(3, INDEX["car"]), (320, 240))
        stack.publish("/perception/camera/front/detections", detections_to_msg(seen))
        time.sleep(0.05)

    stack.publish(INFO, intrinsics(time.time_ns()))
    time.sleep(0.3)
    send_scans(stack, 4, camera)
    status = stack.diagnostics("fusion_node", lambda v: v.get("drops.unusable") == "8")
    assert "camera front: boxes that are no boxes" in {v.key: v.value for v in status.values}["last_error"]


def test_boxes_that_do_not_fit_the_intrinsics_any_more_are_counted(stack):
    """Those change between the image and its scan."""
    stack.start(LidarNode)
    stack.start(FusionNode)
    stack.publish_mounts()

    def camera(stamp_ns):
        box = Detections2D(stamp_ns, "camera_front", [[140.0, 120.0, 180.0, 150.0]], [0.9], [INDEX["car"]], (320, 240))
        larger = intrinsics(stamp_ns)
        larger.width, larger.height = 640, 480
        for topic, msg in (
            (INFO, intrinsics(stamp_ns)),
            ("/perception/camera/front/detections", detections_to_msg(box)),
            (INFO, larger),
        ):
            stack.publish(topic, msg)
            time.sleep(0.05)

    send_scans(stack, 4, camera)
    status = stack.diagnostics("fusion_node", lambda v: int(v.get("drops.misfit", 0)) >= 1)
    told = {v.key: v.value for v in status.values}["last_error"]
    assert told == "camera front: boxes in 320x240, the camera has 640x480"


def test_without_lidar_the_camera_places_its_objects(stack):
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.start(FusionNode)
    stack.start(TrackingNode)
    stack.publish_mounts()
    for _ in range(12):
        stamp = time.time_ns()
        stack.publish(INFO, intrinsics(stamp))
        box = Detections2D(stamp, "camera_front", [[140.0, 120.0, 180.0, 150.0]], [0.9], [INDEX["car"]], (320, 240))
        stack.publish("/perception/camera/front/detections", detections_to_msg(box))
        time.sleep(0.1)
    last = stack.of_stamp("/perception/obstacles", stamp)
    assert last.mode == ObstacleArray.CAMERA_ONLY
    (car,) = last.obstacles
    assert car.sensors == Obstacle.CAMERA
    assert 5.0 < car.pose.pose.position.x < 20.0
    assert {s.name: s.state for s in last.sensors}["top"] == SensorStatus.MISSING


def test_with_nothing_to_go_on_the_topic_says_blind(stack):
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.start(TrackingNode)
    stack.wait(lambda: len(stack.received["/perception/obstacles"]) > 3, "messages")
    msg = stack.received["/perception/obstacles"][-1]
    assert (msg.mode, msg.obstacles) == (ObstacleArray.BLIND, [])
    assert [(s.name, s.state) for s in msg.sensors] == [("top", SensorStatus.MISSING), ("front", SensorStatus.MISSING)]


def test_a_kernel_that_compiles_between_messages_is_told(chain):
    """What the warm-up missed delays messages, on a new machine by seconds: the diagnostics count it and say which."""
    status = chain.diagnostics("tracking_node", lambda values: True)
    before = late_compilations({v.key: v.value for v in status.values})
    _along_ray(np.int32(1), np.int16(0), np.int16(0), np.int16(1), 0.5)  # nobody else comes with these
    told = chain.diagnostics("tracking_node", lambda values: late_compilations(values) > before)
    assert told.hardware_id == status.hardware_id
    assert chain.diagnostics("fusion_node", lambda values: late_compilations(values) >= 1)


def late_compilations(values):
    return int(values.get("late_compilations", 0))


def test_when_the_scans_stop_the_obstacles_go_on_as_predicted(chain):
    send_scans(chain, 8)
    blind = chain.wait(
        lambda: next((m for m in chain.received["/perception/obstacles"] if m.mode == m.BLIND and m.obstacles), None),
        "BLIND with obstacles",
    )
    assert [o.sensors for o in blind.obstacles] == [0]
    silent = chain.wait(
        lambda: next((m for m in reversed(chain.received["/perception/obstacles"]) if m.mode == m.BLIND), None), "BLIND"
    )
    assert {s.name: s.state for s in silent.sensors}["top"] in (SensorStatus.LATE, SensorStatus.MISSING)


def test_the_overlay_is_made_for_subscribers_only(stack, networks_folder):
    node = stack.start(CameraNode, camera__model="tiny")
    stack.listen(Detection2DArray, "/perception/camera/front/detections")
    first = time.time_ns()
    stack.publish(IMAGE, picture(first))
    stack.of_stamp("/perception/camera/front/detections", first)
    stack.listen(Image, "/perception/camera/front/overlay")
    stack.wait(lambda: node.count_subscribers("/perception/camera/front/overlay"), "subscriber of the overlay")
    time.sleep(0.2)
    second = time.time_ns()
    stack.publish(IMAGE, picture(second))
    overlay = stack.of_stamp("/perception/camera/front/overlay", second)
    assert (overlay.width, overlay.height, overlay.encoding) == (320, 240, "bgr8")
    assert len(stack.received["/perception/camera/front/overlay"]) == 1


def test_a_drone_gets_bands_and_its_autopilot_the_level_one(stack):
    """The base frame stands on the road: the car reaches from the lowest band into the one level with 1 to 3 m."""
    topics = {name: f"/perception/obstacle_scan/{name}" for name in ("down", "level", "up", "mavlink")}
    for topic in topics.values():
        stack.listen(LaserScan, topic)
    stack.start(LidarNode)
    stack.start(FusionNode)
    stack.start(TrackingNode, sectors__band_edges=[-2.0, 1.0, 3.0, 9.0], sectors__lidar_height=1.8)
    stack.publish_mounts()
    stack.wait(lambda: stack.peer.count_subscribers("/perception/lidar/top/view"), "subscriber of the view")
    time.sleep(0.3)
    stamps = send_scans(stack, 10)
    scans = {name: stack.of_stamp(topic, stamps[-1]) for name, topic in topics.items()}
    nearest = {
        name: min([r for r in scan.ranges if math.isfinite(r)], default=math.inf) for name, scan in scans.items()
    }
    assert nearest["down"] == pytest.approx(10.0, abs=0.5)
    assert nearest["level"] == pytest.approx(10.0, abs=0.5)
    assert nearest["up"] == math.inf
    assert not any(r == math.inf for r in scans["up"].ranges)
    assert scans["mavlink"].header.frame_id == "base_link_frd"
    mirrored = [r if math.isfinite(r) else None for r in reversed(scans["mavlink"].ranges)]
    assert [r for r in mirrored if r is not None and r < 60.0] == [r for r in scans["level"].ranges if r < 60.0]
