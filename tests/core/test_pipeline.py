"""The whole perception on a short simulated drive, without ROS; the network is a small ONNX graph that sees one car."""

import numpy as np
from simulated_drive import NAMESPACE, RIG, RecordedDrive, pipeline, run

from perception_core.pipeline import Pipeline, PipelineConfig
from perception_core.planning import SectorConfig
from perception_core.simulation.scenario import load_scenario
from perception_core.simulation.simulator import SimulatedFrame, Simulation
from perception_core.types import Mode, PointCloud, SensorState


def test_every_scan_gives_one_result_at_its_own_stamp(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    results = run(pipeline(source), frames)
    assert [r.stamp_ns for r in results] == [f.stamp_ns for f in frames]
    assert [r.obstacles.stamp_ns for r in results] == [f.stamp_ns for f in frames]
    assert {r.obstacles.mode for r in results} == {Mode.LIDAR_ONLY}
    assert results[-1].obstacles.frame == "odom"


def test_what_the_lidar_hit_is_among_the_obstacles(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    """Each object of the truth with 30 returns and nearer than 25 m has an obstacle within 1.5 m of its centre."""
    source, frames = drive
    last, truth = run(pipeline(source), frames)[-1], frames[-1].truth
    ego = frames[-1].T_odom_base[:2, 3]
    near = np.linalg.norm(truth.centre[:, :2] - ego, axis=1) < 25.0
    wanted = np.flatnonzero(near & (truth.point_count >= 30))
    assert len(wanted) > 0
    for i in wanted:
        distance = np.linalg.norm(last.obstacles.centre[:, :2] - truth.centre[i, :2], axis=1)
        assert distance.min() < 1.5


def test_the_same_input_gives_the_same_bytes(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    first, second = run(pipeline(source), frames), run(pipeline(source), frames)
    for a, b in zip(first, second, strict=True):
        for name in ("ids", "centre", "size", "yaw", "velocity", "pose_covariance", "twist_covariance", "existence"):
            assert getattr(a.obstacles, name).tobytes() == getattr(b.obstacles, name).tobytes(), name
        assert a.occupancy is not None
        assert b.occupancy is not None
        assert a.occupancy.cells.tobytes() == b.occupancy.cells.tobytes()


def test_a_scan_of_an_unknown_frame_is_dropped_and_counted(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    source, frames = drive
    made = pipeline(source)
    stray = PointCloud(frames[0].cloud.xyz, frames[0].stamp_ns, "lidar_nobody_knows")
    assert made.on_scan(stray, frames[0].stamp_ns) is None
    assert made.flush() == []
    assert sum(made.drops.values()) == 1
    assert "lidar_nobody_knows" in next(iter(made.drops))


def test_without_the_ego_pose_of_a_scan_there_are_no_obstacles_of_it(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    made = pipeline(source)
    later = PointCloud(frames[1].cloud.xyz, frames[1].stamp_ns + 1, frames[1].cloud.frame)
    results = run(made, [frames[0]])
    made.on_scan(later, later.stamp_ns)
    assert made.flush() == []
    assert len(results) == 1
    assert "odom <- base_link" in next(iter(made.drops))


def test_a_camera_that_never_spoke_is_missing_and_the_mode_says_lidar_only(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    source, frames = drive
    statuses = {s.name: s.state for s in run(pipeline(source), frames)[-1].obstacles.statuses}
    assert statuses == {"top": SensorState.OK, "front": SensorState.MISSING}


def test_time_set_back_starts_again(drive: tuple[RecordedDrive, list[SimulatedFrame]]) -> None:
    """A looped bag: the second round gives obstacles again, with other ids than the first."""
    source, frames = drive
    made = pipeline(source)
    first, second = run(made, frames), run(made, frames)
    assert [r.stamp_ns for r in second] == [r.stamp_ns for r in first]
    assert len(second[-1].obstacles) > 0
    ids = [{row.tobytes() for row in r[-1].obstacles.ids} for r in (first, second)]
    assert not ids[0] & ids[1]


def test_bands_are_made_where_they_have_edges_and_know_what_was_seen(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    """Relative to the road: cars reach from the lowest band into the one above."""
    source, frames = drive
    config = PipelineConfig(sectors=SectorConfig(band_edges=(-5.0, 0.5, 3.0, 10.0), free_range=5.0, lidar_height=1.8))
    last = run(Pipeline(config, RIG, source, {}, NAMESPACE), frames)[-1]
    assert list(last.bands) == ["down", "level", "up"]
    hit = {name: np.isfinite(band.ranges) for name, band in last.bands.items()}
    assert hit["down"].any()
    assert hit["level"].any()
    assert np.isposinf(last.bands["level"].ranges).any()
    both = hit["level"] & np.isfinite(last.sectors.ranges)
    assert (last.bands["level"].ranges[both] >= last.sectors.ranges[both]).all()
    assert run(pipeline(source), frames[:1])[0].bands == {}


class BrokenOnce(RecordedDrive):
    """Odometry that is no number at one stamp."""

    broken_ns = 0

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        """As TransformSource."""
        T = super().lookup(target, source, stamp_ns)
        return np.full_like(T, np.nan) if (target, stamp_ns) == ("odom", self.broken_ns) else T


def test_a_scan_whose_pose_is_no_number_is_dropped_and_the_next_goes_on(
    drive: tuple[RecordedDrive, list[SimulatedFrame]],
) -> None:
    _, frames = drive
    source = BrokenOnce(Simulation(load_scenario("tiny")), frames)
    source.broken_ns = frames[3].stamp_ns
    made = pipeline(source)
    assert [r.stamp_ns for r in run(made, frames)] == [f.stamp_ns for k, f in enumerate(frames) if k != 3]
    (reason,) = made.drops
    assert "is not finite" in reason
    assert made.blind(frames[3].stamp_ns).sectors is None
