"""KITTI's labels as truth: of an object folder, or the tracklets of a raw drive.

They list what the camera has in view, no more, so nothing else is evaluated: obstacles and objects outside its
horizontal opening are beside the point, and so are obstacles whose middle falls into a DontCare box of the image
(objects too far to be labelled). Points in the boxes are counted from the scans. Velocities come from the tracklets'
places in ``odom`` half a second apart, where the drive has GPS/IMU records; nobody knows them otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perception_core.datasets import kitti
from perception_core.datasets.kitti_calibration import BASE_FRAME
from perception_core.datasets.kitti_odometry import KittiOdometry
from perception_core.datasets.kitti_tracklets import TRACKLETS_FILE, Tracklet, read_tracklets
from perception_core.errors import DatasetError, TransformError
from perception_core.evaluation.clusters import points_in_box
from perception_core.evaluation.obstacle_rows import select
from perception_core.geometry import transforms
from perception_core.geometry.transforms import Transform, apply, identity, invert, wrap_angle, yaw_of
from perception_core.types import Obstacles, Truth
from perception_tools.evaluating_truth import DriveTruth
from perception_tools.kitti_bag import ODOM_FRAME

Floats = NDArray[np.float64]

_NS = 1_000_000_000
_BASELINE_S = 0.5
"""Seconds between the places that a velocity is made of: keyframes are set by hand, neighbours wobble."""


def kitti_truth(folder: Path, frame: str) -> DriveTruth:
    """Read the labels of ``folder`` into ``frame``, the one of the results: base_link or odom.

    Raises:
        DatasetError: no KITTI folder, one without labels, a frame that it does not know, or no pose at any scan.
    """
    drive = kitti.read(folder)
    if frame not in ("", BASE_FRAME, ODOM_FRAME):
        raise DatasetError(
            f"{folder}: results in frame {frame!r}, KITTI's labels are known in {BASE_FRAME}, {ODOM_FRAME}"
        )
    if frame == ODOM_FRAME and drive.odometry is None:
        raise DatasetError(f"{folder}: results in frame {frame!r}, but the drive has no GPS/IMU records (oxts)")
    poses = _poses(drive.odometry) if frame == ODOM_FRAME else lambda _stamp_ns: identity()
    if frame == ODOM_FRAME:
        drive = _with_poses(drive, poses)
    labelled = any(f.labels_path for f in drive.frames)
    truths = _label_truths(drive) if labelled else _tracklet_truths(folder, drive, poses, frame)
    return DriveTruth(
        frame=frame or BASE_FRAME,
        truths=tuple(truths),
        tracked=not labelled,
        poses=lambda _frame, _base: poses,
        notes=drive.notes,
        view_half_angle=_half_angle(drive),
        reduce=_dont_care(drive) if labelled else lambda obstacles: obstacles,
    )


def _half_angle(drive: kitti.KittiDrive) -> float:
    """Return the degrees to either side that the narrowest camera of the drive has in view."""
    angles = []
    for frame in drive.frames:
        camera = frame.calibration.camera
        middle = camera.matrix[0, 2]
        angles.append(np.degrees(np.arctan(min(middle, camera.width - middle) / camera.matrix[0, 0])))
    return float(min(angles))


def _label_truths(drive: kitti.KittiDrive) -> list[Truth]:
    truths, number = [], 0
    for frame in drive.frames:
        labels = kitti.load_labels(frame)
        if labels is None:
            raise DatasetError(f"{frame.name}: no labels")
        count = len(labels)
        truths.append(
            Truth(
                stamp_ns=frame.stamp_ns,
                frame=BASE_FRAME,
                ids=np.arange(number + 1, number + 1 + count, dtype=np.int32),
                class_ids=labels.class_ids,
                centre=labels.centre,
                size=labels.size,
                yaw=labels.yaw,
                velocity=np.full((count, 3), np.nan),
                yaw_rate=np.full(count, np.nan),
                point_count=_count(frame, labels.centre, labels.size, labels.yaw),
                visible_fraction=np.full(count, np.nan),
                boxes_2d=labels.boxes_2d,
            )
        )
        number += count
    return truths


def _tracklet_truths(
    folder: Path, drive: kitti.KittiDrive, poses: Callable[[int], Transform], frame: str
) -> list[Truth]:
    path = folder / TRACKLETS_FILE
    if not path.is_file():
        raise DatasetError(f"{folder}: no labels: neither label_2/ of an object folder nor {TRACKLETS_FILE}")
    tracklets = read_tracklets(path)
    return [_tracklet_truth(tracklets, drive, k, poses, frame) for k in range(len(drive.frames))]


def _tracklet_truth(
    tracklets: Sequence[Tracklet], drive: kitti.KittiDrive, k: int, poses: Callable[[int], Transform], frame: str
) -> Truth:
    """Return what is labelled in frame ``k`` of the drive; frames are named by their number."""
    now = drive.frames[k]
    number = int(now.name)
    there = [i for i, t in enumerate(tracklets) if 0 <= number - t.first_frame < len(t.yaw)]
    T_base_velo = now.calibration.T_base_velo
    rows = [number - tracklets[i].first_frame for i in there]
    in_velo: Floats = np.array([tracklets[i].centre[row] for i, row in zip(there, rows, strict=True)]).reshape(-1, 3)
    yaw = np.array([tracklets[i].yaw[row] for i, row in zip(there, rows, strict=True)]) + yaw_of(T_base_velo)
    centre = apply(T_base_velo, in_velo)
    size = np.array([tracklets[i].size for i in there]).reshape(-1, 3)
    T_fixed_base = poses(now.stamp_ns)
    known = frame == ODOM_FRAME
    speeds = [_velocity(tracklets[i], drive, k, poses) if known else np.full(3, np.nan) for i in there]
    return Truth(
        stamp_ns=now.stamp_ns,
        frame=frame or BASE_FRAME,
        ids=np.array(there, dtype=np.int32) + np.int32(1),
        class_ids=np.array([tracklets[i].class_id for i in there], dtype=np.int32),
        centre=apply(T_fixed_base, centre),
        size=size,
        yaw=wrap_angle(yaw + yaw_of(T_fixed_base)),
        velocity=np.array(speeds).reshape(-1, 3),
        yaw_rate=np.full(len(there), np.nan),
        point_count=_count(now, centre, size, yaw),
        visible_fraction=np.full(len(there), np.nan),
        boxes_2d=np.zeros((len(there), 4)),
    )


def _velocity(tracklet: Tracklet, drive: kitti.KittiDrive, k: int, poses: Callable[[int], Transform]) -> Floats:
    """Return the velocity (3,) in odom from the labelled places around frame ``k``; NaN where there is one alone."""
    now = drive.frames[k].stamp_ns
    half = _BASELINE_S / 2.0 * _NS + 1.0
    near = [f for f in drive.frames if abs(f.stamp_ns - now) <= half]
    labelled = [f for f in near if 0 <= int(f.name) - tracklet.first_frame < len(tracklet.yaw)]
    if len(labelled) < 2:
        return np.full(3, np.nan)
    ends = labelled[0], labelled[-1]
    places: list[Floats] = [
        apply(poses(f.stamp_ns) @ f.calibration.T_base_velo, tracklet.centre[int(f.name) - tracklet.first_frame][None])[
            0
        ]
        for f in ends
    ]
    return np.asarray((places[1] - places[0]) * _NS / (ends[1].stamp_ns - ends[0].stamp_ns))


def _count(frame: kitti.KittiFrame, centre: Floats, size: Floats, yaw: Floats) -> NDArray[np.int32]:
    """Return the points of the frame's scan in each of its boxes (M,), given in base_link."""
    points = apply(frame.calibration.T_base_velo, kitti.read_points(frame.points_path)[:, :3].astype(np.float64))
    boxes = zip(centre, size, yaw.tolist(), strict=True)
    return np.array([int(points_in_box(points, *box).sum()) for box in boxes], dtype=np.int32)


