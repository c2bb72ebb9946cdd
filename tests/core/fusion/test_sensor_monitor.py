"""Health of sensors by hand: 10 Hz, late after 0.25 s, missing after 1 s."""

import pytest

from perception_core.fusion.sensor_monitor import SensorMonitor, SensorMonitorConfig, mode_of
from perception_core.types import Mode, SensorKind, SensorState

MS = 1_000_000
SENSORS = {"top": SensorKind.LIDAR, "front": SensorKind.CAMERA}


@pytest.fixture
def monitor() -> SensorMonitor:
    """A LiDAR and a camera, both silent so far."""
    return SensorMonitor(SENSORS, SensorMonitorConfig())


def states(monitor: SensorMonitor, now_ms: int) -> list[SensorState]:
    """States in the order of announcement."""
    return [s.state for s in monitor.statuses(now_ms * MS)]


def test_before_the_first_message_all_is_missing_and_we_are_blind(monitor: SensorMonitor) -> None:
    statuses = monitor.statuses(0)
    assert [s.state for s in statuses] == [SensorState.MISSING] * 2
    assert statuses[0].reason == "nothing received yet"
    assert mode_of(statuses) is Mode.BLIND


def test_rate_and_ageing(monitor: SensorMonitor) -> None:
    for stamp in (0, 100, 200, 300):
        monitor.delivered("top", stamp * MS)
    assert monitor.statuses(300 * MS)[0].rate_hz == pytest.approx(10.0)
    assert states(monitor, 550)[0] is SensorState.OK
    assert states(monitor, 551)[0] is SensorState.LATE
    assert states(monitor, 1_301)[0] is SensorState.MISSING
    assert monitor.statuses(1_301 * MS)[0].reason == "silent for 1.00 s"
    assert monitor.statuses(1_301 * MS)[0].rate_hz == 0.0


def test_a_fault_lasts_until_the_next_good_result(monitor: SensorMonitor) -> None:
    monitor.failed("front", "unknown encoding 'x'")
    assert monitor.statuses(0)[1].state is SensorState.FAULTY
    assert monitor.statuses(0)[1].reason == "unknown encoding 'x'"
    monitor.delivered("front", 10 * MS)
    assert states(monitor, 10)[1] is SensorState.OK


def test_a_sensor_that_delivers_and_is_not_to_be_trusted_stays_faulty_until_it_is_well(monitor: SensorMonitor) -> None:
    monitor.impaired("top", "half of it is covered")
    for stamp in (0, 100, 200):
        monitor.delivered("top", stamp * MS)
    status = monitor.statuses(200 * MS)[0]
    assert (status.state, status.reason) == (SensorState.FAULTY, "half of it is covered")
    assert status.rate_hz == pytest.approx(10.0)
    assert states(monitor, 451)[0] is SensorState.LATE
    monitor.impaired("top", "")
    assert states(monitor, 200)[0] is SensorState.OK


def test_time_set_back_starts_over(monitor: SensorMonitor) -> None:
    monitor.delivered("top", 60_000 * MS)
    monitor.delivered("top", 100 * MS)
    assert states(monitor, 150)[0] is SensorState.OK
    assert monitor.statuses(150 * MS)[0].last_stamp_ns == 100 * MS


def test_an_unannounced_sensor_is_a_mistake(monitor: SensorMonitor) -> None:
    with pytest.raises(KeyError):
        monitor.delivered("rear", 0)


@pytest.mark.parametrize(
    ("delivering", "mode"),
    [
        ((), Mode.BLIND),
        (("top",), Mode.LIDAR_ONLY),
        (("front",), Mode.CAMERA_ONLY),
        (("top", "front"), Mode.FUSED),
    ],
)
def test_the_mode_is_what_is_left(monitor: SensorMonitor, delivering: tuple[str, ...], mode: Mode) -> None:
    for name in delivering:
        monitor.delivered(name, 0)
    assert mode_of(monitor.statuses(0)) is mode


def test_a_camera_that_only_labels_pixels_helps_a_lidar_and_sees_nothing_alone(monitor: SensorMonitor) -> None:
    monitor.delivered("front", 0)
    assert mode_of(monitor.statuses(0), frozenset({"front"})) is Mode.BLIND
    monitor.delivered("top", 0)
    assert mode_of(monitor.statuses(0), frozenset({"front"})) is Mode.FUSED
