"""Images, intrinsics and networks that are broken: named, never a crash, never a detection made of garbage."""

import time

import numpy as np
import pytest
from running import intrinsics, picture, street
from sensor_msgs.msg import CameraInfo, CompressedImage
from vision_msgs.msg import Detection2DArray, Detection3DArray

from perception_core.types import Detections2D
from perception_core.types.classes import INDEX
from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.camera_node import CameraNode
from perception_nodes.conversions.detections import detections_to_msg
from perception_nodes.conversions.time import ns_from_msg
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

IMAGE, INFO = "/sensors/camera_front/image_raw", "/sensors/camera_front/camera_info"
DETECTIONS, STATUS = "/perception/camera/front/detections", "/perception/camera/front/status"


def wrong_step(msg):
    msg.step -= 1


def cut_off(msg):
    del msg.data[-10:]


def black(msg):
    np.frombuffer(msg.data, np.uint8)[:] = 3


def overexposed(msg):
    np.frombuffer(msg.data, np.uint8)[:] = 255


def unknown_encoding(msg):
    msg.encoding = "holographic"


def no_size(msg):
    msg.width = msg.height = msg.step = 0
    del msg.data[:]


def absurd_size(msg):
    msg.width = 2**31


def start_camera(stack, **parameters):
    stack.listen(Detection2DArray, DETECTIONS)
    stack.listen(SensorStatus, STATUS)
    return stack.start(CameraNode, **parameters)


def fault(stack, text):
    """Wait for FAULTY with a text in its reason."""
    return stack.wait(
        lambda: next((s for s in stack.received[STATUS] if s.state == s.FAULTY and text in s.reason), None), text
    )


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (wrong_step, "step 959"),
        (cut_off, "bytes of data"),
        (unknown_encoding, "'holographic'"),
        (no_size, "0x0"),
        (absurd_size, "sides have to be"),
        (black, "black: no pixel is brighter than 10 of 255"),
        (overexposed, "overexposed: 90%"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_image_is_dropped_and_named(stack, networks_folder, damage, text):
    start_camera(stack, camera__model="tiny")
    msg = picture(time.time_ns())
    damage(msg)
    stack.publish(IMAGE, msg)
    fault(stack, text)
    assert not stack.received[DETECTIONS]
    stamp = time.time_ns()
    stack.publish(IMAGE, picture(stamp))
    stack.of_stamp(DETECTIONS, stamp)
    stack.diagnostics("camera_node", lambda v: v.get("drops.bad_image") == "1" and v.get("detections.count") == "1")


def test_a_frozen_image_is_dropped_until_it_changes(stack, networks_folder):
    start_camera(stack, camera__model="tiny", images__frozen_after=0.3)
    for _ in range(8):
        msg = picture(time.time_ns())
        np.frombuffer(msg.data, np.uint8)[:] = 90
        stack.publish(IMAGE, msg)
        time.sleep(0.1)
    fault(stack, "frozen: the same image for more than 0.3 s")
    msg = picture(time.time_ns())
    np.frombuffer(msg.data, np.uint8)[:] = 120
    stack.publish(IMAGE, msg)
    stack.of_stamp(DETECTIONS, ns_from_msg(msg.header.stamp))
    assert len(stack.received[DETECTIONS]) < 9, "some of the eight were refused"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 not a picture", b"GIF89a"])
def test_a_broken_compressed_image_is_dropped_and_named(stack, networks_folder, data):
    start_camera(stack, camera__model="tiny", image_transport="compressed")
    msg = CompressedImage(format="jpeg")
    msg.header = picture(time.time_ns()).header
    msg.data.frombytes(data)
    stack.publish(IMAGE, msg)
    fault(stack, "compressed image")
    assert not stack.received[DETECTIONS]


def test_an_image_of_another_size_than_its_camera_info_is_refused(stack, networks_folder):
    start_camera(stack, camera__model="tiny")
    info = intrinsics(time.time_ns())
    info.width = 640
    stack.publish(INFO, info)
    time.sleep(0.3)
    stack.publish(IMAGE, picture(time.time_ns()))
    fault(stack, "image of 320x240, but /sensors/camera_front/camera_info says 640x240")
    assert not stack.received[DETECTIONS]


@pytest.mark.parametrize("content", [b"", b"this is no network", b"\x08\x07" * 500])
def test_a_file_that_is_no_network_leaves_the_node_alive_and_silent(stack, networks_folder, content):
    (networks_folder / "tiny.onnx").write_bytes(content)
    start_camera(stack, camera__model="tiny")
    fault(stack, "no detections: ")
    stack.publish(IMAGE, picture(time.time_ns()))
    status = stack.diagnostics("camera_node", lambda v: v.get("image.count") == "1")
    assert (status.level, "tiny" in status.message) == (b"\x02", True)
    assert not stack.received[DETECTIONS]


def test_a_model_without_file_is_named(stack, no_networks):
    start_camera(stack)
    assert "yolox_nano" in fault(stack, "no detections: ").reason


def zeros(msg):
    return CameraInfo(header=msg.header)


def size_only(msg):
    return CameraInfo(header=msg.header, width=320, height=240)


def nan_focal(msg):
    msg.k[0] = np.nan
    return msg


def unknown_model(msg):
    msg.distortion_model = "ftheta"
    return msg


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (zeros, "image size 0 x 0"),
        (size_only, "camera matrix"),
        (nan_focal, "camera matrix"),
        (unknown_model, "ftheta"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_with_broken_intrinsics_the_obstacles_are_lidar_only_and_say_why(stack, damage, text):
    stack.listen(Detection3DArray, "/perception/objects")
    stack.listen(ObstacleArray, "/perception/obstacles")
    for node in (LidarNode, FusionNode, TrackingNode):
        stack.start(node)
    stack.publish_mounts()
    for _ in range(8):
        stamp = time.time_ns()
        stack.publish(INFO, damage(intrinsics(stamp)))
        box = Detections2D(stamp, "camera_front", [[140.0, 120.0, 180.0, 150.0]], [0.9], [INDEX["car"]], (320, 240))
        stack.publish(DETECTIONS, detections_to_msg(box))
        stack.publish("/sensors/lidar_top/points", street(stamp))
        time.sleep(0.1)
    last = stack.of_stamp("/perception/obstacles", stamp)
    (front,) = (s for s in last.sensors if s.name == "front")
    assert last.mode == ObstacleArray.LIDAR_ONLY
    assert (front.state, text in front.reason) == (SensorStatus.FAULTY, True)
    assert len(last.obstacles) == 1
    stack.diagnostics("fusion_node", lambda v: int(v.get("drops.bad_calibration", 0)) > 0)
