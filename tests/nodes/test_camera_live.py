"""camera_node on real DDS: several cameras of which one may stop, label images, what the diagnostics tell."""

import threading
import time
from unittest import mock

import numpy as np
import pytest
from running import MOUNTS, intrinsics, latched_listener, picture, street
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, Detection3DArray, LabelInfo

from perception_core.camera import CameraConfig, build_networks
from perception_core.errors import ConfigError
from perception_core.geometry import transforms
from perception_core.inference.image_runner import Preprocessing
from perception_core.inference.progress import Progress
from perception_core.inference.switching import SwitchingBackend
from perception_core.types import SEGMENTS
from perception_interfaces.msg import ObstacleArray, SensorStatus
from perception_nodes.camera_node import CameraNode
from perception_nodes.conversions.image import image_from_msg, image_to_msg
from perception_nodes.conversions.segmentation import segmentation_from_msg
from perception_nodes.fusion_node import FusionNode
from perception_nodes.lidar_node import LidarNode
from perception_nodes.tracking_node import TrackingNode

IMAGES = {name: f"/sensors/camera_{name}/image_raw" for name in ("front", "rear")}
INFOS = {name: f"/sensors/camera_{name}/camera_info" for name in ("front", "rear")}
DETECTIONS = {name: f"/perception/camera/{name}/detections" for name in ("front", "rear")}
SEGMENTATION, LABELS = "/perception/camera/front/segmentation", "/perception/camera/front/labels"
OVERLAY = "/perception/camera/front/overlay"
TWO = {
    "other_cameras": ["rear"],
    "other_image_topics": [IMAGES["rear"]],
    "other_camera_info_topics": [INFOS["rear"]],
}
FUSED = {"cameras": ["front", "rear"], "camera_info_topics": [INFOS["front"], INFOS["rear"]]}
BEHIND = {
    **MOUNTS,
    "camera_rear": transforms.from_yaw(np.pi, (0.0, 0.0, 0.0)) @ MOUNTS["camera_front"],
}
INPUT = """\
input: {width: 64, height: 64, colour: bgr, scale: 1.0, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0],
        letterbox: stretch, pad: 0.0}
segments: [tree: vegetation, sky: sky]
"""
BOTH = f"""\
name: both
task: multitask
family: yolov8
file: both.onnx
segmentation_output: map
score_threshold: 0.3
nms_iou: 0.45
classes: [car: car]
{INPUT}"""
PIXELS = f"""\
name: pixels
task: segmentation
family: class_map
file: pixels.onnx
{INPUT}"""


@pytest.fixture
def models(networks_folder, networks):
    """Beside `tiny`: `both` sees a car, and sky above leaves, in one or two images; `pixels` only the latter."""
    scores = np.zeros((2, 2, 16, 16), np.float32)
    scores[:, 1, :4], scores[:, 0, 4:] = 1, 1
    boxes = np.zeros((2, 5, 84), np.float32)
    boxes[:, :, 0] = [32, 32, 16, 8, 0.9]
    networks.write(networks_folder / "both.onnx", {"boxes": boxes, "map": scores}, ("batch", 3, 64, 64))
    (networks_folder / "both.yaml").write_text(BOTH)
    networks.write(networks_folder / "pixels.onnx", {"map": scores[:1]})
    (networks_folder / "pixels.yaml").write_text(PIXELS)
    return networks_folder


def image_of(camera, stamp_ns):
    msg = picture(stamp_ns)
    msg.header.frame_id = f"camera_{camera}"
    return msg


def listen(stack):
    for topic in DETECTIONS.values():
        stack.listen(Detection2DArray, topic)


def show(stack, cameras, count=1):
    """Send images of one stamp to cameras at 10 Hz; return the stamps."""
    stamps = []
    for _ in range(count):
        stamps.append(time.time_ns())
        for camera in cameras:
            stack.publish(IMAGES[camera], image_of(camera, stamps[-1]))
        time.sleep(0.1)
    return stamps


