"""vision_msgs/Detection3DArray of the tracked obstacles, for those who do not know our messages.

Per box: ``bbox`` holds centre, heading and size; ``results`` one hypothesis a class that is possible at all (most
probable first), each with the pose and its covariance; ``id`` the obstacle's UUID as text, the same from scan to scan.
Velocity, prediction, and whether "none" means free or blind, stand in ObstacleArray only.
"""

import struct
import uuid

from vision_msgs.msg import Detection3DArray

from perception_core.types import Obstacles
from perception_nodes.conversions import cdr
from perception_nodes.conversions.boxes import class_list
from perception_nodes.conversions.header import half_turn
from perception_nodes.conversions.time import split_ns

_SCORE_AND_POSE = struct.Struct("<8d")
_BOUNDS = struct.Struct("<10d")
"""position, orientation, size"""


def tracks_to_cdr(obstacles: Obstacles) -> bytes:
    """Return the tracked boxes, in the fixed frame."""
    out = cdr.CdrWriter()
    stamp = split_ns(obstacles.stamp_ns)
    out.time(*stamp)
    out.text(obstacles.frame)
    out.count(len(obstacles))
    columns = zip(obstacles.centre.tolist(), obstacles.size.tolist(), obstacles.yaw.tolist(), strict=True)
    for i, (centre, size, yaw) in enumerate(columns):
        pose = (*centre, 0.0, 0.0, *half_turn(yaw))
        covariance = obstacles.pose_covariance[i].tobytes()
        classes = class_list(obstacles.class_probabilities[i].tolist())
        out.time(*stamp)
        out.text(obstacles.frame)
        out.count(len(classes))
        for label, score in classes:
            out.text(label)
            out.align(8)
            out.raw(_SCORE_AND_POSE.pack(score, *pose))
            out.raw(covariance)
        out.align(8)
        out.raw(_BOUNDS.pack(*pose, *size))
        out.text(str(uuid.UUID(bytes=obstacles.ids[i].tobytes())))
    return out.message()


def tracks_to_msg(obstacles: Obstacles) -> Detection3DArray:
    """Return the same as a message object."""
    return cdr.to_msg(tracks_to_cdr(obstacles), Detection3DArray)
