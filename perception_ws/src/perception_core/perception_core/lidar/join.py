"""Which scans of several LiDARs are looked at together.

The first LiDAR that is alive leads: each of its scans makes one joined scan at its stamp, and every other LiDAR adds
the scan of its own that lies nearest in time, within ``JoinConfig.window``. A joined scan waits for those that are
expected, by their own period, and not for those that have fallen silent; when the leading one falls silent the next
takes over with the scans that it had already sent. Works on stamps and arrivals alone, so a replay joins as the robot.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from perception_core.config import Config, param

_NS = 1_000_000_000
_KEPT = 4
"""Scans kept a LiDAR: those still wanted, and the periods of those before."""

_PERIOD_NS = 100_000_000
"""Period of a LiDAR of which only one scan has come."""

_PATIENCE = 1.3
"""A LiDAR counts as silent after this many of its periods: what comes later would be late for the planner."""


@dataclass(frozen=True)
class JoinConfig(Config):
    """How scans of several LiDARs come together; without effect for one."""

    window: float = param(
        0.06,
        "scans of other LiDARs that lie farther than this from the leading one's stay out",
        unit="s",
        low=0.0,
        high=0.5,
    )
    wait: float = param(
        0.03, "a scan waits at most this long for those of the other LiDARs", unit="s", low=0.0, high=0.5
    )


@dataclass(frozen=True, slots=True)
class JoinedScan[T]:
    """Scans that belong together.

    Attributes:
        stamp_ns: that of the leading LiDAR's scan, int nanoseconds.
        scans: by name of the LiDAR, the leading one first; never empty.
        missing: LiDARs without a scan near enough in time.
    """

    stamp_ns: int
    scans: Mapping[str, T]
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Stream[T]:
    """What one LiDAR sent: the newest scans by stamp, and when the last one came."""

    scans: deque[tuple[int, int, T]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    arrived_ns: int | None = None

    @property
    def newest_ns(self) -> int:
        return self.scans[-1][0]

    @property
    def period_ns(self) -> int:
        """Median distance of the stamps; stamps that stand apart by a loss do not count for long."""
        steps = sorted(b[0] - a[0] for a, b in pairwise(self.scans))
        return steps[len(steps) // 2] if steps else _PERIOD_NS

    def silent(self, now_ns: int) -> bool:
        return self.arrived_ns is None or now_ns - self.arrived_ns > _PATIENCE * self.period_ns


class ScanJoin[T]:
    """Joins the scans of some LiDARs; ``now_ns`` is any clock of arrivals: steady on a robot, the log's in a replay."""

    def __init__(self, names: Sequence[str], config: JoinConfig) -> None:
        """Join the LiDARs ``names``, of which earlier ones lead."""
        self._names = tuple(names)
        self._window_ns = round(config.window * _NS)
        self._wait_ns = round(config.wait * _NS)
        self.clear()

    def clear(self) -> None:
        """Forget everything, because time was set back."""
        self._streams: dict[str, _Stream[T]] = {name: _Stream() for name in self._names}
        self._last_ns: int | None = None

    def add(self, name: str, stamp_ns: int, scan: T, now_ns: int) -> list[JoinedScan[T]]:
        """Take a scan that arrived at ``now_ns`` and return the joined scans that are ready, in order of stamps.

        Stamps of one LiDAR have to rise; one set back by more than a second begins everything anew. The scans of a
        LiDAR that is the only one pass as they come.
        """
        if len(self._names) == 1:
            return [JoinedScan(stamp_ns, {name: scan}, ())]
        stream = self._streams[name]
        if stream.scans and stamp_ns < stream.newest_ns - _NS:
            self.clear()
            stream = self._streams[name]
        if not stream.scans or stamp_ns > stream.newest_ns:
            stream.scans.append((stamp_ns, now_ns, scan))
            stream.arrived_ns = now_ns
        return self.due(now_ns)

    def due(self, now_ns: int) -> list[JoinedScan[T]]:
        """Return the joined scans that are ready at ``now_ns``: complete, or their wait is over."""
        ready: list[JoinedScan[T]] = []
        lead = self._leading(now_ns)
        if lead is None:
            return ready
        for stamp_ns, arrived_ns, _ in tuple(self._streams[lead].scans):
            if self._last_ns is not None and stamp_ns <= self._last_ns:
                continue
            over = now_ns - arrived_ns >= self._wait_ns
            if not over and not all(self._settled(name, stamp_ns, now_ns) for name in self._names if name != lead):
                break
            ready.append(self._joined(lead, stamp_ns))
            self._last_ns = stamp_ns
        return ready

    def _leading(self, now_ns: int) -> str | None:
        """Return the first LiDAR that is not silent, else the first that ever spoke."""
        heard = [name for name in self._names if self._streams[name].arrived_ns is not None]
        alive = [name for name in heard if not self._streams[name].silent(now_ns)]
        return next(iter(alive or heard), None)

    def _settled(self, name: str, stamp_ns: int, now_ns: int) -> bool:
        """Tell whether waiting for another scan of a LiDAR cannot bring a nearer one in time."""
        stream = self._streams[name]
        if stream.silent(now_ns) or stream.newest_ns >= stamp_ns:
            return True
        behind = stamp_ns - stream.newest_ns
        ahead = stream.period_ns - behind
        return ahead > self._wait_ns or behind <= ahead

    def _joined(self, lead: str, stamp_ns: int) -> JoinedScan[T]:
        chosen = {lead: self._nearest(lead, stamp_ns)}
        chosen |= {name: self._nearest(name, stamp_ns) for name in self._names if name != lead}
        scans = {name: scan for name, scan in chosen.items() if scan is not None}
        return JoinedScan(stamp_ns, scans, tuple(name for name in self._names if name not in scans))

    def _nearest(self, name: str, stamp_ns: int) -> T | None:
        scans = self._streams[name].scans
        if not scans:
            return None
        stamp, _, scan = min(scans, key=lambda entry: abs(entry[0] - stamp_ns))
        return scan if abs(stamp - stamp_ns) <= self._window_ns else None
