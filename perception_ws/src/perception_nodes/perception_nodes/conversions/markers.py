"""visualization_msgs/MarkerArray: tracked obstacles for RViz."""

import math
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from visualization_msgs.msg import Marker, MarkerArray

from perception_core.types import CLASSES, Motion, Obstacles
from perception_core.types.classes import UNKNOWN
from perception_nodes.conversions import cdr
from perception_nodes.conversions.header import half_turn
from perception_nodes.conversions.time import split_ns

Numbers = tuple[float, ...]

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

_GEOMETRY = struct.Struct("<7d3d4f2i?")
"""pose, scale, color, lifetime, frame_locked"""

MIN_SPEED = 0.3
"""m/s below which no arrow is drawn."""

ARROW_COLOUR = (0.1, 0.9, 0.3, 1.0)

ARROW_SECONDS = 1.0
"""An arrow reaches where the obstacle will be after this time."""

_SIGMAS = 2.0
"""Size of the ellipses around predicted positions: 86 % of a normal distribution in two dimensions."""

_ELLIPSE_CORNERS = 16


def markers_to_cdr(obstacles: Obstacles) -> bytes:
    """Return boxes, outlines on the ground, id labels, velocity arrows and paths; the first deletes the older ones."""
    shapes = [_Shape("", 0, Marker.CUBE, action=Marker.DELETEALL)]
    for i in range(len(obstacles)):
        name = CLASSES[int(np.argmax(obstacles.class_probabilities[i]))]
        shapes += [_box(obstacles, i, name), _label(obstacles, i, name)]
        if math.hypot(*obstacles.velocity[i, :2].tolist()) >= MIN_SPEED:
            shapes.append(_arrow(obstacles, i))
        if obstacles.motion[i] == Motion.MOVING and obstacles.predicted_path.shape[1]:
            shapes += [_path(obstacles, i, name), *_path_ellipses(obstacles, i, name)]
        if len(obstacles.footprints[i]):
            shapes.append(_outline(obstacles, i, name))
    out = cdr.CdrWriter()
    out.count(len(shapes))
    stamp = split_ns(obstacles.stamp_ns)
    for shape in shapes:
        out.time(*stamp)
        out.text(obstacles.frame)
        _write_shape(out, shape)
    return out.message()


def markers_to_msg(obstacles: Obstacles) -> MarkerArray:
    """Return the same as a message object."""
    return cdr.to_msg(markers_to_cdr(obstacles), MarkerArray)


@dataclass(slots=True)
class _Shape:
    """What is used of a visualization_msgs/Marker."""

    namespace: str
    identity: int
    kind: int
    pose: Numbers = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    scale: Numbers = (0.0, 0.0, 0.0)
    colour: Numbers = (1.0, 1.0, 1.0, 1.0)
    points: Sequence[Numbers] = ()
    text: str = ""
    action: int = Marker.ADD


def _write_shape(out: cdr.CdrWriter, shape: _Shape) -> None:
    """Write a Marker behind its header."""
    out.text(shape.namespace)
    out.align(4)
    out.raw(struct.pack("<3i", shape.identity, shape.kind, shape.action))
    out.align(8)
    out.raw(_GEOMETRY.pack(*shape.pose, *shape.scale, *shape.colour, 0, 0, False))
    out.count(len(shape.points))
    if shape.points:
        out.align(8)
        out.raw(b"".join(struct.pack("<3d", *point) for point in shape.points))
    _write_unused(out, shape.text)


def _write_unused(out: cdr.CdrWriter, text: str) -> None:
    """Write the fields behind the points, of which only ``text`` is used here."""
    out.count(0)  # colors
    out.text("")  # texture_resource
    out.time(0, 0)  # texture: stamp, frame, format, data
    out.text("")
    out.text("")
    out.count(0)
    out.count(0)  # uv_coordinates
    out.text(text)
    out.text("")  # mesh_resource
    out.text("")  # mesh_file: name, data
    out.count(0)
    out.raw(b"\x00")  # mesh_use_embedded_materials


