"""The LiDAR contenders: ours, and what people use today, each as a function of one scan.

The recipe is the same for all peers: voxels of 10 cm, a RANSAC plane within 20 cm and 100 tries, clusters at 0.6 m of
at least 8 voxels, a box around each. They get the points as our crop keeps them in range.
"""

import contextlib
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import PerceptionError
from perception_core.geometry.transforms import Transform
from perception_core.types import PointCloud
from perception_tools.benchmarks.measure import Timed

if TYPE_CHECKING:
    from perception_core.lidar.processor import LidarProcessor

OURS, OPEN3D, SKLEARN, PCL, PATCHWORK = "ours", "Open3D", "scikit-learn DBSCAN", "PCL tools", "Patchwork++"
OUR_GROUND, OPEN3D_PLANE, OUR_PATH = "ours, ground", "Open3D, plane", "ours, whole path"
NOTHING = "nothing"
"""A contender that does nothing: what its process needs, those of the others need too."""

VOXEL, PLANE_DISTANCE, PLANE_TRIES, GAP, LEAST = 0.1, 0.2, 100, 0.6, 8

PCL_TOOLS = "pcl_voxel_grid", "pcl_sac_segmentation_plane", "pcl_cluster_extraction"
_SAME_HEIGHT = 0.3
"""Metres; what Patchwork++ learns about the height of its sensor while driving."""
_PCL_TIME = re.compile(r"\[done, ([0-9.]+) ms")

_SMALL_PARENT = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
"""Runs a tool and prints its peak in KiB: a child starts with the peak of its parent, which is to be small."""

Call = Callable[["Scan"], object]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a contender gets: a cloud in the sensor's frame and ``T_base_lidar`` (4, 4)."""

    cloud: PointCloud
    T_base_lidar: Transform


def whole_path() -> tuple[dict[str, Call], list[str]]:
    """Return the contenders from scan to boxes, ours first, and a line about each that is missing."""
    return _present(OURS, OPEN3D, SKLEARN, PCL)


def ground_only() -> tuple[dict[str, Call], list[str]]:
    """Return the contenders that find the ground, ours first, and our whole path beside them."""
    return _present(OUR_GROUND, PATCHWORK, OPEN3D_PLANE, OUR_PATH)


def contender(name: str) -> Call:
    """Return one contender by its name, with no library loaded that another one needs."""
    return _MAKERS[name]()


def missing(name: str) -> str | None:
    """Return a line about a contender that is not installed; None for one that is."""
    if name == SKLEARN and importlib.util.find_spec("sklearn") is None:
        return f"{SKLEARN}: not installed: make bench, or pip install scikit-learn"
    if name == PATCHWORK and importlib.util.find_spec("pypatchworkpp") is None:
        return f"{PATCHWORK}: not installed: make bench, or pip install pypatchworkpp"
    if name == PCL and not all(map(shutil.which, PCL_TOOLS)):
        return f"{PCL}: not installed: apt install pcl-tools"
    return None


def _present(*names: str) -> tuple[dict[str, Call], list[str]]:
    lines = {name: missing(name) for name in names}
    return (
        {name: contender(name) for name, line in lines.items() if line is None},
        [line for line in lines.values() if line is not None],
    )


def ours() -> Call:
    """Our whole path, compiled."""
    processor = _processor()
    return lambda scan: processor.process(scan.cloud, scan.T_base_lidar)


def ours_ground() -> Call:
    """Crop and ground of our path, by the path's own clock."""
    processor = _processor()

    def call(scan: Scan) -> Timed:
        laps = processor.process(scan.cloud, scan.T_base_lidar).timings_ms
        return Timed(laps["crop"] + laps["ground"])

    return call


def open3d_path(scan: Scan) -> object:
    """Open3D: voxels, plane, DBSCAN, boxes."""
    rest = _open3d_rest(scan)
    return _boxes(np.asarray(rest.points), np.asarray(rest.cluster_dbscan(GAP, LEAST)))


def open3d_plane(scan: Scan) -> NDArray[np.bool_]:
    """Open3D's RANSAC on all points: bool (N,) within :data:`PLANE_DISTANCE` of the plane."""
    _plane, inliers = _open3d_cloud(scan).segment_plane(PLANE_DISTANCE, 3, PLANE_TRIES)
    ground = np.zeros(len(scan.cloud), dtype=np.bool_)
    ground[np.asarray(inliers, dtype=np.intp)] = True
    return ground


def sklearn_path(scan: Scan) -> object:
    """Open3D's voxels and plane, then the DBSCAN of scikit-learn on the same points, boxes."""
    from sklearn.cluster import DBSCAN

    points = np.asarray(_open3d_rest(scan).points)
    return _boxes(points, DBSCAN(eps=GAP, min_samples=LEAST, n_jobs=1).fit_predict(points))


