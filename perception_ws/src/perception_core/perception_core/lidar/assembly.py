"""From joined scans to clouds at one stamp: mounts looked up, ego motion within and between sweeps taken out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from perception_core.config import Config, param
from perception_core.errors import TransformError
from perception_core.geometry.transforms import Transform
from perception_core.lidar.deskew import deskew, sweep_of
from perception_core.lidar.ego_path import EgoPath, path_from_transforms
from perception_core.lidar.join import JoinedScan
from perception_core.lidar.rates import RateHistory
from perception_core.types.cloud import PointCloud

type Lookup = Callable[[str, str, int], Transform]
"""``T_target_source`` at a stamp in ns, or TransformError (tf2's, or a recording's)."""

NO_TIMES = "no: the cloud has no times"
NO_ODOMETRY = "no: no odometry (fixed_frame, odometry_topic and imu_topic are empty)"
SWITCHED_OFF = "no: switched off"
NO_POSES = "no: odometry does not cover the sweep"
PARTLY = "partly: odometry does not cover all of the sweep"
YES = "yes"
ROTATION_ONLY = "rotation only: a gyro knows no translation"


@dataclass(frozen=True)
class DeskewConfig(Config):
    """How ego motion is taken out of a sweep."""

    enabled: bool = param(True, "take ego motion out of sweeps whose points have times, where odometry is known")
    max_extrapolation: float = param(
        0.06,
        "the motion is taken to go on for at most this long before the first and after the last known pose",
        unit="s",
        low=0.0,
        high=0.3,
    )
    wait: float = param(
        0.02,
        "a scan waits at most this long for poses when they end earlier than that; then it takes what is there",
        unit="s",
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True, slots=True)
class AssembledScan:
    """The clouds of one joined scan, all as seen at its stamp.

    Attributes:
        stamp_ns: int nanoseconds.
        clouds: (cloud in its sensor's frame, T_base_sensor) of each LiDAR, the leading one first.
        names: of those LiDARs.
        deskewed: by LiDAR one of the phrases of this module: ``yes``, ``partly: ...``, ``no: ...``.
        left_out: LiDARs whose mount is not known, and why.
        extrapolated_ns: how far the sweeps reach beyond the known poses.
    """

    stamp_ns: int
    clouds: tuple[tuple[PointCloud, Transform], ...]
    names: tuple[str, ...]
    deskewed: Mapping[str, str]
    left_out: Mapping[str, str]
    extrapolated_ns: int


class ScanAssembler:
    """Brings the clouds of a joined scan to its stamp; remembers only what it has waited for in vain."""

    def __init__(
        self, config: DeskewConfig, base_frame: str, fixed_frame: str, lookup: Lookup, rates: RateHistory | None = None
    ) -> None:
        """Take poses from ``fixed_frame`` ('' without odometry), or else from ``rates``."""
        self._config = config
        self._base = base_frame
        self._fixed = fixed_frame
        self._lookup = lookup
        self._rates = rates
        self._reach_ns = round(config.max_extrapolation * 1e9)
        self._in_vain: set[str] = set()

    def assemble(self, scan: JoinedScan[PointCloud], patient: bool) -> AssembledScan:
        """Return the clouds at the scan's stamp.

        Args:
            scan: as a ScanJoin gives it.
            patient: something that is missing may still come: ask again later. False takes what is there.

        Raises:
            TransformError: a mount or pose that is worth waiting for; or no mount at all.
        """
        mounts, left_out = self._mounts(scan, patient)
        path, why = self._path(scan, patient)
        clouds, states = [], {}
        for name, T_base_sensor in mounts.items():
            cloud, states[name] = self._moved(scan.scans[name], scan.stamp_ns, T_base_sensor, path, why)
            clouds.append((cloud, T_base_sensor))
        beyond = 0 if path is None else path.missing_ns(*_span(scan))
        return AssembledScan(scan.stamp_ns, tuple(clouds), tuple(mounts), states, left_out, beyond)

    def _mounts(self, scan: JoinedScan[PointCloud], patient: bool) -> tuple[dict[str, Transform], dict[str, str]]:
        mounts: dict[str, Transform] = {}
        left_out: dict[str, str] = {}
        missing: TransformError | None = None
        for name, cloud in scan.scans.items():
            try:
                mounts[name] = self._lookup(self._base, cloud.frame, cloud.stamp_ns)
                self._in_vain.discard(name)
            except TransformError as error:
                if patient and name not in self._in_vain:
                    raise
                missing, left_out[name] = error, str(error)
        if missing is not None and not mounts:
            raise missing
        self._in_vain.update(left_out)
        return mounts, left_out

    def _path(self, scan: JoinedScan[PointCloud], patient: bool) -> tuple[EgoPath | None, str]:
        """Return how the base moved through all sweeps, or None and why not."""
        if not self._config.enabled:
            return None, SWITCHED_OFF
        if not self._fixed and self._rates is None:
            return None, NO_ODOMETRY
        begin_ns, end_ns = _span(scan)
        if begin_ns == end_ns:
            return None, NO_TIMES
        try:
            path = self._known_path(begin_ns, end_ns)
            if path.missing_ns(begin_ns, end_ns) > self._reach_ns and patient and "" not in self._in_vain:
                raise TransformError(f"odometry lacks {path.missing_ns(begin_ns, end_ns) * 1e-6:.1f} ms of the sweep")
        except TransformError:
            if patient and "" not in self._in_vain:
                raise
            self._in_vain.add("")
            return None, NO_POSES
        if path.missing_ns(begin_ns, end_ns) > self._reach_ns:
            return path, PARTLY
        self._in_vain.discard("")
        return path, YES

    def _known_path(self, begin_ns: int, end_ns: int) -> EgoPath:
        if self._fixed:
            try:
                return path_from_transforms(lambda ns: self._lookup(self._fixed, self._base, ns), begin_ns, end_ns)
            except TransformError:
                if self._rates is None:
                    raise
        assert self._rates is not None
        return self._rates.path(begin_ns, end_ns)

    def _moved(
        self, cloud: PointCloud, stamp_ns: int, T_base_sensor: Transform, path: EgoPath | None, why: str
    ) -> tuple[PointCloud, str]:
        if path is None:
            return cloud, why
        moved = deskew(cloud, path.seen_from(T_base_sensor), stamp_ns, self._reach_ns)
        if cloud.time_offset_ns is None:
            return moved, NO_TIMES
        return moved, ROTATION_ONLY if path.turns_only else why


def _span(scan: JoinedScan[PointCloud]) -> tuple[int, int]:
    """Return stamps in ns of the first and last point of all sweeps, the joint stamp among them."""
    ends = [stamp for cloud in scan.scans.values() for stamp in sweep_of(cloud)]
    return min(*ends, scan.stamp_ns), max(*ends, scan.stamp_ns)
