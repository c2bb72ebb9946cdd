"""When the cameras have to stand alone: no scan for a while, and none on its way."""

from collections.abc import Sequence

from perception_core.fusion.config import FusionConfig

_NS = 1_000_000_000


class LidarWatch:
    """Collects the moments of images and hands out those for which no scan came.

    Each image waits ``lidar_wait`` for the scan of its own moment, so that a LiDAR slower than ``lidar_timeout``
    (or a scan that took a little longer than its image) does not make the cameras speak over it. The arrival clock may
    be any, wall time on a robot and the recording's time in a replay; stamps are those of the data.
    """

    def __init__(self, config: FusionConfig, cameras: Sequence[str]) -> None:
        """Watch for ``cameras``, the most important first."""
        self._wait_ns = round(config.lidar_wait * _NS)
        self._timeout_ns = round(config.lidar_timeout * _NS)
        self._memory_ns = round(config.camera_memory * _NS)
        self._cameras = tuple(cameras)
        self._newest: dict[str, int] = {}
        self._pending: list[tuple[int, str, int]] = []
        self._last_scan_ns: int | None = None
        self._last_arrival_ns: int | None = None

    def scan(self, stamp_ns: int, now_ns: int) -> None:
        """Note a scan that arrived at ``now_ns``."""
        self._last_scan_ns = stamp_ns
        self._last_arrival_ns = now_ns

    def image(self, camera: str, stamp_ns: int, now_ns: int) -> None:
        """Note an image that arrived at ``now_ns``; before the first scan the timeout counts from the first image."""
        if self._last_scan_ns is None:
            self._last_scan_ns = stamp_ns
        self._newest[camera] = stamp_ns
        self._pending.append((now_ns, camera, stamp_ns))

    def due(self, now_ns: int) -> list[int]:
        """Return the stamps, in order of arrival, at which the cameras must place objects alone.

        Of several cameras the first one that is alive gives the moments; the others' results join its own.
        """
        due: list[int] = []
        while self._pending and now_ns >= self._pending[0][0] + self._wait_ns:
            _, camera, stamp_ns = self._pending.pop(0)
            alive = [c for c in self._cameras if stamp_ns - self._newest.get(c, -_NS) <= self._memory_ns]
            if self._is_silent(stamp_ns, now_ns) and alive[:1] == [camera]:
                due.append(stamp_ns)
        return due

    def _is_silent(self, stamp_ns: int, now_ns: int) -> bool:
        """Tell whether the LiDAR stays away by its stamps and by its arrivals: scans that come late still come."""
        by_stamp = self._last_scan_ns is None or stamp_ns - self._last_scan_ns > self._timeout_ns
        by_arrival = self._last_arrival_ns is None or now_ns - self._last_arrival_ns > self._timeout_ns
        return by_stamp and by_arrival

    def clear(self) -> None:
        """Forget everything, for instance when time jumped."""
        self._newest.clear()
        self._pending.clear()
        self._last_scan_ns = self._last_arrival_ns = None
