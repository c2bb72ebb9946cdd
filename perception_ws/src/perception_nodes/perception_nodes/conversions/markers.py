"""visualization_msgs/MarkerArray: tracked obstacles for RViz."""

import math
import uuid

import numpy as np
from geometry_msgs.msg import Point, Vector3
from perception_core.types import CLASSES, Motion, Obstacles
from perception_core.types.classes import UNKNOWN
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from perception_nodes.conversions.header import header_to_msg, pose_to_msg

COLOURS: dict[str, tuple[float, float, float]] = {
    "car": (0.20, 0.60, 1.00),
    "truck": (0.10, 0.35, 0.85),
    "bus": (0.35, 0.30, 0.95),
    "motorcycle": (1.00, 0.55, 0.10),
    "bicycle": (1.00, 0.75, 0.20),
    "cyclist": (1.00, 0.65, 0.10),
    "person": (1.00, 0.25, 0.35),
    "animal": (0.75, 0.35, 0.85),
    "train": (0.40, 0.20, 0.60),
    UNKNOWN: (0.65, 0.68, 0.70),
}
"""Red, green, blue of each class."""

MIN_SPEED = 0.3
"""m/s below which no arrow is drawn."""

ARROW_SECONDS = 1.0
"""An arrow reaches where the obstacle will be after this time."""


def markers_to_msg(obstacles: Obstacles) -> MarkerArray:
    """Return boxes, outlines on the ground, id labels and velocity arrows; the first marker deletes the older ones."""
    header = header_to_msg(obstacles.stamp_ns, obstacles.frame)
    msg = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    for i in range(len(obstacles)):
        name = CLASSES[int(np.argmax(obstacles.class_probabilities[i]))]
        msg.markers += [_box(header, obstacles, i, name), _label(header, obstacles, i, name)]
        if math.hypot(*obstacles.velocity[i, :2].tolist()) >= MIN_SPEED:
            msg.markers.append(_arrow(header, obstacles, i))
        if len(obstacles.footprints[i]):
            msg.markers.append(_outline(header, obstacles, i, name))
    return msg


def _box(header: Header, obstacles: Obstacles, i: int, name: str) -> Marker:
    alpha = 0.25 + 0.45 * float(obstacles.existence[i])
    marker = _marker(header, "boxes", i, Marker.CUBE, name, alpha)
    marker.pose = pose_to_msg(*obstacles.centre[i].tolist(), float(obstacles.yaw[i]))
    length, width, height = np.maximum(obstacles.size[i], 0.05).tolist()
    marker.scale = Vector3(x=length, y=width, z=height)
    return marker


def _label(header: Header, obstacles: Obstacles, i: int, name: str) -> Marker:
    marker = _marker(header, "ids", i, Marker.TEXT_VIEW_FACING, name, 1.0)
    x, y, z = obstacles.centre[i].tolist()
    marker.pose = pose_to_msg(x, y, z + float(obstacles.size[i, 2]) / 2.0 + 0.4, 0.0)
    marker.scale.z = 0.5
    marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    speed = math.hypot(*obstacles.velocity[i, :2].tolist())
    moving = f" {speed:.1f} m/s" if obstacles.motion[i] == Motion.MOVING else ""
    marker.text = f"{short_id(obstacles.ids[i].tobytes())} {name}{moving}"
    return marker


def _arrow(header: Header, obstacles: Obstacles, i: int) -> Marker:
    marker = _marker(header, "velocities", i, Marker.ARROW, UNKNOWN, 1.0)
    marker.color = ColorRGBA(r=0.1, g=0.9, b=0.3, a=1.0)
    marker.scale = Vector3(x=0.12, y=0.3, z=0.4)
    start = obstacles.centre[i]
    end = start + ARROW_SECONDS * obstacles.velocity[i]
    marker.points = [Point(x=x, y=y, z=z) for x, y, z in (start.tolist(), end.tolist())]
    return marker


def _outline(header: Header, obstacles: Obstacles, i: int, name: str) -> Marker:
    marker = _marker(header, "footprints", i, Marker.LINE_STRIP, name, 1.0)
    marker.scale.x = 0.06
    floor = float(obstacles.centre[i, 2] - obstacles.size[i, 2] / 2.0)
    corners = obstacles.footprints[i].tolist()
    marker.points = [Point(x=x, y=y, z=floor) for x, y in [*corners, corners[0]]]
    return marker


def _marker(header: Header, namespace: str, i: int, kind: int, name: str, alpha: float) -> Marker:
    red, green, blue = COLOURS[name]
    marker = Marker(header=header, ns=namespace, id=i, type=kind, action=Marker.ADD)
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    return marker


def short_id(identity: bytes) -> str:
    """Return the first four hex digits of a UUID's 16 bytes, for people."""
    return uuid.UUID(bytes=identity).hex[:4]
