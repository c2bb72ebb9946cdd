"""vision_msgs/Detection2DArray to and from the core's 2D detections.

``class_id`` is the class name of perception_core's vocabulary, ``score`` the detection's score; the box is given by
centre and size in pixels of the source image. Names out of the vocabulary (another detector's) become ``unknown``.
"""

import numpy as np
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesis, ObjectHypothesisWithPose

from perception_core.errors import ImageError
from perception_core.types import CLASSES, Detections2D
from perception_core.types.classes import INDEX, UNKNOWN
from perception_nodes.conversions.header import header_to_msg
from perception_nodes.conversions.time import ns_from_msg


def detections_to_msg(detections: Detections2D) -> Detection2DArray:
    """Return one Detection2D a box; corners are restored to 1e-9 pixels."""
    msg = Detection2DArray(header=header_to_msg(detections.stamp_ns, detections.frame))
    rows = zip(detections.boxes.tolist(), detections.scores.tolist(), detections.class_ids.tolist(), strict=True)
    msg.detections = [_detection_to_msg(msg, box, score, CLASSES[class_id]) for box, score, class_id in rows]
    return msg


def detections_from_msg(msg: Detection2DArray, image_size: tuple[int, int]) -> Detections2D:
    """Return the detections of one image; ``image_size`` (width, height) comes from its CameraInfo.

    Raises:
        ImageError: a detection without hypothesis, or a box that is not finite, is turned or has a negative size.
    """
    boxes = [_box_from_msg(i, d) for i, d in enumerate(msg.detections)]
    best = [max(d.results, key=lambda r: r.hypothesis.score).hypothesis for d in msg.detections]
    return Detections2D(
        stamp_ns=ns_from_msg(msg.header.stamp),
        frame=msg.header.frame_id,
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        scores=np.array([h.score for h in best], dtype=np.float64),
        class_ids=np.array([INDEX.get(h.class_id, INDEX[UNKNOWN]) for h in best], dtype=np.int32),
        image_size=image_size,
    )


def _detection_to_msg(array: Detection2DArray, box: list[float], score: float, label: str) -> Detection2D:
    x0, y0, x1, y1 = box
    bounds = BoundingBox2D(size_x=x1 - x0, size_y=y1 - y0)
    bounds.center.position.x = (x0 + x1) / 2.0
    bounds.center.position.y = (y0 + y1) / 2.0
    hypothesis = ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id=label, score=score))
    return Detection2D(header=array.header, bbox=bounds, results=[hypothesis])


def _box_from_msg(index: int, detection: Detection2D) -> tuple[float, float, float, float]:
    box = detection.bbox
    x, y, w, h = box.center.position.x, box.center.position.y, box.size_x, box.size_y
    if not detection.results:
        raise ImageError(f"detections[{index}]: no class hypothesis")
    if not np.isfinite((x, y, w, h)).all() or w < 0.0 or h < 0.0 or box.center.theta != 0.0:
        raise ImageError(f"detections[{index}]: box {w} x {h} at ({x}, {y}) turned {box.center.theta} is no image box")
    return x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0