# -- several cameras ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batching", ["off", "auto", "on"])
def test_two_cameras_share_a_network(stack, models, batching):
    listen(stack)
    stack.start(CameraNode, camera__model="both", batching=batching, **TWO)
    for stamp in show(stack, ("front", "rear"), 5):
        for camera, topic in DETECTIONS.items():
            found = stack.of_stamp(topic, stamp)
            assert found.header.frame_id == f"camera_{camera}"
            (box,) = [d.bbox for d in found.detections]
            assert (box.center.position.x, box.center.position.y) == pytest.approx((160.0, 120.0))
            assert (box.size_x, box.size_y) == pytest.approx((80.0, 30.0))
    status = stack.diagnostics(
        "camera_node", lambda v: v.get("image.rear.count") == "5" and v.get("detections.front.count") == "5"
    )
    values = {v.key: v.value for v in status.values}
    assert (status.hardware_id, status.level) == ("front, rear", b"\x00")
    assert {"off": "one by one", "auto": "", "on": "up to 2 at once"}[batching] in values["batching"]
    assert {"decode.p50_ms", "waited.p50_ms", "preprocess.p99_ms", "inference.p50_ms", "postprocess.p50_ms"} <= set(
        values
    )


def test_one_camera_may_stop(stack, models):
    listen(stack)
    stack.listen(ObstacleArray, "/perception/obstacles")
    stack.start(CameraNode, camera__model="both", **TWO)
    stack.start(LidarNode)
    stack.start(FusionNode, **FUSED)
    stack.start(TrackingNode, cameras=["front", "rear"])
    stack.publish_mounts(BEHIND)

    def drive(cameras, count):
        for _ in range(count):
            stamp = time.time_ns()
            for camera in cameras:
                info = intrinsics(stamp)
                info.header.frame_id = f"camera_{camera}"
                stack.publish(INFOS[camera], info)
                stack.publish(IMAGES[camera], image_of(camera, stamp))
            stack.publish("/sensors/lidar_top/points", street(stamp))
            time.sleep(0.1)
        last = stack.of_stamp("/perception/obstacles", stamp)
        return last.mode, {s.name: s.state for s in last.sensors}

    ok = SensorStatus.OK
    assert drive(("front", "rear"), 8) == (ObstacleArray.FUSED, {"top": ok, "front": ok, "rear": ok})
    assert drive(("rear",), 14) == (ObstacleArray.FUSED, {"top": ok, "front": SensorStatus.MISSING, "rear": ok})
    counted = len(stack.received[DETECTIONS["rear"]])
    assert counted >= 20
    assert drive(("front", "rear"), 6) == (ObstacleArray.FUSED, {"top": ok, "front": ok, "rear": ok})


def test_a_broken_image_of_one_camera_is_its_own_affair(stack, models):
    listen(stack)
    stack.listen(SensorStatus, "/perception/camera/rear/status")
    stack.start(CameraNode, camera__model="both", batching="on", **TWO)
    show(stack, ("front", "rear"))
    stamp = time.time_ns()
    broken = image_of("rear", stamp)
    broken.step -= 1
    stack.publish(IMAGES["rear"], broken)
    stack.publish(IMAGES["front"], image_of("front", stamp))
    stack.of_stamp(DETECTIONS["front"], stamp)
    faulty = "/perception/camera/rear/status"
    stack.wait(lambda: any(s.state == s.FAULTY and "step 959" in s.reason for s in stack.received[faulty]), "FAULTY")
    status = stack.diagnostics("camera_node", lambda v: v.get("drops.bad_image") == "1")
    assert (status.level, "rear: " in status.message) == (b"\x01", True)


def test_only_the_newest_image_is_read_and_no_camera_starves(stack, models):
    """Reading takes 0.1 s and the front camera sends 50 images a second."""
    listen(stack)
    node = stack.start(CameraNode, camera__model="both", batching="off", **TWO)
    read = node._networks.perceive_batch

    def slow(images, pixels=True):
        time.sleep(0.1)
        return read(images, pixels)

    node._networks.perceive_batch = slow
    for k in range(50):
        stamp = time.time_ns()
        stack.publish(IMAGES["front"], image_of("front", stamp))
        if k % 10 == 0:
            stack.publish(IMAGES["rear"], image_of("rear", stamp))
        time.sleep(0.02)
    stack.of_stamp(DETECTIONS["front"], stamp)  # the newest one of all
    assert len(stack.received[DETECTIONS["rear"]]) >= 4

    def adds_up(values):
        received, passed_over = (int(values.get(key, 0)) for key in ("image.front.count", "superseded.front"))
        return passed_over > 0 and len(stack.received[DETECTIONS["front"]]) == received - passed_over

    status = stack.diagnostics("camera_node", adds_up)
    assert status.level == b"\x00"  # passing over images is what the node is for


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"other_cameras": ["rear"]}, "other_image_topics: 0 topics, but other_cameras names 1"),
        ({**TWO, "other_cameras": ["front"]}, "other_cameras: one of front, front is named twice"),
        ({**TWO, "other_image_topics": [IMAGES["front"]]}, "image topics: one of"),
        ({**TWO, "other_camera_info_topics": [INFOS["front"]]}, "camera_info topics: one of"),
    ],
)
def test_cameras_that_do_not_fit_are_named(stack, parameters, message):
    with pytest.raises(ConfigError, match=message):
        stack.start(CameraNode, **parameters)