def pcl_path(scan: Scan) -> Timed:
    """PCL's command line tools on PCD files; the time is what they print for the work, without files and starts."""
    import open3d as o3d

    with tempfile.TemporaryDirectory() as folder:
        names = ("raw.pcd", "small.pcd", "plane.pcd", "rest.pcd", "out.pcd")
        raw, small, plane, rest, out = (Path(folder) / name for name in names)
        o3d.io.write_point_cloud(raw, _open3d_cloud(scan))
        steps = [
            _pcl(PCL_TOOLS[0], raw, small, "-leaf", f"{VOXEL},{VOXEL},{VOXEL}"),
            _pcl(PCL_TOOLS[1], small, plane, "-thresh", str(PLANE_DISTANCE), "-max_it", str(PLANE_TRIES)),
        ]
        voxels, flat = (np.asarray(o3d.io.read_point_cloud(path).points) for path in (small, plane))
        above = voxels[~_contained(voxels, flat)]
        o3d.io.write_point_cloud(rest, o3d.geometry.PointCloud(o3d.utility.Vector3dVector(above)))
        steps.append(_pcl(PCL_TOOLS[2], rest, out, "-tolerance", str(GAP), "-min", str(LEAST), "-max", "10000000"))
    return Timed(sum(step.ms for step in steps), max(step.peak_rss_mib for step in steps))


class Patchwork:
    """Patchwork++ with its own parameters and the height of the sensor; it adapts from scan to scan."""

    def __init__(self) -> None:
        self._estimator: Any = None
        self._height = float("nan")

    def __call__(self, scan: Scan) -> NDArray[np.bool_]:
        """Return bool (N,) ground."""
        height = float(scan.T_base_lidar[2, 3])
        if not abs(height - self._height) < _SAME_HEIGHT:
            self._estimator, self._height = _patchwork(height), height
        self._estimator.estimateGround(self.columns(scan))
        ground = np.zeros(len(scan.cloud), dtype=np.bool_)
        ground[np.asarray(self._estimator.getGroundIndices(), dtype=np.intp)] = True
        return ground

    @staticmethod
    def columns(scan: Scan) -> NDArray[np.float32]:
        """Return x, y, z from the sensor in the axes of the base frame, and intensity in [0, 1] (KITTI's scale)."""
        xyz = scan.cloud.xyz @ scan.T_base_lidar[:3, :3].T.astype(np.float32)
        intensity = scan.cloud.intensity
        if intensity is None:
            intensity = np.ones(len(xyz), dtype=np.float32)
        scale = 255.0 if intensity.max(initial=0.0) > 1.0 else 1.0
        return np.column_stack([xyz, intensity / np.float32(scale)]).astype(np.float32)


def _processor() -> "LidarProcessor":
    from perception_core.lidar.config import LidarConfig
    from perception_core.lidar.processor import LidarProcessor

    processor = LidarProcessor(LidarConfig())
    processor.warm_up()
    return processor


def _open3d_cloud(scan: Scan) -> Any:
    import open3d as o3d

    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(scan.cloud.xyz.astype(np.float64)))


def _open3d_rest(scan: Scan) -> Any:
    small = _open3d_cloud(scan).voxel_down_sample(VOXEL)
    _plane, ground = small.segment_plane(PLANE_DISTANCE, 3, PLANE_TRIES)
    return small.select_by_index(ground, invert=True)


def _boxes(points: NDArray[np.float64], labels: NDArray[Any]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return lowest and highest corner of each cluster."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(int(labels.max(initial=-1)) + 2))
    groups = [points[order[a:b]] for a, b in itertools.pairwise(starts)]
    return [(group.min(axis=0), group.max(axis=0)) for group in groups]


def _patchwork(height: float) -> Any:
    import pypatchworkpp

    parameters = pypatchworkpp.Parameters()
    parameters.sensor_height = height
    with _standard_output_to_error():
        return pypatchworkpp.patchworkpp(parameters)


@contextlib.contextmanager
def _standard_output_to_error() -> Iterator[None]:
    """Keep what a library prints out of our standard output, which may be one JSON object."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)


def _pcl(tool: str, source: Path, target: Path, *options: str) -> Timed:
    """Run a tool: the milliseconds of its work, which is the second time it prints, after that of loading."""
    command = [sys.executable, "-S", "-c", _SMALL_PARENT, tool, str(source), str(target), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    times = [float(text) for text in _PCL_TIME.findall(done.stdout + done.stderr)]
    if done.returncode or len(times) < 2:
        raise PerceptionError(f"{tool}: exit status {done.returncode}, {len(times)} times printed")
    return Timed(times[1], float(done.stdout.split()[-1]) / 1024.0)


def _contained(points: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which float32 points (N, 3) are among others, exactly."""
    kind = np.dtype((np.void, 12))
    keys = [np.ascontiguousarray(array, dtype=np.float32).view(kind).ravel() for array in (points, among)]
    found: NDArray[np.bool_] = np.isin(keys[0], keys[1])
    return found


_MAKERS: dict[str, Callable[[], Call]] = {
    OURS: ours,
    OUR_GROUND: ours_ground,
    OUR_PATH: ours,
    OPEN3D: lambda: open3d_path,
    OPEN3D_PLANE: lambda: open3d_plane,
    SKLEARN: lambda: sklearn_path,
    PCL: lambda: pcl_path,
    PATCHWORK: Patchwork,
    NOTHING: lambda: lambda _: None,
}
