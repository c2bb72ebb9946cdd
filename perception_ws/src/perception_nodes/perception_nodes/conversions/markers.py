"""visualization_msgs/MarkerArray: tracked obstacles for RViz."""

import math
import struct
import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from visualization_msgs.msg import Marker, MarkerArray

from perception_core.types import CLASSES, Motion, Obstacles
from perception_core.types.classes import UNKNOWN
from perception_nodes.conversions import cdr
from perception_nodes.conversions.header import half_turns
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

_KIND = struct.Struct("<3i")
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
    scene = _Scene.of(obstacles)
    ellipses = _path_ellipses(obstacles, scene)
    shapes = [_Shape("", 0, Marker.CUBE, action=Marker.DELETEALL)]
    for i in range(len(obstacles)):
        shapes += [_box(scene, i), _label(scene, i)]
        if scene.speeds[i] >= MIN_SPEED:
            shapes.append(_arrow(obstacles, i))
        if scene.moving[i] and obstacles.predicted_path.shape[1]:
            shapes.append(_path(obstacles, scene, i))
        if i in ellipses:
            shapes.append(ellipses[i])
        if len(obstacles.footprints[i]):
            shapes.append(_outline(obstacles, scene, i))
    out = cdr.CdrWriter()
    out.count(len(shapes))
    stamp = split_ns(obstacles.stamp_ns)
    for shape in shapes:
        out.time(*stamp)
        out.name(obstacles.frame, 4)
        _write_shape(out, shape)
    return out.message()


def markers_to_msg(obstacles: Obstacles) -> MarkerArray:
    """Return the same as a message object."""
    return cdr.to_msg(markers_to_cdr(obstacles), MarkerArray)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the shapes of N obstacles share: numbers of Python, of which there are many to be packed."""

    ids: list[str]
    names: list[str]
    centres: list[list[float]]
    sizes: list[list[float]]
    half_turns: list[list[float]]
    existence: list[float]
    speeds: list[float]
    moving: list[bool]
    floors: list[float]

    @classmethod
    def of(cls, obstacles: Obstacles) -> "_Scene":
        """Take them from the obstacles, in their order."""
        return cls(
            [short_id(identity.tobytes()) for identity in obstacles.ids],
            [CLASSES[k] for k in obstacles.class_probabilities.argmax(axis=1).tolist()],
            obstacles.centre.tolist(),
            obstacles.size.tolist(),
            half_turns(obstacles.yaw).tolist(),
            obstacles.existence.tolist(),
            [math.hypot(vx, vy) for vx, vy in obstacles.velocity[:, :2].tolist()],
            (obstacles.motion == Motion.MOVING).tolist(),
            (obstacles.centre[:, 2] - obstacles.size[:, 2] / 2.0).tolist(),
        )


@dataclass(slots=True)
class _Shape:
    """What is used of a visualization_msgs/Marker; ``points`` are float64 (K, 3) metres."""

    namespace: str
    identity: int
    kind: int
    pose: Numbers = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    scale: Numbers = (0.0, 0.0, 0.0)
    colour: Numbers = (1.0, 1.0, 1.0, 1.0)
    points: NDArray[np.float64] | None = None
    text: str = ""
    action: int = Marker.ADD


def _write_shape(out: cdr.CdrWriter, shape: _Shape) -> None:
    """Write a Marker behind its header."""
    out.name(shape.namespace, 4)
    out.raw(_KIND.pack(shape.identity, shape.kind, shape.action))
    out.align(8)
    out.raw(_GEOMETRY.pack(*shape.pose, *shape.scale, *shape.colour, 0, 0, False))
    points = 0 if shape.points is None else len(shape.points)
    out.count(points)
    if shape.points is not None and points:
        out.align(8)
        out.raw(shape.points.astype("<f8", copy=False).tobytes())
    out.raw(_BEFORE_TEXT)
    out.text(shape.text)
    out.align(4)
    out.raw(_AFTER_TEXT)


def _before_text() -> bytes:
    """Return the fields between a Marker's points and its text, none of which is used."""
    out = cdr.CdrWriter()
    out.count(0)  # colors
    out.text("")  # texture_resource
    out.time(0, 0)  # texture: stamp, frame, format, data
    out.text("")
    out.text("")
    out.count(0)
    out.count(0)  # uv_coordinates
    return out.content()