# -- classes of pixels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters", [{"camera__model": "both"}, {"camera__model": "tiny", "camera__segmentation_model": "pixels"}]
)
def test_a_label_image_of_the_source_s_size(stack, models, parameters):
    listen(stack)
    stack.listen(Image, SEGMENTATION)
    stack.start(CameraNode, **parameters)
    (stamp,) = show(stack, ("front",))
    msg = stack.of_stamp(SEGMENTATION, stamp)
    assert (msg.encoding, msg.width, msg.height, msg.header.frame_id) == ("mono8", 320, 240, "camera_front")
    labels = segmentation_from_msg(msg).labels
    assert {SEGMENTS[i] for i in labels[:60].ravel()} == {"sky"}
    assert {SEGMENTS[i] for i in labels[60:].ravel()} == {"vegetation"}
    config = CameraConfig(
        model=parameters["camera__model"], segmentation_model=parameters.get("camera__segmentation_model", "")
    )
    offline = build_networks(config, [models]).perceive(image_from_msg(image_of("front", stamp)))
    assert offline.segmentation.labels.tobytes() == bytes(msg.data)
    stack.of_stamp(DETECTIONS["front"], stamp)
    latched_listener(stack, LabelInfo, LABELS)  # who comes late is told all the same
    (info,) = stack.wait(lambda: stack.received[LABELS], "LabelInfo")
    assert [(c.class_id, c.class_name) for c in info.class_map] == list(enumerate(SEGMENTS))


def test_pixels_cost_nothing_while_nobody_listens(stack, models):
    listen(stack)
    stack.start(CameraNode, camera__model="tiny", camera__segmentation_model="pixels")
    (stamp,) = show(stack, ("front",))
    stack.of_stamp(DETECTIONS["front"], stamp)
    status = stack.diagnostics("camera_node", lambda v: v.get("detections.count") == "1")
    assert not [v.key for v in status.values if v.key.startswith(("segmentation", "segmenter.inference"))]
    stack.listen(Image, OVERLAY)
    time.sleep(0.3)
    (stamp,) = show(stack, ("front",))
    pixels = image_from_msg(stack.of_stamp(OVERLAY, stamp)).pixels
    assert len(np.unique(pixels[[10, 200]].reshape(-1, 3), axis=0)) == 2  # sky and leaves are tinted
    stack.diagnostics("camera_node", lambda v: "segmenter.inference.p50_ms" in v)


def test_without_the_segmentation_model_there_are_boxes_and_a_warning(stack, models):
    listen(stack)
    stack.listen(Image, SEGMENTATION)
    stack.start(CameraNode, camera__model="tiny", camera__segmentation_model="gone")
    (stamp,) = show(stack, ("front",))
    stack.of_stamp(DETECTIONS["front"], stamp)
    status = stack.diagnostics("camera_node", lambda v: v.get("detections.count") == "1")
    assert (status.level, "no classes of pixels: " in status.message) == (b"\x01", True)
    assert not stack.received[SEGMENTATION]


@pytest.mark.parametrize(("trust", "low", "high"), [(0.7, 0.0, 0.05), (0.0, 0.05, 0.5)])
def test_label_images_reach_fusion(stack, models, trust, low, high):
    """The thing of the scene is as large as a car; the camera shows leaves there, and no car: a witness against it."""
    (models / "both.yaml").write_text(BOTH.replace("car: car", "car"))  # its boxes are dropped
    stack.listen(Detection3DArray, "/perception/objects")
    stack.start(CameraNode, camera__model="both")
    stack.start(LidarNode)
    stack.start(FusionNode, fusion__segmentation_trust=trust)
    stack.publish_mounts()
    for _ in range(8):
        stamp = time.time_ns()
        stack.publish(INFOS["front"], intrinsics(stamp))
        stack.publish(IMAGES["front"], image_of("front", stamp))
        stack.publish("/sensors/lidar_top/points", street(stamp))
        time.sleep(0.1)
    (thing,) = stack.of_stamp("/perception/objects", stamp).detections
    told = {r.hypothesis.class_id: r.hypothesis.score for r in thing.results}
    assert low <= told["car"] < high
    assert max(told, key=told.get) == "unknown"
    if trust:
        stack.diagnostics("fusion_node", lambda v: int(v.get("pixels.front.count", 0)) > 4)
    else:
        status = stack.diagnostics("camera_node", lambda v: int(v.get("detections.count", 0)) > 4)
        assert "segmentation.count" not in {v.key for v in status.values}


