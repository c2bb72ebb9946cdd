"""Camera results waiting for their scan."""

import bisect
from collections.abc import Iterable
from typing import Protocol

from perception_core.fusion.config import FusionConfig

_NS = 1_000_000_000


class Stamped(Protocol):
    """A result of one image: its detections, its label image."""

    @property
    def stamp_ns(self) -> int:
        """Stamp of the image, int nanoseconds."""
        ...


class CameraBuffer[T: Stamped]:
    """A short ring of results of one kind a camera, ordered by stamp.

    A stamp far behind the newest one means that time was set back (a bag looped): the ring of that camera restarts.
    """

    def __init__(self, config: FusionConfig) -> None:
        """Start empty."""
        self._config = config
        self._rings: dict[str, list[T]] = {}

    def add(self, camera: str, result: T) -> None:
        """Keep one result; a second one of the same stamp replaces the first."""
        ring = self._rings.setdefault(camera, [])
        if ring and result.stamp_ns < ring[-1].stamp_ns - _NS:
            ring.clear()
        at = bisect.bisect_left(ring, result.stamp_ns, key=_stamp)
        if at < len(ring) and ring[at].stamp_ns == result.stamp_ns:
            ring[at] = result
        else:
            ring.insert(at, result)
        del ring[: -self._config.buffer_length]

    def nearest(self, camera: str, stamp_ns: int) -> T | None:
        """Return the result nearest in time within ``max_camera_offset`` of ``stamp_ns``, the earlier one on a tie."""
        ring = self._rings.get(camera, [])
        if not ring:
            return None
        best = min(ring, key=lambda d: (abs(d.stamp_ns - stamp_ns), d.stamp_ns))
        close = abs(best.stamp_ns - stamp_ns) <= round(self._config.max_camera_offset * _NS)
        return best if close else None

    def at(self, camera: str, stamp_ns: int) -> T | None:
        """Return the result of the image with exactly this stamp."""
        return next((result for result in self._rings.get(camera, []) if result.stamp_ns == stamp_ns), None)

    def newest_stamp_ns(self, camera: str) -> int | None:
        """Return the newest stamp of a camera, None before its first result."""
        ring = self._rings.get(camera, [])
        return ring[-1].stamp_ns if ring else None

    def waiting_for(self, cameras: Iterable[str], stamp_ns: int) -> tuple[str, ...]:
        """Return the cameras that may still deliver a better result for a scan of ``stamp_ns``.

        A camera is worth waiting for when it delivered within ``camera_memory`` before the scan and nothing at or
        after its stamp yet. Stamps alone decide, so that a replay waits for what the robot would have waited for.
        """
        memory_ns = round(self._config.camera_memory * _NS)
        newest = {camera: self.newest_stamp_ns(camera) for camera in cameras}
        return tuple(c for c, t in newest.items() if t is not None and stamp_ns - memory_ns <= t < stamp_ns)

    def clear(self) -> None:
        """Forget everything, for instance when time jumped."""
        self._rings.clear()


def _stamp(result: Stamped) -> int:
    return result.stamp_ns
