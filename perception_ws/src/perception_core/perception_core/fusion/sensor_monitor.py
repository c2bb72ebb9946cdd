"""Health of each sensor from the stamps of what it delivered: OK, late, missing or faulty, and why.

Works on stamps alone, so a replay judges the sensors as the robot did.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from perception_core.config import Config, param
from perception_core.types import Mode, SensorKind, SensorState, SensorStatus

_NS = 1_000_000_000


@dataclass(frozen=True)
class SensorMonitorConfig(Config):
    """When a sensor counts as late or missing."""

    late_after: float = param(0.25, "a sensor silent for this long is late", unit="s", low=0.01, high=10.0)
    missing_after: float = param(1.0, "a sensor silent for this long is missing", unit="s", low=0.05, high=60.0)
    rate_window: int = param(20, "messages over which the rate is taken", low=2, high=1000)


@dataclass(slots=True)
class _History:
    kind: SensorKind
    stamps: deque[int]
    fault: str = field(default="")
    impairment: str = field(default="")


class SensorMonitor:
    """Remembers the last stamps of each expected sensor."""

    def __init__(self, sensors: Mapping[str, SensorKind], config: SensorMonitorConfig) -> None:
        """Expect ``sensors`` by name; each is missing until it delivers."""
        self._config = config
        self._histories = {name: _History(kind, deque(maxlen=config.rate_window)) for name, kind in sensors.items()}

    def delivered(self, name: str, stamp_ns: int) -> None:
        """Note a good result of a sensor; a stamp set back by more than a second restarts its history.

        Raises:
            KeyError: the sensor was not announced.
        """
        history = self._histories[name]
        if history.stamps and stamp_ns < history.stamps[-1] - _NS:
            history.stamps.clear()
        if not history.stamps or stamp_ns > history.stamps[-1]:
            history.stamps.append(stamp_ns)
        history.fault = ""

    def failed(self, name: str, reason: str) -> None:
        """Note that a sensor's data could not be used; it stays faulty until its next good result."""
        self._histories[name].fault = reason

    def impaired(self, name: str, reason: str) -> None:
        """Note why a sensor that delivers is not to be trusted; it stays faulty until told of an empty reason."""
        self._histories[name].impairment = reason

    def statuses(self, now_ns: int) -> tuple[SensorStatus, ...]:
        """Return the health of every announced sensor at ``now_ns``, in the order of announcement."""
        return tuple(self._status(name, history, now_ns) for name, history in self._histories.items())

    def _status(self, name: str, history: _History, now_ns: int) -> SensorStatus:
        stamps = history.stamps
        last = stamps[-1] if stamps else 0
        rate = (len(stamps) - 1) * _NS / (last - stamps[0]) if len(stamps) > 1 else 0.0
        age = (now_ns - last) / _NS
        if history.fault:
            state, reason = SensorState.FAULTY, history.fault
        elif not stamps:
            state, reason = SensorState.MISSING, "nothing received yet"
        elif age > self._config.missing_after:
            state, reason = SensorState.MISSING, f"silent for {age:.2f} s"
        elif age > self._config.late_after:
            state, reason = SensorState.LATE, f"silent for {age:.2f} s"
        elif history.impairment:
            state, reason = SensorState.FAULTY, history.impairment
        else:
            state, reason = SensorState.OK, ""
        if state == SensorState.MISSING or history.fault:
            rate = 0.0
        return SensorStatus(name, history.kind, state, last, rate, reason)


def mode_of(statuses: tuple[SensorStatus, ...], labels_only: frozenset[str] = frozenset()) -> Mode:
    """Return what the perception can stand on given the health of its sensors; late counts as present.

    Args:
        statuses: of all sensors.
        labels_only: names of cameras that only label pixels: they help a LiDAR, and place nothing without one.
    """
    alive = [s for s in statuses if s.state in (SensorState.OK, SensorState.LATE)]
    cameras = [s.name for s in alive if s.kind == SensorKind.CAMERA]
    if any(s.kind == SensorKind.LIDAR for s in alive):
        return Mode.FUSED if cameras else Mode.LIDAR_ONLY
    return Mode.CAMERA_ONLY if set(cameras) - labels_only else Mode.BLIND