def test_label_images_that_are_none_are_dropped_and_named(stack):
    stack.start(FusionNode)
    stack.publish(INFOS["front"], intrinsics(time.time_ns()))
    time.sleep(0.3)
    for damage in ({"encoding": "rgb8"}, {"step": 7}, {"width": 160, "step": 160, "height": 480}):
        msg = image_to_msg(np.zeros((240, 320), np.uint8), time.time_ns(), "camera_front", "mono8")
        for field, value in damage.items():
            setattr(msg, field, value)
        stack.publish(SEGMENTATION, msg)
        time.sleep(0.1)
    status = stack.diagnostics("fusion_node", lambda v: v.get("drops.bad_image") == "3")
    assert {v.key: v.value for v in status.values}["last_error"].startswith("label image of 160x480")


# -- engines -----------------------------------------------------------------------------------------------------------


def test_the_diagnostics_say_which_engine_runs_and_why(stack, models):
    stack.start(CameraNode, camera__model="tiny", camera__segmentation_model="pixels")
    status = stack.diagnostics("camera_node", lambda v: "network.backend" in v)
    values = {v.key: v.value for v in status.values}
    assert (values["network.model"], values["segmenter.model"]) == ("tiny", "pixels")
    assert values["network.backend"].startswith("onnxruntime (")
    assert "onnxruntime is the best" in values["network.reason"]
    assert values["network.build"] == "none"
    assert values["network.preprocessing"] == "CPU"


def test_a_network_on_the_gpu_whose_images_the_cpu_prepares_is_warned_of_once(stack, models):
    node = stack.start(CameraNode, camera__model="tiny")
    warned = []
    node.get_logger().warning, kept = warned.append, node.get_logger().warning
    backend = node._networks.parts["network"].backend
    fault = Preprocessing(fault="NVRTC is missing")
    with mock.patch.object(type(backend), "preprocessing", fault):
        for _ in range(3):
            node._note_engines()
    node.get_logger().warning = kept
    assert warned == ["network: images are prepared on the CPU, because NVRTC is missing"]
    assert node.stats.states["network.preprocessing"] == "CPU, because NVRTC is missing"


def test_the_progress_of_a_build_is_told_and_no_image_waits_for_it(stack, models):
    listen(stack)
    node = stack.start(CameraNode, camera__model="tiny")
    detector = node._networks.parts["network"]
    better = build_networks(CameraConfig(model="tiny"), [models]).parts["network"].backend
    better._name, better._reason = "better (GPU)", "built just now"
    may_end = threading.Event()

    def build(report, stop):
        report(Progress("build", 0.42, "tactics"))
        assert may_end.wait(20.0)
        return better

    detector._backend = SwitchingBackend(detector.backend, build)
    status = stack.diagnostics("camera_node", lambda v: v.get("network.build") == "build 42 %: tactics")
    assert (status.level, status.message) == (b"\x00", "network: build 42 %: tactics")
    (stamp,) = show(stack, ("front",))
    stack.of_stamp(DETECTIONS["front"], stamp)
    may_end.set()
    detector.backend.wait(10.0)
    (stamp,) = show(stack, ("front",))
    stack.of_stamp(DETECTIONS["front"], stamp)
    said = {"network.backend": "better (GPU)", "network.reason": "built just now", "network.build": "none"}
    stack.diagnostics("camera_node", lambda v: said.items() <= v.items())


def test_it_can_be_stopped_and_started_again(stack, models):
    listen(stack)
    node = stack.start(CameraNode, camera__model="both", **TWO)
    show(stack, ("front", "rear"), 2)
    for step in ("deactivate", "cleanup", "configure", "activate"):
        getattr(node, f"trigger_{step}")()
    stack.wait(lambda: all(p.get_subscription_count() for p in stack._publishers.values()), "subscribers")
    time.sleep(0.2)
    (stamp,) = show(stack, ("front", "rear"))
    assert all(stack.of_stamp(topic, stamp).detections for topic in DETECTIONS.values())
