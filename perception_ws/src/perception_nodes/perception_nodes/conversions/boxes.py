"""vision_msgs/Detection3DArray to and from the core's clusters and fused objects, without loss.

Per box: ``bbox`` holds centre, orientation and size; ``results`` one hypothesis a class that is possible at all (most
probable first), each with the pose's covariance; ``id`` what vision_msgs has no field for, as ``key=value`` words:

===========  ==============================================================================
``yaw``      radians; the quaternion says the same, but rounds its last bits
``points``   LiDAR points of the box, 0 for an object that only a camera saw
``existence``  objects only: probability in [0, 1] that there is something at all
``sensors``  objects only: bits of LIDAR=1, CAMERA=2
===========  ==============================================================================

Numbers are written so that they read back as the same floats: a live node then computes what an offline replay does.
The mode of a set of objects belongs to the whole array, also an empty one, and travels in ``objects/status``.
"""

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Vector3
from numpy.typing import NDArray
from perception_core.errors import CloudError
from perception_core.types import CLASSES, Clusters, Mode, Objects
from perception_core.types.classes import INDEX, UNKNOWN
from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray, ObjectHypothesis, ObjectHypothesisWithPose

from perception_nodes.conversions.header import header_to_msg, pose_to_msg
from perception_nodes.conversions.time import ns_from_msg


def clusters_to_msg(clusters: Clusters) -> Detection3DArray:
    """Return the boxes of the clusters; their points travel as obstacle_points."""
    covariance = np.zeros((len(clusters), 6, 6))
    covariance[:, :3, :3] = clusters.covariance
    unnamed = [[(UNKNOWN, 1.0)]] * len(clusters)
    words = [{"points": str(n)} for n in clusters.point_count.tolist()]
    return _boxes_to_msg(clusters, covariance, unnamed, words)


def clusters_from_msg(msg: Detection3DArray, points: NDArray[np.float32], labels: NDArray[np.int32]) -> Clusters:
    """Return clusters with their points float32 (N, 3) and labels int32 (N,) of the same scan.

    Raises:
        CloudError: a detection that :func:`clusters_to_msg` did not make, or labels beyond the number of boxes.
    """
    words = [_words(i, d) for i, d in enumerate(msg.detections)]
    if len(labels) and not -1 <= int(labels.min()) <= int(labels.max()) < len(words):
        raise CloudError(f"clusters: labels {labels.min()} to {labels.max()}, but {len(words)} boxes")
    centre, size, covariance = _columns(msg)
    return Clusters(
        stamp_ns=ns_from_msg(msg.header.stamp),
        frame=msg.header.frame_id,
        centre=centre,
        size=size,
        yaw=np.array([_number(w, "yaw") for w in words], dtype=np.float64),
        covariance=covariance[:, :3, :3],
        point_count=np.array([int(_number(w, "points")) for w in words], dtype=np.int32),
        points=points,
        labels=labels,
    )


def objects_to_msg(objects: Objects) -> Detection3DArray:
    """Return the fused objects."""
    words = [
        {"points": str(n), "existence": repr(e), "sensors": str(s)}
        for n, e, s in zip(
            objects.point_count.tolist(), objects.existence.tolist(), objects.sensors.tolist(), strict=True
        )
    ]
    hypotheses = [class_list(row) for row in objects.class_probabilities.tolist()]
    return _boxes_to_msg(objects, objects.covariance, hypotheses, words)


def objects_from_msg(msg: Detection3DArray, mode: Mode) -> Objects:
    """Return the fused objects; ``mode`` comes from ``objects/status`` of the same stamp.

    Raises:
        CloudError: a detection that :func:`objects_to_msg` did not make.
    """
    words = [_words(i, d) for i, d in enumerate(msg.detections)]
    centre, size, covariance = _columns(msg)
    probabilities = np.zeros((len(words), len(CLASSES)))
    for row, detection in zip(probabilities, msg.detections, strict=True):
        for result in detection.results:
            row[INDEX.get(result.hypothesis.class_id, INDEX[UNKNOWN])] += result.hypothesis.score
    return Objects(
        stamp_ns=ns_from_msg(msg.header.stamp),
        frame=msg.header.frame_id,
        centre=centre,
        size=size,
        yaw=np.array([_number(w, "yaw") for w in words], dtype=np.float64),
        covariance=covariance,
        class_probabilities=probabilities,
        existence=np.array([_number(w, "existence") for w in words], dtype=np.float64),
        sensors=np.array([int(_number(w, "sensors")) for w in words], dtype=np.uint8),
        point_count=np.array([int(_number(w, "points")) for w in words], dtype=np.int32),
        mode=mode,
    )


def class_list(probabilities: Sequence[float]) -> list[tuple[str, float]]:
    """Return (class name, probability) of the classes above zero, most probable first."""
    named = [(name, p) for name, p in zip(CLASSES, probabilities, strict=True) if p > 0.0]
    return sorted(named, key=lambda pair: -pair[1])


def _boxes_to_msg(
    boxes: Clusters | Objects,
    covariance: NDArray[np.float64],
    hypotheses: Sequence[Sequence[tuple[str, float]]],
    words: Sequence[dict[str, str]],
) -> Detection3DArray:
    msg = Detection3DArray(header=header_to_msg(boxes.stamp_ns, boxes.frame))
    columns = zip(boxes.centre.tolist(), boxes.size.tolist(), boxes.yaw.tolist(), strict=True)
    for i, (centre, size, yaw) in enumerate(columns):
        bounds = BoundingBox3D(center=pose_to_msg(*centre, yaw), size=Vector3(x=size[0], y=size[1], z=size[2]))
        detection = Detection3D(header=msg.header, bbox=bounds)
        for label, score in hypotheses[i]:
            result = ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id=label, score=score))
            result.pose.pose = bounds.center
            result.pose.covariance[:] = covariance[i].ravel()
            detection.results.append(result)
        pairs = {"yaw": repr(yaw), **words[i]}
        detection.id = " ".join(f"{key}={value}" for key, value in pairs.items())
        msg.detections.append(detection)
    return msg


def _columns(msg: Detection3DArray) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centre (M, 3), size (M, 3) and covariance (M, 6, 6)."""
    positions = [d.bbox.center.position for d in msg.detections]
    sizes = [d.bbox.size for d in msg.detections]
    for i, detection in enumerate(msg.detections):
        if not detection.results:
            raise CloudError(f"detections[{i}]: no class hypothesis, and so no covariance")
    covariances = [d.results[0].pose.covariance for d in msg.detections]
    centre = np.array([(p.x, p.y, p.z) for p in positions], dtype=np.float64).reshape(-1, 3)
    size = np.array([(s.x, s.y, s.z) for s in sizes], dtype=np.float64).reshape(-1, 3)
    return centre, size, np.array(covariances, dtype=np.float64).reshape(-1, 6, 6)


def _words(index: int, detection: Detection3D) -> dict[str, str]:
    pairs = [word.partition("=") for word in detection.id.split()]
    if not pairs or any(not equals for _, equals, _ in pairs):
        raise CloudError(f"detections[{index}].id: {detection.id!r}, expected key=value words (see conversions.boxes)")
    return {key: value for key, _, value in pairs}


def _number(words: dict[str, str], key: str) -> float:
    try:
        return float(words[key])
    except KeyError:
        raise CloudError(f"detection id: no {key} among {', '.join(words)}") from None
    except ValueError:
        raise CloudError(f"detection id: {key}={words[key]!r} is no number") from None
