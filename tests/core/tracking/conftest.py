"""Scenes for the tracker: exact objects, and boxes as a LiDAR would cut them out of what it sees."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from perception_core.geometry import transforms
from perception_core.tracking import Tracker, TrackerConfig
from perception_core.types import CLASSES, Mode, Objects, Obstacles, Sensor
from perception_core.types.classes import INDEX

NAMESPACE = bytes(range(16))
SECOND = 1_000_000_000

MakeObjects = Callable[..., Objects]


def make_objects(seconds: float, boxes: list[dict[str, Any]], **common: Any) -> Objects:
    """Objects at ``seconds`` from dicts with x, y and any of z, size, yaw, sigma, label, p, existence, sensors."""
    m = len(boxes)
    full = [
        {"z": 0.8, "size": (4.2, 1.8, 1.5), "yaw": 0.0, "sigma": 0.1, "label": "unknown", "p": 1.0}
        | {"existence": 0.95, "sensors": Sensor.LIDAR, "yaw_sigma": 0.05} | box
        for box in boxes
    ]  # fmt: skip
    probabilities = np.zeros((m, len(CLASSES)))
    covariance = np.zeros((m, 6, 6))
    for k, box in enumerate(full):
        probabilities[k] = (1.0 - box["p"]) / (len(CLASSES) - 1)
        probabilities[k, INDEX[box["label"]]] = box["p"]
        covariance[k] = np.diag([box["sigma"] ** 2] * 3 + [0.01, 0.01, box["yaw_sigma"] ** 2])
    return Objects(
        stamp_ns=round(seconds * SECOND),
        frame=common.get("frame", "base_link"),
        centre=np.array([[b["x"], b["y"], b["z"]] for b in full]).reshape(m, 3),
        size=np.array([b["size"] for b in full]).reshape(m, 3),
        yaw=np.array([b["yaw"] for b in full]),
        covariance=covariance,
        class_probabilities=probabilities,
        existence=np.array([b["existence"] for b in full]),
        sensors=np.array([b["sensors"] for b in full], dtype=np.uint8),
        point_count=np.full(m, 100),
        mode=common.get("mode", Mode.LIDAR_ONLY),
    )


@dataclass
class Body:
    """A box on the ground of the fixed frame with constant speed and turn rate (rad/s)."""

    x: float
    y: float
    vx: float = 0.0
    vy: float = 0.0
    length: float = 4.4
    width: float = 1.8
    height: float = 1.5
    yaw: float = 0.0
    label: str = "unknown"
    p: float = 1.0

    turn_rate: float = 0.0

    def at(self, seconds: float) -> NDArray[np.float64]:
        """Centre (2,) in the fixed frame: a straight line, or a circle for a turn rate."""
        if self.turn_rate == 0.0:
            return np.array([self.x + self.vx * seconds, self.y + self.vy * seconds])
        angle, speed = self.turn_rate * seconds, np.hypot(self.vx, self.vy)
        radius, start = speed / self.turn_rate, self.yaw
        return np.array(
            [
                self.x + radius * (np.sin(start + angle) - np.sin(start)),
                self.y - radius * (np.cos(start + angle) - np.cos(start)),
            ]
        )

    def yaw_at(self, seconds: float) -> float:
        """Radians in the fixed frame."""
        return self.yaw + self.turn_rate * seconds


def seen_by_lidar(
    body: Body, seconds: float, T_fixed_base: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, Any] | None:
    """The oriented box around the points that a LiDAR at the base origin gets from the faces turned to it.

    A beam every 0.2 degrees, 2 cm of noise, yaw off by 2 degrees (1 sigma); length >= width, as clusters have it.
    """
    T_base_fixed = transforms.invert(T_fixed_base)
    centre = transforms.apply(T_base_fixed, np.array([[*body.at(seconds), 0.0]]))[0, :2]
    yaw = body.yaw_at(seconds) - transforms.yaw_of(T_fixed_base)
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    half = np.array([body.length, body.width]) / 2.0
    points = []
    for axis in (0, 1):
        for sign in (-1.0, 1.0):
            middle = centre + sign * half[axis] * axes[axis]
            distance = np.linalg.norm(middle)
            if -sign * axes[axis] @ middle / distance < 0.05:
                continue
            spacing = distance * np.radians(0.2) / max(-sign * axes[axis] @ middle / distance, 0.05)
            along = np.arange(-half[1 - axis], half[1 - axis], spacing)
            points.append(middle + along[:, None] * axes[1 - axis])
    cloud = np.concatenate(points)
    cloud = cloud + rng.normal(0.0, 0.02, cloud.shape)
    if len(cloud) < 3:
        return None
    yaw += rng.normal(0.0, np.radians(2.0))
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    local = cloud @ turn.T
    low, high = local.min(axis=0), local.max(axis=0)
    middle, extent = turn.T @ ((low + high) / 2.0), np.maximum(high - low, 0.05)
    if extent[1] > extent[0]:
        extent, yaw = extent[::-1], yaw + np.pi / 2.0
    return {
        "x": middle[0], "y": middle[1], "z": body.height / 2.0, "size": (*extent, body.height),
        "yaw": float(transforms.wrap_angle(yaw)), "label": body.label, "p": body.p, "sigma": 0.1, "yaw_sigma": 0.1,
    }  # fmt: skip


def drive(
    bodies: list[Body],
    ego: Callable[[float], NDArray[np.float64]],
    seconds: float,
    rate: float = 10.0,
    odometry: bool = True,
    hidden: Callable[[int, float], bool] = lambda body, t: False,
    seed: int = 0,
    config: TrackerConfig | None = None,
) -> list[Obstacles]:
    """Track bodies from a moving robot; one result a scan. ``ego`` gives T_fixed_base at a time in seconds."""
    rng = np.random.default_rng(seed)
    tracker = Tracker(config or TrackerConfig(), NAMESPACE)
    results = []
    for k in range(round(seconds * rate)):
        t = k / rate
        T = ego(t)
        found = [seen_by_lidar(b, t, T, rng) for i, b in enumerate(bodies) if not hidden(i, t)]
        objects = make_objects(t, [f for f in found if f is not None])
        results.append(tracker.update(objects, T if odometry else np.eye(4), "odom" if odometry else "base_link"))
    return results


@pytest.fixture
def objects() -> MakeObjects:
    """The function :func:`make_objects`."""
    return make_objects


@pytest.fixture
def body() -> type[Body]:
    """The class :class:`Body`."""
    return Body


@pytest.fixture
def track_drive() -> Callable[..., list[Obstacles]]:
    """The function :func:`drive`."""
    return drive


@pytest.fixture
def tracker() -> Tracker:
    """A tracker with the defaults."""
    return Tracker(TrackerConfig(), NAMESPACE)
