"""Transforms of a recording, looked up at a stamp: tf2's own buffer, fed from the bag and a calibration folder."""

from collections.abc import Callable
from pathlib import Path

import tf2_py
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.serialization import deserialize_message
from tf2_msgs.msg import TFMessage

from perception_core.datasets.calibration import EXTRINSICS_FILE, load_extrinsics
from perception_core.errors import PerceptionError
from perception_core.geometry.transforms import Transform
from perception_nodes.conversions import tf
from perception_tools.bags import BagMessage, BagReader
from perception_tools.drive_writer import STATIC_TF_TOPIC, TF_TOPIC

_AUTHORITY = "recording"


class RecordedTransforms:
    """The frames of a recording; the ``TransformSource`` of the core's pipeline.

    Moving frames are known from the beginning to the end at once: a live node would wait for the transform of a scan,
    which a recording need not. Static ones hold from when they were sent.

    Attributes:
        refused: why transforms were not taken (a quaternion that is not unit ...), by message.
    """

    def __init__(self, bag: BagReader, calibration: Path | None = None) -> None:
        """Read all of /tf; ``calibration`` (a folder with extrinsics.yaml) holds where the bag has no /tf_static."""
        span_s = (bag.end_ns - bag.start_ns) / 1e9
        self._core = tf2_py.BufferCore(Duration(seconds=span_s + 10.0))
        self.refused: dict[str, int] = {}
        self.from_calibration = calibration is not None and STATIC_TF_TOPIC not in bag.topics
        if calibration is not None and self.from_calibration:
            self._add_calibration(calibration)
        for message in bag.messages((TF_TOPIC,)):
            self._add(message, self._core.set_transform)

    def add_static(self, message: BagMessage) -> None:
        """Take a message of /tf_static."""
        self._add(message, self._core.set_transform_static)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return ``T_target_source`` at the stamp. Raises TransformError; nothing is guessed."""
        return tf.lookup(self._core, target, source, stamp_ns)

    def frames(self) -> str:
        """Return tf2's list of frames as YAML."""
        return str(self._core.all_frames_as_yaml())

    def _add(self, message: BagMessage, store: Callable[[TransformStamped, str], None]) -> None:
        for transform in deserialize_message(message.data, TFMessage).transforms:
            try:
                tf.transform_from_msg(transform)
                store(transform, _AUTHORITY)
            except PerceptionError as error:
                self.refused[str(error)] = self.refused.get(str(error), 0) + 1

    def _add_calibration(self, folder: Path) -> None:
        for edge in load_extrinsics(folder / EXTRINSICS_FILE).transforms:
            self._core.set_transform_static(
                tf.transform_to_msg(edge.T_parent_child, edge.parent, edge.child), _AUTHORITY
            )
