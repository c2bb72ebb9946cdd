"""Nodes in this process on real DDS, and a peer that feeds them and listens."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from tf2_msgs.msg import TFMessage

from perception_core.geometry import transforms
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import PointCloud
from perception_nodes.conversions import camera_info, cloud, image, tf
from perception_nodes.conversions.time import ns_from_msg
from perception_nodes.node.qos import latched, result, sensor_input
from perception_nodes.node.runner import make_executor

LIDAR_HEIGHT = 1.8
MODEL = CameraModel(320, 240, np.array([[200.0, 0, 160], [0, 200.0, 120], [0, 0, 1]]), (), "plumb_bob", "camera_front")
MOUNTS = {
    "lidar_top": transforms.from_yaw(0.0, (0.0, 0.0, LIDAR_HEIGHT)),
    "camera_front": transforms.from_quaternion((0.3, 0.0, 1.6), (-0.5, 0.5, -0.5, 0.5)),
}


class Stack:
    """Active nodes, spun in one thread, and a peer node beside them."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[])
        self.peer = rclpy.create_node("peer", context=self.context)
        self.received: dict[str, list[Any]] = defaultdict(list)
        self._executor = make_executor(self.context)
        self._executor.add_node(self.peer)
        self._nodes: list[Any] = []
        self._publishers: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()
        self.listen(DiagnosticArray, "/diagnostics")

    def start(self, kind: type, namespace: str = "/perception", **parameters: Any) -> Any:
        """Make a node, configure and activate it, and spin it; `__` in names of parameters is a dot."""
        overrides = [Parameter(name.replace("__", "."), value=value) for name, value in parameters.items()]
        node = kind(context=self.context, namespace=namespace, parameter_overrides=overrides)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        self._executor.add_node(node)
        self._nodes.append(node)
        return node

    def listen(self, kind: type, topic: str) -> None:
        self.peer.create_subscription(kind, topic, self.received[topic].append, result(50))

    def publish(self, topic: str, msg: Any) -> None:
        """Publish, the first time only after somebody listens; sensors with the QoS of sensors."""
        if topic not in self._publishers:
            profile = sensor_input(5) if topic.startswith("/sensors") else result(5)
            self._publishers[topic] = self.peer.create_publisher(type(msg), topic, profile)
            self.wait(lambda: self._publishers[topic].get_subscription_count() > 0, f"a subscriber of {topic}")
        self._publishers[topic].publish(msg)

    def publish_mounts(self, mounts: dict[str, Any] = MOUNTS) -> None:
        msgs = [tf.transform_to_msg(T, "base_link", child) for child, T in mounts.items()]
        self._publishers["mounts"] = self.peer.create_publisher(TFMessage, "/tf_static", latched())
        self._publishers["mounts"].publish(TFMessage(transforms=msgs))

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
        """Return the first truthy value of ``condition``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.01)
        raise AssertionError(
            f"no {what} within {seconds} s; received: { {k: len(v) for k, v in self.received.items()} }"
        )

    def of_stamp(self, topic: str, stamp_ns: int) -> Any:
        """Wait for the message of a topic with a stamp."""
        return self.wait(
            lambda: next((m for m in self.received[topic] if ns_from_msg(m.header.stamp) == stamp_ns), None),
            f"message of {stamp_ns} on {topic}",
        )

    def diagnostics(self, node: str, condition: Callable[[dict[str, str]], bool], seconds: float = 10.0) -> Any:
        """Wait until the values of a node's diagnostics fulfil a condition; return the status."""

        def newest() -> Any:
            for array in reversed(self.received["/diagnostics"]):
                for status in array.status:
                    if status.name.endswith(node) and condition({v.key: v.value for v in status.values}):
                        return status
            return None

        return self.wait(newest, f"such diagnostics of {node}", seconds)

    def close(self) -> None:
        self.context.try_shutdown()
        self._thread.join()
        for node in [*self._nodes, self.peer]:
            node.destroy_node()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            while self.context.ok():
                self._executor.spin()


def street(stamp_ns: int, frame: str = "lidar_top") -> PointCloud2:
    """Return a scan of flat ground and a car-sized box whose near face is 10 m ahead."""
    x, y = np.meshgrid(np.arange(-30.0, 30.0, 0.4), np.arange(-15.0, 15.0, 0.4))
    ground = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, -LIDAR_HEIGHT)])
    ground = ground[(np.abs(ground[:, 0]) > 3.0) | (np.abs(ground[:, 1]) > 1.5)]
    y, z = np.meshgrid(np.arange(-0.9, 0.9, 0.05), np.arange(0.3, 1.5, 0.05))
    face = np.column_stack([np.full(y.size, 10.0), y.ravel(), z.ravel() - LIDAR_HEIGHT])
    x, z = np.meshgrid(np.arange(10.0, 14.2, 0.05), np.arange(0.3, 1.5, 0.05))
    side = np.column_stack([x.ravel(), np.full(x.size, 0.9), z.ravel() - LIDAR_HEIGHT])
    points = np.vstack([ground, face, side]).astype(np.float32)
    return cloud.cloud_to_msg(PointCloud(points, stamp_ns, frame, np.ones(len(points), np.float32)))


def picture(stamp_ns: int) -> Image:
    pixels = np.full((240, 320, 3), 90, np.uint8)
    pixels[0, 0] = stamp_ns // 1_000_000 % 256  # no two images of a camera are the same to the last bit
    return image.image_to_msg(pixels, stamp_ns, "camera_front")


def intrinsics(stamp_ns: int) -> CameraInfo:
    return camera_info.camera_info_to_msg(MODEL, stamp_ns)


def latched_listener(stack: Stack, kind: type, topic: str) -> None:
    """Listen to what was published before."""
    stack.peer.create_subscription(kind, topic, stack.received[topic].append, latched(10))
