"""visualization_msgs/MarkerArray: tracked obstacles for RViz."""

import math
import struct
import uuid
from collections.abc import Sequence

import numpy as np
from perception_core.types import CLASSES, Motion, Obstacles
from perception_core.types.classes import UNKNOWN
from visualization_msgs.msg import Marker, MarkerArray

from perception_nodes.conversions import cdr
from perception_nodes.conversions.header import half_turn
from perception_nodes.conversions.time import split_ns

Vector = tuple[float, ...]
Pose = tuple[float, ...]
Colour = tuple[float, ...]

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

_ORIGIN: Pose = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
_NOTHING: Vector = (0.0, 0.0, 0.0)
_WHITE: Colour = (1.0, 1.0, 1.0, 1.0)
_GREEN: Colour = (0.1, 0.9, 0.3, 1.0)

_SHAPE = struct.Struct("<7d3d4f2i?")
"""pose, scale, color, lifetime, frame_locked"""

MIN_SPEED = 0.3
"""m/s below which no arrow is drawn."""

ARROW_SECONDS = 1.0
"""An arrow reaches where the obstacle will be after this time."""


def markers_to_cdr(obstacles: Obstacles) -> bytes:
    """Return boxes, outlines on the ground, id labels and velocity arrows; the first marker deletes the older ones."""
    pen = _Pen(obstacles)
    for i in range(len(obstacles)):
        name = CLASSES[int(np.argmax(obstacles.class_probabilities[i]))]
        _box(pen, obstacles, i, name)
        _label(pen, obstacles, i, name)
        if math.hypot(*obstacles.velocity[i, :2].tolist()) >= MIN_SPEED:
            _arrow(pen, obstacles, i)
        if len(obstacles.footprints[i]):
            _outline(pen, obstacles, i, name)
    return pen.finish()


def markers_to_msg(obstacles: Obstacles) -> MarkerArray:
    """Return the same as a message object."""
    return cdr.to_msg(markers_to_cdr(obstacles), MarkerArray)


class _Pen:
    """Writes markers of one stamp and frame."""

    def __init__(self, obstacles: Obstacles) -> None:
        self._stamp = split_ns(obstacles.stamp_ns)
        self._frame = obstacles.frame
        self._markers: list[tuple[object, ...]] = []
        self.draw("", 0, Marker.CUBE, action=Marker.DELETEALL)

    def draw(
        self,
        namespace: str,
        identity: int,
        kind: int,
        *,
        pose: Pose = _ORIGIN,
        scale: Vector = _NOTHING,
        colour: Colour = _WHITE,
        points: Sequence[Vector] = (),
        text: str = "",
        action: int = Marker.ADD,
    ) -> None:
        """Keep one marker; what it leaves open is what a new message holds."""
        self._markers.append((namespace, identity, kind, action, pose, scale, colour, points, text))

    def finish(self) -> bytes:
        """Write visualization_msgs/MarkerArray."""
        out = cdr.CdrWriter()
        out.count(len(self._markers))
        for namespace, identity, kind, action, pose, scale, colour, points, text in self._markers:
            out.time(*self._stamp)
            out.text(self._frame)
            out.text(namespace)
            out.align(4)
            out.raw(struct.pack("<3i", identity, kind, action))
            out.align(8)
            out.raw(_SHAPE.pack(*pose, *scale, *colour, 0, 0, False))
            out.count(len(points))
            if points:
                out.align(8)
                out.raw(b"".join(struct.pack("<3d", *point) for point in points))
            _write_unused(out, text)
        return out.bytes()


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


def _box(pen: _Pen, obstacles: Obstacles, i: int, name: str) -> None:
    alpha = 0.25 + 0.45 * float(obstacles.existence[i])
    scale = tuple(max(side, 0.05) for side in obstacles.size[i].tolist())
    pose = (*obstacles.centre[i].tolist(), 0.0, 0.0, *half_turn(float(obstacles.yaw[i])))
    pen.draw("boxes", i, Marker.CUBE, pose=pose, scale=scale, colour=(*COLOURS[name], alpha))


def _label(pen: _Pen, obstacles: Obstacles, i: int, name: str) -> None:
    x, y, z = obstacles.centre[i].tolist()
    above = z + float(obstacles.size[i, 2]) / 2.0 + 0.4
    speed = math.hypot(*obstacles.velocity[i, :2].tolist())
    moving = f" {speed:.1f} m/s" if obstacles.motion[i] == Motion.MOVING else ""
    text = f"{short_id(obstacles.ids[i].tobytes())} {name}{moving}"
    pose = (x, y, above, 0.0, 0.0, 0.0, 1.0)
    pen.draw("ids", i, Marker.TEXT_VIEW_FACING, pose=pose, scale=(0.0, 0.0, 0.5), text=text)


def _arrow(pen: _Pen, obstacles: Obstacles, i: int) -> None:
    start = obstacles.centre[i]
    end = start + ARROW_SECONDS * obstacles.velocity[i]
    points = [tuple(start.tolist()), tuple(end.tolist())]
    pen.draw("velocities", i, Marker.ARROW, scale=(0.12, 0.3, 0.4), colour=_GREEN, points=points)


def _outline(pen: _Pen, obstacles: Obstacles, i: int, name: str) -> None:
    floor = float(obstacles.centre[i, 2] - obstacles.size[i, 2] / 2.0)
    corners = obstacles.footprints[i].tolist()
    points = [(x, y, floor) for x, y in [*corners, corners[0]]]
    colour = (*COLOURS[name], 1.0)
    pen.draw("footprints", i, Marker.LINE_STRIP, scale=(0.06, 0.0, 0.0), colour=colour, points=points)


def short_id(identity: bytes) -> str:
    """Return the first four hex digits of a UUID's 16 bytes, for people."""
    return uuid.UUID(bytes=identity).hex[:4]
