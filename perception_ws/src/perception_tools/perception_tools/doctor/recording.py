"""What a recording holds for the doctor: stamps of every message, a few messages decoded, its transforms."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message
from rosidl_runtime_py.utilities import get_message

from perception_tools.bags import BagReader, BagTopic, header_stamp_ns
from perception_tools.drive_writer import STATIC_TF_TOPIC
from perception_tools.profile import Profile, calibration_folder
from perception_tools.transforms import RecordedTransforms

CLOUD, IMAGE, COMPRESSED, CAMERA_INFO = (
    f"sensor_msgs/msg/{name}" for name in ("PointCloud2", "Image", "CompressedImage", "CameraInfo")
)
SENSOR_TYPES = (CLOUD, IMAGE, COMPRESSED, CAMERA_INFO)
_TRUTH_TOPICS = "/ground_truth/"
_SAMPLES = 12


@dataclass(slots=True)
class TopicRecord:
    """One sensor topic.

    Attributes:
        topic: name, type, count and QoS.
        stamp_ns: int64 (N,) header stamps in the order of recording.
        log_ns: int64 (N,) when each was recorded.
        samples: a few messages, spread over the recording.
    """

    topic: BagTopic
    stamp_ns: NDArray[np.int64]
    log_ns: NDArray[np.int64]
    samples: list[Any] = field(default_factory=list)

    @property
    def frame(self) -> str:
        """Frame of the first message."""
        return str(self.samples[0].header.frame_id) if self.samples else ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as the doctor sees it.

    Attributes:
        path: what was opened.
        topics: all of it.
        sensors: the sensor topics by name.
        transforms: its frames, from /tf and /tf_static, else from the profile's calibration.
        profile: whose inputs are expected, or None.
    """

    path: Path
    topics: dict[str, BagTopic]
    sensors: dict[str, TopicRecord]
    transforms: RecordedTransforms
    profile: Profile | None

    def of_type(self, *types: str) -> list[TopicRecord]:
        """Return the sensor topics of these types that the profile names, all of them without a profile."""
        wanted = None if self.profile is None else set(self.profile.input_topics.values())
        return [
            r for r in self.sensors.values() if r.topic.type in types and (wanted is None or r.topic.name in wanted)
        ]


def examine(path: Path, profile: Profile | None) -> Recording:
    """Read a recording once.

    Raises:
        BagError: it cannot be read.
    """
    with BagReader(path) as bag:
        transforms = RecordedTransforms(bag, None if profile is None else calibration_folder(profile))
        for message in bag.messages((STATIC_TF_TOPIC,)):
            transforms.add_static(message)
        sent = [t for t in bag.topics.values() if t.type in SENSOR_TYPES and not t.name.startswith(_TRUTH_TOPICS)]
        names = [t.name for t in sent if t.count]
        return Recording(path, bag.topics, {n: _record(bag, n) for n in names}, transforms, profile)


def _record(bag: BagReader, name: str) -> TopicRecord:
    topic = bag.topics[name]
    kind = get_message(topic.type)
    every = max(1, topic.count // _SAMPLES)
    stamps, logs, samples = [], [], []
    for index, message in enumerate(bag.messages((name,))):
        stamps.append(header_stamp_ns(message.data))
        logs.append(message.log_ns)
        if index % every == 0:
            samples.append(deserialize_message(message.data, kind))
    return TopicRecord(topic, np.array(stamps, dtype=np.int64), np.array(logs, dtype=np.int64), samples)