def _poses(odometry: KittiOdometry | None) -> Callable[[int], Transform]:
    assert odometry is not None
    stamps, known = odometry.stamp_ns, odometry.T_odom_base

    def pose(stamp_ns: int) -> Transform:
        i = int(np.searchsorted(stamps, stamp_ns))
        if i < len(stamps) and stamps[i] == stamp_ns:
            return np.asarray(known[i])
        if i in (0, len(stamps)):
            raise TransformError(f"stamp {stamp_ns} ns lies outside the drive's GPS/IMU records")
        return transforms.interpolate(known[i - 1], int(stamps[i - 1]), known[i], int(stamps[i]), stamp_ns)

    return pose


def _with_poses(drive: kitti.KittiDrive, poses: Callable[[int], Transform]) -> kitti.KittiDrive:
    """Return the drive without the frames from before the first or after the last pose."""

    def known(frame: kitti.KittiFrame) -> bool:
        try:
            poses(frame.stamp_ns)
        except TransformError:
            return False
        return True

    frames = tuple(filter(known, drive.frames))
    lost = len(drive.frames) - len(frames)
    if not frames:
        raise DatasetError(f"{drive.name}: all scans lie outside the drive's GPS/IMU records")
    note = (f"{lost} scans are left out: they lie outside the drive's GPS/IMU records",) if lost else ()
    return replace(drive, frames=frames, notes=(*drive.notes, *note))


def _dont_care(drive: kitti.KittiDrive) -> Callable[[Obstacles], Obstacles]:
    """Return what takes out the obstacles (in base_link) whose middle falls into a DontCare box of their frame."""
    frames = {frame.stamp_ns: frame for frame in drive.frames}

    def reduce(obstacles: Obstacles) -> Obstacles:
        """Return the obstacles of one scan without those; all of them where nothing is labelled DontCare."""
        frame = frames.get(obstacles.stamp_ns)
        labels = None if frame is None else kitti.load_labels(frame)
        if frame is None or labels is None or not len(labels.dont_care) or not len(obstacles):
            return obstacles
        calibration = frame.calibration
        T_camera_base = invert(calibration.T_base_velo @ calibration.T_velo_camera)
        before_it = apply(T_camera_base, obstacles.centre)
        pixels, valid = calibration.camera.project(before_it)
        low, high = labels.dont_care[None, :, :2], labels.dont_care[None, :, 2:]
        inside = ((pixels[:, None] >= low) & (pixels[:, None] <= high)).all(axis=2).any(axis=1) & valid
        return select(obstacles, ~inside)

    return reduce
