"""static_tf_node: publishes the frame tree of a calibration folder as /tf_static."""

import signal
import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from tf2_msgs.msg import TFMessage

from perception_core.datasets.calibration import EXTRINSICS_FILE, load_extrinsics
from perception_core.errors import PerceptionError
from perception_nodes.conversions.tf import transform_to_msg
from perception_nodes.node import qos
from perception_nodes.node.runner import BAD_INPUT, GOOD


class StaticTfNode(Node):
    """Latches all transforms of ``<calibration>/extrinsics.yaml`` in one message."""

    def __init__(self) -> None:
        """Read the parameter ``calibration``, a folder.

        Raises:
            CalibrationError: no such file, or anything in it that cannot be right.
        """
        super().__init__("static_tf_node", namespace="/perception")
        folder = self.declare_parameter("calibration", "").value
        extrinsics = load_extrinsics(f"{folder}/{EXTRINSICS_FILE}")
        self._publisher = self.create_publisher(TFMessage, "/tf_static", qos.latched())
        edges = [transform_to_msg(e.T_parent_child, e.parent, e.child) for e in extrinsics.transforms]
        self._publisher.publish(TFMessage(transforms=edges))
        self.get_logger().info(f"{len(edges)} static transforms of {folder}")


def main() -> int:
    """Publish until told to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in node.runner
    rclpy.init()
    try:
        rclpy.spin(StaticTfNode())
    except PerceptionError as error:
        sys.stderr.write(f"static_tf_node: {error}\n")
        return BAD_INPUT
    except ExternalShutdownException:
        pass
    finally:
        rclpy.try_shutdown()
    return GOOD
