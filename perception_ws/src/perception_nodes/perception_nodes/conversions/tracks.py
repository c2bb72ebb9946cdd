"""vision_msgs/Detection3DArray of the tracked obstacles, for those who do not know our messages.

Per box: ``bbox`` holds centre, heading and size; ``results`` one hypothesis a class that is possible at all (most
probable first), each with the pose and its covariance; ``id`` the obstacle's UUID as text, the same from scan to scan.
Velocity, prediction, and whether "none" means free or blind, stand in ObstacleArray only.
"""

import uuid

from vision_msgs.msg import Detection3DArray

from perception_core.types import Obstacles
from perception_nodes.conversions import cdr, detection3d
from perception_nodes.conversions.detection3d import class_lists


def tracks_to_cdr(obstacles: Obstacles) -> bytes:
    """Return the tracked boxes, in the fixed frame."""
    boxes = obstacles.centre, obstacles.size, obstacles.yaw
    classes = class_lists(obstacles.class_probabilities)
    ids = [str(uuid.UUID(bytes=identity.tobytes())) for identity in obstacles.ids]
    return detection3d.write(obstacles.stamp_ns, obstacles.frame, boxes, obstacles.pose_covariance, classes, ids)


def tracks_to_msg(obstacles: Obstacles) -> Detection3DArray:
    """Return the same as a message object."""
    return cdr.to_msg(tracks_to_cdr(obstacles), Detection3DArray)
