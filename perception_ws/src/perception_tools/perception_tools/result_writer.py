"""Results in a recording, under the topics and types of the live nodes."""

from typing import Any

from perception_core.pipeline import BlindResult, PipelineResult
from perception_core.planning.bands import BANDS
from perception_core.types import Segmentation
from perception_nodes.conversions.boxes import objects_to_cdr
from perception_nodes.conversions.markers import markers_to_cdr
from perception_nodes.conversions.obstacles import obstacles_to_cdr
from perception_nodes.conversions.scan import sectors_to_msg
from perception_nodes.conversions.segmentation import label_info_to_msg, segmentation_to_msg
from perception_tools.bags import LATCHED, RELIABLE, BagMessage, BagWriter
from perception_tools.drive_writer import STATIC_TF_TOPIC
from perception_tools.profile import Profile


class ResultWriter:
    """Writes results under the topics and types of the live nodes, each at the stamp of its data."""

    def __init__(self, bag: BagWriter, profile: Profile) -> None:
        """Announce the topics."""
        self._bag = bag
        self._clusters = f"/perception/lidar/{profile.lidar.lidar_name}/clusters"
        self._types = {
            "/perception/obstacles": "perception_interfaces/msg/ObstacleArray",
            "/perception/objects": "vision_msgs/msg/Detection3DArray",
            "/perception/markers": "visualization_msgs/msg/MarkerArray",
            "/perception/obstacle_scan": "sensor_msgs/msg/LaserScan",
            self._clusters: "vision_msgs/msg/Detection3DArray",
        }
        if profile.tracking.sectors.band_edges:
            self._types |= {_band_topic(band): "sensor_msgs/msg/LaserScan" for band in BANDS}
        for camera in profile.cameras:
            self._types[_topic(camera.camera_name, "detections")] = "vision_msgs/msg/Detection2DArray"
        for topic, type_name in self._types.items():
            bag.add_topic(topic, type_name)
        self._base_frame = profile.tracking.base_frame
        self._labelled: set[str] = set()

    def result(self, result: PipelineResult) -> None:
        """Write objects, obstacles, markers and sector ranges of one scan, also those of the bands."""
        self._bag.write("/perception/objects", result.stamp_ns, objects_to_cdr(result.objects))
        self.blind(BlindResult(result.stamp_ns, result.obstacles, None, result.sectors, result.bands))

    def blind(self, result: BlindResult) -> None:
        """Write obstacles and markers, and sector ranges where they are known."""
        stamp = result.stamp_ns
        self._bag.write("/perception/obstacles", stamp, obstacles_to_cdr(result.obstacles))
        self._bag.write("/perception/markers", stamp, markers_to_cdr(result.obstacles))
        if result.sectors is not None:
            self._bag.write("/perception/obstacle_scan", stamp, sectors_to_msg(result.sectors, stamp, self._base_frame))
        for band, ranges in result.bands.items():
            self._bag.write(_band_topic(band), stamp, sectors_to_msg(ranges, stamp, self._base_frame))

    def clusters(self, message: Any, stamp_ns: int) -> None:
        """Write the clusters of one scan."""
        self._bag.write(self._clusters, stamp_ns, message)

    def detections(self, camera: str, message: Any, stamp_ns: int) -> None:
        """Write the detections of one image."""
        self._bag.write(_topic(camera, "detections"), stamp_ns, message)

    def segmentation(self, camera: str, segmentation: Segmentation) -> None:
        """Write the label image of one image; before the camera's first, what the ids mean."""
        topic, labels, stamp_ns = _topic(camera, "segmentation"), _topic(camera, "labels"), segmentation.stamp_ns
        if camera not in self._labelled:
            self._labelled.add(camera)
            self._bag.add_topic(topic, "sensor_msgs/msg/Image")
            self._bag.add_topic(labels, "vision_msgs/msg/LabelInfo", (LATCHED,))
            self._bag.write(labels, stamp_ns, label_info_to_msg(stamp_ns, segmentation.frame))
        self._bag.write(topic, stamp_ns, segmentation_to_msg(segmentation))

    def copy(self, message: BagMessage) -> None:
        """Copy a transform, so that the results can be looked at without the input."""
        qos = LATCHED if message.topic == STATIC_TF_TOPIC else RELIABLE
        self._bag.add_topic(message.topic, message.type, (qos,))
        self._bag.write(message.topic, message.log_ns, message.data)


def _band_topic(band: str) -> str:
    return f"/perception/obstacle_scan/{band}"


def _topic(camera: str, name: str) -> str:
    return f"/perception/camera/{camera}/{name}"
