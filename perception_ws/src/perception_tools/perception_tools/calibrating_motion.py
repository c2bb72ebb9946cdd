"""How the robot moved around a scan, for the calibration check: from /tf, body rates, or the scans themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu

from perception_core.calibration.scan_motion import Planes, motion_between, planes_of
from perception_core.errors import PerceptionError, TransformError
from perception_core.geometry.transforms import Transform, apply
from perception_core.lidar.ego_path import EgoPath, path_from_transforms
from perception_core.lidar.rates import RateHistory
from perception_core.types import PointCloud
from perception_nodes.conversions.rates import BodyRates, rates_from_imu, rates_from_odometry
from perception_tools.bags import BagReader, decoded
from perception_tools.calibrating_source import Source
from perception_tools.transforms import RecordedTransforms

_NS = 1_000_000_000
_REGISTERED = 0.4
"""Share of the flat places of a scan that have to lie on planes of the next, or their registration is not believed."""


@dataclass(frozen=True, slots=True)
class PlacedScan:
    """A scan and where its sensor is mounted.

    Attributes:
        cloud: in the sensor's frame.
        T_base_lidar: float64 (4, 4).
    """

    cloud: PointCloud
    T_base_lidar: Transform


class EgoMotion:
    """Paths of the base frame in a recording; counts where they came from."""

    def __init__(self, bag: BagReader, source: Source, transforms: RecordedTransforms) -> None:
        """Read the body rates."""
        self._source = source
        self._transforms = transforms
        self._rates = _rates(bag, source)
        self._planes: dict[int, Planes] = {}
        self.origins: dict[str, int] = {}

    def path(self, scans: Mapping[int, PlacedScan], number: int, begin_ns: int, end_ns: int) -> EgoPath | None:
        """Return the path of the base around [begin, end], None where nobody knows it.

        Args:
            scans: by number, the one before or after among them where there is no odometry.
            number: of the scan it is asked for.
            begin_ns: stamp.
            end_ns: stamp.
        """
        for origin, path in (
            ("odometry on /tf", self._from_transforms(begin_ns, end_ns)),
            ("body rates", self._from_rates(begin_ns, end_ns)),
            ("registration of the scans", self._from_scans(scans, number)),
        ):
            if path is not None:
                self.origins[origin] = self.origins.get(origin, 0) + 1
                return path
        return None

    def _from_transforms(self, begin_ns: int, end_ns: int) -> EgoPath | None:
        base = self._source.base_frame
        for fixed in self._source.fixed_frames:
            try:
                path = path_from_transforms(partial(self._transforms.lookup, fixed, base), begin_ns, end_ns)
            except TransformError:
                continue
            if path.missing_ns(begin_ns, end_ns) < (end_ns - begin_ns) // 2:
                return path
        return None

    def _from_rates(self, begin_ns: int, end_ns: int) -> EgoPath | None:
        history = RateHistory()
        for rates in self._rates:
            if begin_ns - _NS < rates.stamp_ns < end_ns + _NS:
                try:
                    T_base_frame = self._transforms.lookup(self._source.base_frame, rates.frame, rates.stamp_ns)
                except TransformError:
                    return None
                history.add(rates.stamp_ns, rates.angular, rates.linear, T_base_frame)
        try:
            path = history.path(begin_ns, end_ns)
        except TransformError:
            return None
        return None if path.turns_only else path

    def _from_scans(self, scans: Mapping[int, PlacedScan], number: int) -> EgoPath | None:
        """Return two poses: of the scan, and of the one after or before it."""
        other = next((n for n in (number + 1, number - 1) if n in scans), None)
        if other is None:
            return None
        first, second = sorted((number, other))
        stamps = np.array([scans[n].cloud.stamp_ns for n in (first, second)], np.int64)
        if not 0 < stamps[1] - stamps[0] < _NS:
            return None
        T_first_second, share = motion_between(self._planes_of(scans, first), self._planes_of(scans, second))
        if share < _REGISTERED:
            return None
        return EgoPath(stamps, np.stack([np.eye(4), T_first_second]))

    def _planes_of(self, scans: Mapping[int, PlacedScan], number: int) -> Planes:
        if number not in self._planes:
            scan = scans[number]
            self._planes[number] = planes_of(apply(scan.T_base_lidar, scan.cloud.xyz.astype(np.float64)))
        return self._planes[number]


def _rates(bag: BagReader, source: Source) -> list[BodyRates]:
    found = []
    for message in bag.messages([topic for topic in (source.odometry, source.imu) if topic][:1]):
        try:
            if source.odometry:
                found.append(rates_from_odometry(decoded(bag.path, message, Odometry)))
            else:
                found.append(rates_from_imu(decoded(bag.path, message, Imu)))
        except PerceptionError:
            continue  # a replay drops it, too
    return found
