"""What a result is held against: the ground truth of a simulated or converted drive, or a KITTI folder."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from sensor_msgs.msg import PointCloud2

from perception_core.errors import BagError, DatasetError
from perception_core.evaluation.config import EvaluationConfig
from perception_core.geometry.transforms import Transform, identity
from perception_core.types import Motion, Obstacles, Truth
from perception_interfaces.msg import ObstacleArray
from perception_nodes.conversions.cloud import rows_to_msg
from perception_nodes.conversions.obstacles import obstacles_from_msg
from perception_nodes.conversions.time import ns_from_msg
from perception_tools.bags import BagReader, decoded
from perception_tools.drive_writer import TF_TOPIC, TRUTH_TOPIC, VISIBILITY, VISIBILITY_TOPIC
from perception_tools.transforms import RecordedTransforms

KITTI_PREFIX = "kitti"


@dataclass(frozen=True, slots=True)
class DriveTruth:
    """The truth of one recording.

    Attributes:
        frame: of all its boxes.
        truths: of each scan.
        tracked: objects keep their ids from scan to scan.
        notes: lines for people.
        view_half_angle: degrees to either side up to which it lists objects; None for all around.
        poses: (fixed frame, base frame) -> where the base is at a stamp, for results that do not tell themselves.
        reduce: takes out obstacles of which the truth says that nobody knows (KITTI's DontCare).
    """

    frame: str
    truths: tuple[Truth, ...]
    tracked: bool
    poses: Callable[[str, str], Callable[[int], Transform]]
    notes: tuple[str, ...] = ()
    view_half_angle: float | None = None
    reduce: Callable[[Obstacles], Obstacles] = field(default=lambda obstacles: obstacles)

    def narrow(self, config: EvaluationConfig) -> EvaluationConfig:
        """Return ``config`` with a field of view no wider than the truth's."""
        if self.view_half_angle is None or self.view_half_angle >= config.view_half_angle:
            return config
        return replace(config, view_half_angle=self.view_half_angle)


TruthOf = Callable[[str], DriveTruth]
"""Frame of the results -> their truth."""


def truth_of(named: str) -> TruthOf:
    """Return the truth that ``--truth`` names: a recording, or ``kitti:DIR``; it is read when it is called.

    Raises:
        DatasetError: ``kitti`` without a folder.
    """
    if named == KITTI_PREFIX or named.startswith(f"{KITTI_PREFIX}:"):
        from perception_tools.evaluating_kitti import kitti_truth

        folder = named.removeprefix(KITTI_PREFIX).removeprefix(":")
        if not folder:
            raise DatasetError("--truth kitti: which drive? Say kitti:DIR, the raw drive or object folder")
        return lambda frame: kitti_truth(Path(folder), frame)
    return lambda _frame: recorded_truth(Path(named))


def recorded_truth(path: Path) -> DriveTruth:
    """Read /ground_truth/obstacles, and /ground_truth/visibility beside it where it is there.

    Raises:
        BagError: the recording cannot be read, lacks the truth, or both do not fit together.
    """
    with BagReader(path) as bag:
        bag.require([TRUTH_TOPIC])
        if bag.topics[TRUTH_TOPIC].type != "perception_interfaces/msg/ObstacleArray":
            raise BagError(f"{path}: {TRUTH_TOPIC} is a {bag.topics[TRUTH_TOPIC].type}, expected an ObstacleArray")
        messages = bag.messages((TRUTH_TOPIC,))
        arrays = [obstacles_from_msg(decoded(path, message, ObstacleArray)) for message in messages]
        seen = _visibility(bag)
        poses = RecordedTransforms(bag) if TF_TOPIC in bag.topics else None
    numbers: dict[bytes, int] = {}
    truths = tuple(_truth(array, seen.get(array.stamp_ns), numbers, path) for array in arrays)
    frames = sorted({array.frame for array in arrays})
    if len(frames) > 1:
        raise BagError(f"{path}: {TRUTH_TOPIC} changes its frame: {', '.join(frames)}")
    notes = () if seen else (f"no {VISIBILITY_TOPIC} in {path.name}: what cannot be seen is asked for too",)

    def pose(frame: str, base_frame: str) -> Callable[[int], Transform]:
        if frame == base_frame:
            return lambda _stamp_ns: identity()
        if poses is None:
            raise BagError(f"{path}: no {TF_TOPIC} here nor with the result, so nobody knows where the robot stood")
        return lambda stamp_ns: poses.lookup(frame, base_frame, stamp_ns)

    return DriveTruth(frames[0], truths, _tracked(truths), pose, notes)


def _visibility(bag: BagReader) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return point counts and visible fractions by stamp."""
    found = {}
    layout = rows_to_msg(np.empty(0, VISIBILITY), 0, "").fields
    for message in bag.messages((VISIBILITY_TOPIC,)):
        cloud = decoded(bag.path, message, PointCloud2)
        count, length = cloud.width * cloud.height, len(cloud.data)
        if cloud.fields != layout or cloud.point_step != VISIBILITY.itemsize or length != count * VISIBILITY.itemsize:
            raise BagError(
                f"{bag.path}: {VISIBILITY_TOPIC} has {count} rows of {[f.name for f in cloud.fields]} in {length} bytes"
                f", expected rows of {VISIBILITY.itemsize} bytes: {VISIBILITY.descr}"
            )
        rows = np.frombuffer(bytes(cloud.data), VISIBILITY)
        found[ns_from_msg(cloud.header.stamp)] = (rows["point_count"], rows["visible_fraction"])
    return found


def _truth(
    array: Obstacles, seen: tuple[np.ndarray, np.ndarray] | None, numbers: dict[bytes, int], path: Path
) -> Truth:
    count = len(array)
    points, visible = (np.full(count, -1), np.full(count, np.nan)) if seen is None else seen
    if len(points) != count:
        raise BagError(f"{path}: {count} true objects at {array.stamp_ns} ns, but {len(points)} rows of visibility")
    _check(array, path)
    unknown = array.motion == Motion.UNKNOWN
    return Truth(
        stamp_ns=array.stamp_ns,
        frame=array.frame,
        ids=np.array([numbers.setdefault(row.tobytes(), len(numbers) + 1) for row in array.ids], dtype=np.int32),
        class_ids=array.class_probabilities.argmax(axis=1).astype(np.int32),
        centre=array.centre,
        size=array.size,
        yaw=array.yaw,
        velocity=np.where(unknown[:, None], np.nan, array.velocity),
        yaw_rate=np.where(unknown, np.nan, array.yaw_rate),
        point_count=points.astype(np.int32),
        visible_fraction=visible.astype(np.float64),
        boxes_2d=np.zeros((count, 4)),
    )


def _check(array: Obstacles, path: Path) -> None:
    """Look whether what is true can be: each object there once, and none without extent. Raises BagError."""
    for row, count in Counter(one.tobytes() for one in array.ids).items():
        if count > 1:
            raise BagError(f"{path}: {count} true objects of one id at {array.stamp_ns} ns: {row.hex()}")
    for length, width, height in array.size[(array.size <= 0.0).any(axis=1)]:
        raise BagError(f"{path}: a true object of {length:g} x {width:g} x {height:g} m at {array.stamp_ns} ns")


def _tracked(truths: tuple[Truth, ...]) -> bool:
    """Return whether any object is there twice."""
    ids = [identity for truth in truths for identity in truth.ids.tolist()]
    return len(ids) > len(set(ids)) or not ids
