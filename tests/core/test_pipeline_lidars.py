"""The pipeline with several LiDARs, deskewing, and sensors that go on sending and see nothing."""

import dataclasses

import numpy as np
import pytest
from simulated_drive import NAMESPACE, RIG, RecordedDrive, run, status

from perception_core.pipeline import Pipeline, PipelineConfig, PipelineResult, Rig
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import Mode, PointCloud, SensorState

TWO = Rig("top", (), "base_link", "odom", other_lidars=("rear",), deskew_frame="odom")


class ExactDrive(RecordedDrive):
    """The same drive with poses at any stamp, and one LiDAR's mount under a second name."""

    def __init__(self, simulation: Simulation, frames: list[SimulatedFrame]) -> None:
        super().__init__(simulation, frames)
        self._simulation = simulation
        self._mounts["lidar_rear"] = self._mounts["lidar_top"]

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        if target == source:
            return np.eye(4)
        if (target, source) == ("odom", "base_link"):
            return self._simulation.odom_pose((stamp_ns - self._simulation.stamp_ns(0.0)) * 1e-9)
        return super().lookup(target, source, stamp_ns)


def halves(cloud: PointCloud) -> tuple[PointCloud, PointCloud]:
    """Cut a scan into what is ahead and what is behind, as two LiDARs would see it."""
    ahead = cloud.xyz[:, 0] > 0
    assert cloud.time_offset_ns is not None
    parts = [
        PointCloud(cloud.xyz[side], cloud.stamp_ns, frame, time_offset_ns=cloud.time_offset_ns[side])
        for side, frame in ((ahead, "lidar_top"), (~ahead, "lidar_rear"))
    ]
    return parts[0], parts[1]


def run_halves(source: ExactDrive, frames: list[SimulatedFrame], stops: str = "", at: int = 99) -> list[PipelineResult]:
    made = Pipeline(PipelineConfig(), TWO, source, {}, NAMESPACE)
    results = []
    for k, frame in enumerate(frames):
        for name, part in zip(("rear", "top"), reversed(halves(frame.cloud)), strict=True):
            if name != stops or k < at:
                made.on_scan(part, frame.stamp_ns, name)
        for later_ms in (10, 35, 60):
            results += made.ready(frame.stamp_ns + later_ms * 1_000_000)
    return results + made.flush()


@pytest.fixture(scope="module")
def exact() -> tuple[ExactDrive, list[SimulatedFrame]]:
    simulation = Simulation(load_scenario("tiny"))
    frames = [simulation.frame(k) for k in range(8)]
    return ExactDrive(simulation, frames), frames


def test_two_lidars_are_one_scan_and_the_same_bytes_each_time(exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    results = run_halves(source, frames)
    assert [r.stamp_ns for r in results] == [f.stamp_ns for f in frames]
    assert {s.name: s.state for s in results[-1].obstacles.statuses} == {"top": SensorState.OK, "rear": SensorState.OK}
    for a, b in zip(results, run_halves(source, frames), strict=True):
        assert a.obstacles.centre.tobytes() == b.obstacles.centre.tobytes()
    # The halves together are what one LiDAR would have seen.
    rig = Rig("top", (), "base_link", "odom", deskew_frame="odom")
    whole = run(Pipeline(PipelineConfig(), rig, source, {}, NAMESPACE), frames)[-1]
    assert whole.lidar is not None
    assert results[-1].lidar is not None
    assert len(results[-1].lidar.clusters) == pytest.approx(len(whole.lidar.clusters), abs=3)


@pytest.mark.parametrize("stops", ["top", "rear"])
def test_any_lidar_may_stop_and_the_rest_goes_on(stops: str, exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    results = run_halves(source, frames, stops, at=3)
    stamps = [r.stamp_ns for r in results]
    assert stamps == [f.stamp_ns for f in frames]
    last = results[-1]
    assert last.obstacles.mode is Mode.LIDAR_ONLY
    states = {s.name: s.state for s in last.obstacles.statuses}
    assert states.pop(stops) is SensorState.LATE
    assert set(states.values()) == {SensorState.OK}
    assert last.lidar is not None
    assert results[2].lidar is not None
    assert (last.lidar.coverage > 0).sum() < 0.8 * (results[2].lidar.coverage > 0).sum()


def test_what_was_deskewed_and_dropped_is_counted(exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    seen: list[int] = []
    made = Pipeline(PipelineConfig(), TWO, source, {}, NAMESPACE, on_lidar=lambda r: seen.append(r.clusters.stamp_ns))
    made.on_scan(halves(frames[0].cloud)[0], frames[0].stamp_ns)
    assert seen == [frames[0].stamp_ns]
    assert made.deskewed == {"top: yes": 1}
    assert made.missing == {"rear": 1}
    assert made.points_dropped.keys() <= {"range", "height", "body", "overhead", "below_ground", "intensity", "speck"}


def test_rates_stand_in_for_odometry(exact: tuple[ExactDrive, list[SimulatedFrame]]) -> None:
    source, frames = exact
    made = Pipeline(PipelineConfig(), Rig("top", (), has_rates=True), source, {}, NAMESPACE)
    first = frames[0].stamp_ns
    for ms in range(-60, 70, 10):
        made.on_rates(first + ms * 1_000_000, np.zeros(3), np.array([5.0, 0.0, 0.0]), "base_link")
    with_gyro = made.on_scan(frames[0].cloud, first)
    assert with_gyro is not None
    assert made.deskewed == {"top: yes": 1}
    made.on_rates(first, np.zeros(3), None, "imu_nobody_knows")
    assert sum(made.drops.values()) == 1


def covered(frame: SimulatedFrame, keep: np.ndarray) -> SimulatedFrame:
    cloud = PointCloud(frame.cloud.xyz[keep], frame.stamp_ns, frame.cloud.frame)
    return dataclasses.replace(frame, cloud=cloud)


def test_half_a_lidar_is_faulty_and_its_blind_half_is_not_free(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    halves = [covered(f, f.cloud.xyz[:, 1] > 0) for f in frames[4:]]
    results = run(Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE), frames[:4] + halves)
    assert len(results) == 8
    assert [status(r).state for r in results] == [SensorState.OK] * 4 + [SensorState.FAULTY] * 4
    assert "of 36 directions vanished: covered?" in status(results[-1]).reason
    assert status(results[-1]).rate_hz == pytest.approx(10.0)
    assert results[-1].obstacles.mode is Mode.LIDAR_ONLY
    right, left = np.split(results[-1].sectors.ranges, 2)
    assert np.isposinf(left).any()
    assert not np.isposinf(right).any()


def test_a_lidar_that_sees_nothing_is_refused_and_its_silence_is_blind(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    nothing = [covered(f, np.zeros(len(f.cloud), np.bool_)) for f in frames[4:]]
    made = Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE)
    results = run(made, frames[:4] + nothing)
    assert len(results) == 4
    assert dict(made.drops) == {"LiDAR top: no returns from beyond 0.5 m within 80 m: covered?": 4}


def test_an_uncovered_lidar_is_well_again(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    one = [covered(frames[4], frames[4].cloud.xyz[:, 1] > 0)]
    results = run(Pipeline(PipelineConfig(), RIG, source, {}, NAMESPACE), frames[:4] + one + frames[5:])
    states = [SensorState.OK] * 4 + [SensorState.FAULTY] + [SensorState.OK] * 3
    assert [status(r).state for r in results] == states
