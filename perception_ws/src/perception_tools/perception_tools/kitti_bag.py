"""A KITTI drive as a recording.

Topics are named as in the recordings that kitti2bag users know, on ROS 2: ``/kitti/camera_color_left/image_raw`` and
``camera_info`` (frame ``camera_color_left``), ``/kitti/velo/pointcloud`` (frame ``velo_link``). ``base_link`` lies on
the ground under the velodyne; /tf_static leads base_link -> velo_link -> camera_color_left; a drive with oxts records
gets odom -> base_link on /tf. Labels go to /ground_truth/obstacles in base_link and into OUT.labels.json.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from perception_core.datasets import kitti
from perception_core.datasets.kitti_calibration import BASE_FRAME, LIDAR_FRAME
from perception_core.types import CLASSES, PointCloud
from perception_tools.drive_writer import DriveTopics, DriveWriter
from perception_tools.output import progress, say
from perception_tools.truth import truth_obstacles

TOPICS = DriveTopics(
    image="/kitti/camera_color_left/image_raw",
    camera_info="/kitti/camera_color_left/camera_info",
    points="/kitti/velo/pointcloud",
)
ODOM_FRAME = "odom"


def convert_kitti(folder: Path, output: Path) -> dict[str, Any]:
    """Write ``output`` (and ``output`` with .labels.json where the drive has labels); return what was written.

    Raises:
        DatasetError: the folder is no KITTI drive, or a file in it is malformed.
        BagError: ``output`` cannot be written.
    """
    drive = kitti.read(folder)
    for note in drive.notes:
        say(note)
    truth: list[dict[str, Any]] = []
    with DriveWriter(output, TOPICS) as bag:
        if drive.odometry is not None:
            for stamp_ns, T_odom_base in zip(drive.odometry.stamp_ns, drive.odometry.T_odom_base, strict=True):
                bag.transform(int(stamp_ns), ODOM_FRAME, BASE_FRAME, T_odom_base)
        calibration = None
        for frame in progress(drive.frames, desc=f"converting {drive.name}", unit="frame"):
            if frame.calibration is not calibration:
                calibration = frame.calibration
                _write_calibration(bag, frame)
            _write_frame(bag, frame)
            truth += _write_labels(bag, frame)
    labels = _write_truth(output, truth) if truth or drive.frames[0].labels_path else None
    span_ns = drive.frames[-1].stamp_ns - drive.frames[0].stamp_ns
    return {
        "output": str(output),
        "frames": len(drive.frames),
        "skipped": drive.skipped,
        "duration_s": span_ns * 1e-9,
        "odometry": drive.odometry is not None,
        "labels": None if labels is None else str(labels),
        "size_mb": output.stat().st_size / 1e6,
    }


def _write_calibration(bag: DriveWriter, frame: kitti.KittiFrame) -> None:
    calibration = frame.calibration
    camera = calibration.camera.frame
    bag.static_transforms(
        min(frame.stamp_ns, frame.image_stamp_ns),
        [(BASE_FRAME, LIDAR_FRAME, calibration.T_base_velo), (LIDAR_FRAME, camera, calibration.T_velo_camera)],
    )


def _write_frame(bag: DriveWriter, frame: kitti.KittiFrame) -> None:
    bag.image(frame.image_stamp_ns, kitti.read_image(frame.image_path), frame.calibration.camera)
    points = kitti.read_points(frame.points_path)
    bag.cloud(PointCloud(points[:, :3], frame.stamp_ns, LIDAR_FRAME, intensity=points[:, 3]))


def _write_labels(bag: DriveWriter, frame: kitti.KittiFrame) -> list[dict[str, Any]]:
    labels = kitti.load_labels(frame)
    if labels is None:
        return []
    obstacles = truth_obstacles(
        stamp_ns=frame.stamp_ns,
        frame=BASE_FRAME,
        names=[f"{frame.name}/{i}" for i in range(len(labels))],
        class_ids=labels.class_ids,
        centre=labels.centre,
        size=labels.size,
        yaw=labels.yaw,
    )
    bag.truth(obstacles)
    objects = [
        {
            "type": labels.types[i],
            "class": CLASSES[labels.class_ids[i]],
            "centre": np.round(labels.centre[i], 4).tolist(),
            "size": labels.size[i].tolist(),
            "yaw": round(float(labels.yaw[i]), 5),
            "box_2d": labels.boxes_2d[i].tolist(),
            "truncation": float(labels.truncation[i]),
            "occlusion": int(labels.occlusion[i]),
        }
        for i in range(len(labels))
    ]
    entry = {"name": frame.name, "stamp_ns": frame.stamp_ns, "objects": objects, "dont_care": labels.dont_care.tolist()}
    return [entry]


def _write_truth(output: Path, frames: list[dict[str, Any]]) -> Path:
    path = output.with_suffix(".labels.json")
    path.write_text(json.dumps({"frame": BASE_FRAME, "units": "m, rad", "frames": frames}, indent=1) + "\n")
    return path