def _box(obstacles: Obstacles, i: int, name: str) -> _Shape:
    alpha = 0.25 + 0.45 * float(obstacles.existence[i])
    scale = tuple(max(side, 0.05) for side in obstacles.size[i].tolist())
    pose = (*obstacles.centre[i].tolist(), 0.0, 0.0, *half_turn(float(obstacles.yaw[i])))
    return _Shape("boxes", i, Marker.CUBE, pose=pose, scale=scale, colour=(*COLOURS[name], alpha))


def _label(obstacles: Obstacles, i: int, name: str) -> _Shape:
    x, y, z = obstacles.centre[i].tolist()
    above = z + float(obstacles.size[i, 2]) / 2.0 + 0.4
    speed = math.hypot(*obstacles.velocity[i, :2].tolist())
    moving = f" {speed:.1f} m/s" if obstacles.motion[i] == Motion.MOVING else ""
    text = f"{short_id(obstacles.ids[i].tobytes())} {name}{moving}"
    pose = (x, y, above, 0.0, 0.0, 0.0, 1.0)
    return _Shape("ids", i, Marker.TEXT_VIEW_FACING, pose=pose, scale=(0.0, 0.0, 0.5), text=text)


def _arrow(obstacles: Obstacles, i: int) -> _Shape:
    start = obstacles.centre[i]
    end = start + ARROW_SECONDS * obstacles.velocity[i]
    points = [tuple(start.tolist()), tuple(end.tolist())]
    return _Shape("velocities", i, Marker.ARROW, scale=(0.12, 0.3, 0.4), colour=ARROW_COLOUR, points=points)


def _path(obstacles: Obstacles, i: int, name: str) -> _Shape:
    floor = _floor(obstacles, i)
    ahead = [obstacles.centre[i, :2].tolist(), *obstacles.predicted_path[i, :, :2].tolist()]
    points = [(x, y, floor) for x, y in ahead]
    return _Shape("paths", i, Marker.LINE_STRIP, scale=(0.06, 0.0, 0.0), colour=(*COLOURS[name], 0.8), points=points)


def _path_ellipses(obstacles: Obstacles, i: int, name: str) -> list[_Shape]:
    """Return the growing ellipses of the predicted positions as one shape; none where they are not known."""
    covariance = obstacles.predicted_covariance[i, :, :2, :2]
    if len(covariance) == 0:
        return []
    variance, axes = np.linalg.eigh(covariance)
    sigma = _SIGMAS * np.sqrt(np.maximum(variance, 0.0))
    angle = np.linspace(0.0, 2.0 * np.pi, _ELLIPSE_CORNERS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    ellipse = obstacles.predicted_path[i, :, None, :2] + ((axes * sigma[:, None, :]) @ circle).swapaxes(1, 2)
    segments = np.stack([ellipse[:, :-1], ellipse[:, 1:]], axis=2).reshape(-1, 2)
    floor = _floor(obstacles, i)
    points = [(x, y, floor) for x, y in segments.tolist()]
    colour = (*COLOURS[name], 0.5)
    return [_Shape("path_ellipses", i, Marker.LINE_LIST, scale=(0.03, 0.0, 0.0), colour=colour, points=points)]


def _floor(obstacles: Obstacles, i: int) -> float:
    return float(obstacles.centre[i, 2] - obstacles.size[i, 2] / 2.0)


def _outline(obstacles: Obstacles, i: int, name: str) -> _Shape:
    floor = _floor(obstacles, i)
    corners = obstacles.footprints[i].tolist()
    points = [(x, y, floor) for x, y in [*corners, corners[0]]]
    colour = (*COLOURS[name], 1.0)
    return _Shape("footprints", i, Marker.LINE_STRIP, scale=(0.06, 0.0, 0.0), colour=colour, points=points)


def short_id(identity: bytes) -> str:
    """Return the first four hex digits of a UUID's 16 bytes, for people."""
    return uuid.UUID(bytes=identity).hex[:4]