def _after_text() -> bytes:
    """Return the fields behind a Marker's text, none of which is used."""
    out = cdr.CdrWriter()
    out.text("")  # mesh_resource
    out.text("")  # mesh_file: name, data
    out.count(0)
    out.raw(b"\x00")  # mesh_use_embedded_materials
    return out.content()


_BEFORE_TEXT, _AFTER_TEXT = _before_text(), _after_text()


def _box(scene: _Scene, i: int) -> _Shape:
    alpha = 0.25 + 0.45 * scene.existence[i]
    scale = tuple(max(side, 0.05) for side in scene.sizes[i])
    pose = (*scene.centres[i], 0.0, 0.0, *scene.half_turns[i])
    return _Shape("boxes", i, Marker.CUBE, pose=pose, scale=scale, colour=(*COLOURS[scene.names[i]], alpha))


def _label(scene: _Scene, i: int) -> _Shape:
    x, y, z = scene.centres[i]
    above = z + scene.sizes[i][2] / 2.0 + 0.4
    moving = f" {scene.speeds[i]:.1f} m/s" if scene.moving[i] else ""
    text = f"{scene.ids[i]} {scene.names[i]}{moving}"
    pose = (x, y, above, 0.0, 0.0, 0.0, 1.0)
    return _Shape("ids", i, Marker.TEXT_VIEW_FACING, pose=pose, scale=(0.0, 0.0, 0.5), text=text)


def _arrow(obstacles: Obstacles, i: int) -> _Shape:
    start = obstacles.centre[i]
    points = np.stack([start, start + ARROW_SECONDS * obstacles.velocity[i]])
    return _Shape("velocities", i, Marker.ARROW, scale=(0.12, 0.3, 0.4), colour=ARROW_COLOUR, points=points)


def _path(obstacles: Obstacles, scene: _Scene, i: int) -> _Shape:
    ahead = np.vstack([obstacles.centre[i, :2], obstacles.predicted_path[i, :, :2]])
    colour = (*COLOURS[scene.names[i]], 0.8)
    points = _lifted(ahead, scene.floors[i])
    return _Shape("paths", i, Marker.LINE_STRIP, scale=(0.06, 0.0, 0.0), colour=colour, points=points)


def _path_ellipses(obstacles: Obstacles, scene: _Scene) -> dict[int, _Shape]:
    """Return, for what moves, the growing ellipses of the predicted positions as one shape; none if not known."""
    moving = np.flatnonzero(scene.moving)
    covariance = obstacles.predicted_covariance[moving, :, :2, :2]
    if covariance.size == 0:
        return {}
    variance, axes = np.linalg.eigh(covariance)
    sigma = _SIGMAS * np.sqrt(np.maximum(variance, 0.0))
    angle = np.linspace(0.0, 2.0 * np.pi, _ELLIPSE_CORNERS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    around = ((axes * sigma[..., None, :]) @ circle).swapaxes(2, 3)
    ellipse = obstacles.predicted_path[moving, :, None, :2] + around
    segments = np.stack([ellipse[:, :, :-1], ellipse[:, :, 1:]], axis=3).reshape(len(moving), -1, 2)
    return {i: _ellipses(scene, i, own) for i, own in zip(moving.tolist(), segments, strict=True)}


def _ellipses(scene: _Scene, i: int, segments: NDArray[np.float64]) -> _Shape:
    colour, points = (*COLOURS[scene.names[i]], 0.5), _lifted(segments, scene.floors[i])
    return _Shape("path_ellipses", i, Marker.LINE_LIST, scale=(0.03, 0.0, 0.0), colour=colour, points=points)


def _outline(obstacles: Obstacles, scene: _Scene, i: int) -> _Shape:
    corners = obstacles.footprints[i]
    points = _lifted(np.vstack([corners, corners[:1]]), scene.floors[i])
    colour = (*COLOURS[scene.names[i]], 1.0)
    return _Shape("footprints", i, Marker.LINE_STRIP, scale=(0.06, 0.0, 0.0), colour=colour, points=points)


def _lifted(points: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    """Return points (K, 2) at a height, (K, 3)."""
    out = np.full((len(points), 3), z)
    out[:, :2] = points
    return out


def short_id(identity: bytes) -> str:
    """Return the first four hex digits of a UUID's 16 bytes, for people."""
    return uuid.UUID(bytes=identity).hex[:4]
