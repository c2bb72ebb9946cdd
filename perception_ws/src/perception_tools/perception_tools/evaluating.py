"""A result against its truth: both are read, brought to the same stamps and judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from vision_msgs.msg import Detection3DArray

from perception_core.config import to_mapping
from perception_core.errors import BagError, PerceptionError, TransformError
from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.evaluate import Evaluation, Honesty, evaluate
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.evaluation.joining import Joined, join
from perception_core.geometry.boxes import bev_corners
from perception_core.geometry.transforms import Transform, identity
from perception_core.types import Mode, Motion, Objects, Obstacles
from perception_interfaces.msg import ObstacleArray
from perception_nodes.conversions.boxes import objects_from_msg
from perception_nodes.conversions.obstacles import obstacles_from_msg
from perception_tools.bags import BagReader, decoded
from perception_tools.drive_writer import TF_TOPIC
from perception_tools.evaluating_truth import TruthOf
from perception_tools.transforms import RecordedTransforms

OBSTACLES_TOPIC = "/perception/obstacles"
OBJECTS_TOPIC = "/perception/objects"
_OBSTACLES_TYPE = "perception_interfaces/msg/ObstacleArray"
_OBJECTS_TYPE = "vision_msgs/msg/Detection3DArray"


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome, and what a person should know of how it came about.

    Attributes:
        evaluation: all figures.
        config: by which they were made.
        topic: of the result.
        tracked: whether the truth follows objects from scan to scan; else tracks, waiting and motion say nothing.
        notes: lines for people.
    """

    evaluation: Evaluation
    config: EvaluationConfig
    topic: str
    tracked: bool
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries."""
        return {
            "topic": self.topic,
            "tracked": self.tracked,
            "config": to_mapping(self.config),
            "notes": list(self.notes),
            **self.evaluation.as_dict(),
        }


def judge_recording(
    result: Path, truth: TruthOf, config: EvaluationConfig, topic: str | None = None, base_frame: str = "base_link"
) -> Judged:
    """Judge the result in a recording; ``topic`` None takes obstacles, or of unrelated frames objects.

    Raises:
        BagError: a recording that cannot be read, or that lacks the topic.
        DatasetError: a KITTI folder that cannot be read.
        PerceptionError: result and truth have no stamp or no fixed frame in common.
    """
    with BagReader(result) as bag:
        first = _first_frame(bag, topic or OBSTACLES_TOPIC)
        there = truth(first)
        topic = topic or (OBSTACLES_TOPIC if there.tracked else OBJECTS_TOPIC)
        found = _read(bag, topic)
        frame = _one_frame(found, topic, result)
        poses = _poses(bag, frame, base_frame) or there.poses(frame, base_frame)
    if frame != there.frame:
        raise PerceptionError(
            f"{result}: obstacles in frame {frame!r}, the truth in {there.frame!r}: the fixed frame must be the same"
        )
    joined = join(there.truths, [there.reduce(obstacles) for obstacles in found])
    if not joined.pairs:
        raise PerceptionError(f"{result}: {_no_common_stamp(found, there.truths)}")
    frames, lost = _frames(joined, poses)
    config = there.narrow(config)
    evaluation = evaluate(frames, config)
    notes = (*there.notes, *_notes(joined, lost), *_doubts(evaluation.consistency))
    return Judged(evaluation, config, topic, there.tracked, notes)


def _first_frame(bag: BagReader, topic: str) -> str:
    """Return the frame of the first result, empty where there is none."""
    for message in bag.messages((topic,)):
        if message.type == _OBSTACLES_TYPE:
            return str(decoded(bag.path, message, ObstacleArray).header.frame_id)
        if message.type == _OBJECTS_TYPE:
            return str(decoded(bag.path, message, Detection3DArray).header.frame_id)
    return ""


def _read(bag: BagReader, topic: str) -> list[Obstacles]:
    bag.require([topic])
    kind = bag.topics[topic].type
    if kind == _OBSTACLES_TYPE:
        return [obstacles_from_msg(decoded(bag.path, m, ObstacleArray)) for m in bag.messages((topic,))]
    if kind == _OBJECTS_TYPE:
        arrays = [decoded(bag.path, m, Detection3DArray) for m in bag.messages((topic,))]
        return [as_obstacles(objects_from_msg(m, Mode.FUSED), k) for k, m in enumerate(arrays)]
    raise BagError(f"{bag.path}: {topic} is a {kind}, expected {_OBSTACLES_TYPE} or {_OBJECTS_TYPE}")


def as_obstacles(objects: Objects, scan: int) -> Obstacles:
    """Return untracked objects as obstacles with ids of their own in every scan, and without motion."""
    count = len(objects)
    stamps = np.full(count, objects.stamp_ns, dtype=np.int64)
    ids = [list((scan << 64 | row).to_bytes(16, "big")) for row in range(count)]
    return Obstacles(
        stamp_ns=objects.stamp_ns,
        frame=objects.frame,
        ids=np.array(ids, dtype=np.uint8).reshape(count, 16),
        centre=objects.centre,
        size=objects.size,
        yaw=objects.yaw,
        pose_covariance=objects.covariance,
        velocity=np.zeros((count, 3)),
        yaw_rate=np.zeros(count),
        twist_covariance=np.zeros((count, 6, 6)),
        class_probabilities=objects.class_probabilities,
        existence=objects.existence,
        footprints=tuple(bev_corners(objects.centre, objects.size, objects.yaw)),
        motion=np.full(count, Motion.UNKNOWN, dtype=np.uint8),
        sensors=objects.sensors,
        first_seen_ns=stamps,
        last_seen_ns=stamps,
        predicted_path=np.zeros((count, 0, 3)),
        prediction_step_ns=0,
        mode=objects.mode,
    )


def _one_frame(found: Sequence[Obstacles], topic: str, path: Path) -> str:
    frames = sorted({obstacles.frame for obstacles in found})
    if len(frames) > 1:
        raise PerceptionError(f"{path}: {topic} changes its frame: {', '.join(frames)}")
    return frames[0]


def _poses(bag: BagReader, frame: str, base_frame: str) -> Callable[[int], Transform] | None:
    """Return where the base is in ``frame`` at a stamp, None where the recording does not know."""
    if frame == base_frame:
        return lambda _stamp_ns: identity()
    if TF_TOPIC not in bag.topics:
        return None
    transforms = RecordedTransforms(bag)
    return lambda stamp_ns: transforms.lookup(frame, base_frame, stamp_ns)


def _frames(joined: Joined, poses: Callable[[int], Transform]) -> tuple[list[EvaluationFrame], int]:
    """Return the frames, and how many were lost because nobody knows where the robot stood.

    Raises:
        TransformError: nobody ever knows.
    """
    frames, problem = [], None
    for truth, result in joined.pairs:
        try:
            pose = poses(truth.stamp_ns)
        except TransformError as error:
            problem = error
        else:
            frames.append(EvaluationFrame(truth, result, pose))
    if problem is not None and not frames:
        raise problem
    return frames, len(joined.pairs) - len(frames)


def _notes(joined: Joined, lost: int) -> list[str]:
    counts = {
        "scans lie between two stamps of the truth, which was interpolated": len(joined.pairs)
        - joined.exact
        - joined.unanswered,
        "scans of the truth have no result: everything in them counts as missed": joined.unanswered,
        "scans of the truth from before the first result are left out": joined.before,
        "results from outside the truth's time are left out": joined.beyond,
        "scans are left out because no transform says where the robot stood": lost,
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _doubts(honesty: Honesty) -> list[str]:
    if not honesty.unusable:
        return []
    counts = ", ".join(f"{getattr(honesty, name).unusable} of {name}" for name in ("position", "velocity", "yaw"))
    return [f"{honesty.unusable} covariances of found objects ({counts}) are not positive definite: in no ANEES"]


def _no_common_stamp(found: Sequence[Obstacles], truths: Sequence[Any]) -> str:
    def span(stamps: list[int]) -> str:
        return f"{min(stamps) * 1e-9:.3f} to {max(stamps) * 1e-9:.3f} s" if stamps else "nothing"

    mine, theirs = [o.stamp_ns for o in found], [t.stamp_ns for t in truths]
    return f"no common time with the truth (results {span(mine)}, truth {span(theirs)}): another drive?"
