"""`perception bench tracking`: drives kept in memory, what is taken from the sensors, and the table."""

import dataclasses
import json

import numpy as np
import pytest

from perception_core.camera.detector import CameraConfig
from perception_core.camera.networks import build_networks
from perception_core.errors import TransformError
from perception_core.evaluation.evaluate import evaluate, evaluate_all
from perception_core.evaluation.frames import EvaluationFrame
from perception_core.geometry.transforms import invert
from perception_core.pipeline import Pipeline, PipelineConfig
from perception_core.simulation import Simulation, load_scenario, scenario, with_overrides
from perception_core.types import Mode, PointCloud, Sensor
from perception_tools import cli
from perception_tools.benchmarks import tracking, tracking_drives, tracking_load, tracking_scores, tracking_variants
from perception_tools.benchmarks.tracking_variants import ABLATION, CAMERA_ONLY, FUSED, LIDAR_ONLY, Variant

SCANS = 12


@pytest.fixture(scope="module")
def networks():
    """The network that comes along."""
    found = build_networks(CameraConfig(model=tracking.NETWORK))
    yield found
    found.close()


@pytest.fixture(scope="module")
def drive(networks):
    """The beginning of the tiny scenario."""
    return tracking_drives.record(load_scenario("tiny"), 1, networks, SCANS)


def same(a, b):
    """Whether two sets of obstacles are equal to the last bit."""
    names = ("ids", "centre", "size", "yaw", "velocity", "pose_covariance", "class_probabilities", "existence")
    return a.stamp_ns == b.stamp_ns and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names)


def test_a_drive_from_memory_is_what_the_pipeline_makes_of_the_sensors(drive, networks):
    simulation = Simulation(load_scenario("tiny"), 1)
    live = Pipeline(
        PipelineConfig(), drive.rig, drive.transforms, {"front": networks}, tracking_drives.NAMESPACE, False
    )
    live.on_camera_model("front", drive.models["front"])
    expected = []
    for k in range(SCANS):
        for message in simulation.frame(k).messages:
            if isinstance(message.content, PointCloud):
                live.on_scan(message.content, message.arrival_ns)
            else:
                live.on_image("front", message.content, message.arrival_ns)
            expected += live.ready(message.arrival_ns)
    expected += live.flush()
    found = tracking_variants.run(drive, FUSED)
    assert len(found) == len(expected) == SCANS
    assert all(same(a.obstacles, b.obstacles) for a, b in zip(found, expected, strict=True))
    assert len(found[-1].obstacles) > 0


def test_runs_of_a_drive_are_equal(drive):
    first, again = (tracking_variants.run(drive, FUSED) for _ in range(2))
    assert all(same(a.obstacles, b.obstacles) for a, b in zip(first, again, strict=True))


def test_each_sensor_speaks_for_itself(drive):
    cameras = tracking_variants.run(drive, CAMERA_ONLY)
    assert any(len(result.obstacles) for result in cameras)
    assert {result.objects.mode for result in cameras} == {Mode.CAMERA_ONLY}
    assert not any((result.objects.sensors & Sensor.LIDAR).any() for result in cameras)
    lidar = tracking_variants.run(drive, LIDAR_ONLY)
    assert {result.objects.mode for result in lidar} == {Mode.LIDAR_ONLY}
    assert not any((result.objects.sensors & Sensor.CAMERA).any() for result in lidar)
    fused = tracking_variants.run(drive, FUSED)
    assert any((result.objects.sensors & Sensor.CAMERA).any() for result in fused)


def test_a_camera_that_dies_leaves_the_lidar(drive):
    modes = {r.stamp_ns: r.objects.mode for r in tracking_variants.run(drive, ABLATION[2])}
    assert ABLATION[2].camera_dies
    assert all(mode == Mode.FUSED for stamp, mode in modes.items() if stamp <= drive.middle_ns)
    late = [mode for stamp, mode in modes.items() if stamp > drive.middle_ns + 200_000_000]
    assert late
    assert set(late) == {Mode.LIDAR_ONLY}


def test_a_late_camera_is_late_and_keeps_its_stamps(drive):
    late = tracking_variants.messages(drive, Variant("late", camera_delay=0.2))
    assert [m.arrival_ns for m in late] == sorted(m.arrival_ns for m in late)
    assert {m.arrival_ns - m.stamp_ns for m in late if m.is_image} == {200_000_000}
    assert {m.arrival_ns - m.stamp_ns for m in late if not m.is_image} == {0}
    assert len(late) == len(drive.messages)


def test_a_turned_camera_is_a_degree_off_and_only_it(drive):
    before, stamp = drive.transforms, drive.truth[0].stamp_ns
    turned = tracking_variants.believed(drive, Variant("turned", camera_turn=1.0))
    change = np.linalg.inv(before.lookup("base_link", "camera_front", stamp)) @ turned.lookup(
        "base_link", "camera_front", stamp
    )
    assert np.degrees(np.arccos((np.trace(change[:3, :3]) - 1.0) / 2.0)) == pytest.approx(1.0)
    np.testing.assert_allclose(change[:3, 3], 0.0, atol=1e-12)
    for frame in ("lidar_top", "odom"):
        np.testing.assert_array_equal(
            before.lookup("base_link", frame, stamp), turned.lookup("base_link", frame, stamp)
        )


def test_transforms_guess_nothing(drive):
    stamp = drive.truth[0].stamp_ns
    np.testing.assert_allclose(
        drive.transforms.lookup("odom", "base_link", stamp) @ drive.transforms.lookup("base_link", "odom", stamp),
        np.eye(4),
        atol=1e-12,
    )
    with pytest.raises(TransformError, match="no frame 'radar'"):
        drive.transforms.lookup("base_link", "radar", stamp)
    with pytest.raises(TransformError, match="outside the odometry"):
        drive.transforms.lookup("odom", "base_link", stamp + 60_000_000_000)


def test_boxes_of_the_truth_replace_those_of_the_network(networks):
    found = tracking_drives.record(load_scenario("tiny"), 1, networks, 2, truth_2d=True)
    truth = found.truth[1]
    boxes = found.images["front", truth.stamp_ns].detections
    sides = (truth.boxes_2d[:, 2:] - truth.boxes_2d[:, :2]).max(axis=1)
    shown = (truth.visible_fraction >= 0.3) & (sides >= 6.0)
    assert len(boxes) == shown.sum() > 0
    assert sorted(map(tuple, boxes.boxes)) == sorted(map(tuple, truth.boxes_2d[shown]))


def test_scans_that_the_robot_refuses_are_not_among_the_messages(networks):
    scenario = with_overrides(load_scenario("tiny"), {"disturbances.lidar_dropout": 1.0})
    found = tracking_drives.record(scenario, 1, networks, 3)
    assert {message.is_image for message in found.messages} == {True}
    assert len(tracking_variants.run(found, FUSED)) >= 0


def test_structure_is_left_out_and_changes_no_score(drive):
    results = [result.obstacles for result in tracking_variants.run(drive, FUSED)]
    slim = tracking_scores.frames_of(drive, results)
    full = [EvaluationFrame(f.truth, obstacles, f.T_fixed_base) for f, obstacles in zip(slim, results, strict=True)]
    assert sum(len(f.result) for f in slim) < sum(len(f.result) for f in full)
    assert evaluate(slim).tracking == evaluate(full).tracking


def test_a_scan_without_an_answer_counts_as_missed(drive):
    frames = tracking_scores.frames_of(drive, [])
    found = evaluate(frames)
    assert len(frames) == SCANS
    assert found.counts.asked > 0
    assert found.tracking.recall == 0.0


def test_a_camera_is_asked_for_what_stands_in_its_image(drive):
    """Nothing behind it, and by its bearing: the simulated camera looks ahead, its focal length and width are known."""
    whole = tracking_scores.frames_of(drive, [])
    (model,) = drive.models.values()
    counts = [0, 0]
    for before, after in zip(whole, tracking_scores.in_view(drive, whole), strict=True):
        in_base = invert(before.T_fixed_base) @ np.vstack([before.truth.centre.T, np.ones(len(before.truth))])
        eye = drive.transforms.lookup("base_link", model.frame, before.stamp_ns)[:3, 3]
        x, y = in_base[0] - eye[0], in_base[1] - eye[1]
        across = model.matrix[0, 2] - model.matrix[0, 0] * y / np.maximum(x, 1e-3)
        inside = (x > 0.0) & (across > -0.5) & (across < model.width - 0.5)
        kept = after.truth.point_count > 0
        assert not (kept & ~inside).any()
        assert (after.truth.point_count[kept] == before.truth.point_count[kept]).all()
        counts[0] += int((before.truth.point_count > 0).sum())
        counts[1] += int(kept.sum())
    assert 0 < counts[1] < counts[0]


def test_the_slowest_report_of_some(drive):
    frames = tracking_scores.frames_of(drive, [result.obstacles for result in tracking_variants.run(drive, FUSED)])
    latency = {entry.id: entry.latency for entry in evaluate(frames).latency.objects}
    reported = [number for number, seconds in latency.items() if seconds >= 0.0]
    assert len(reported) >= 2
    assert tracking_scores.slowest([frames], reported) == max(latency[number] for number in reported)
    assert np.isnan(tracking_scores.slowest([frames], [99]))
    assert tracking_scores.slowest([tracking_scores.frames_of(drive, [])], [1]) == np.inf


def test_who_steps_out_from_behind_vans():
    models = [actor.model for actor in load_scenario(tracking.VAN).actors]
    assert [models[i - 1] for i in tracking.BEHIND_VANS] == ["pedestrian", "child"]


def test_the_row_has_the_figures_of_the_evaluation(drive):
    """Of the ids, too: a tracker that names everything anew in every scan switches, hidden or not."""
    results = [result.obstacles for result in tracking_variants.run(drive, FUSED)]
    restless = [dataclasses.replace(r, ids=r.ids ^ np.uint8(k)) for k, r in enumerate(results)]
    for obstacles in (results, restless):
        frames = tracking_scores.frames_of(drive, obstacles)
        row, found = tracking_scores.row("tiny", FUSED.name, "ours", [frames, frames]), evaluate_all([frames, frames])
        occlusions = found.tracking.occlusions
        assert (row.occlusions, row.switches_occluded) == (occlusions.short, occlusions.short_switched)
        assert (row.mota, row.switches, row.asked) == (
            found.tracking.mota, found.tracking.switches, found.counts.asked,
        )  # fmt: skip
        assert row.velocity_cars == found.accuracy_by_class["car"].velocity_settled
    assert row.switches > 0


def test_positions_are_compared_where_both_found_something(drive):
    """One result shifted by 0.3 m, the other without half of its scans: who finds less is asked for no more."""
    found = [result.obstacles for result in tracking_variants.run(drive, FUSED)]
    whole = tracking_scores.frames_of(drive, found)
    own, same = tracking_scores.positions([whole], [whole])
    assert own == same > 0.0
    half = tracking_scores.frames_of(drive, found[::2])
    assert tracking_scores.positions([whole], [half]) == tracking_scores.positions([half], [half])
    off = [dataclasses.replace(o, centre=o.centre + np.array([0.0, 0.0, 0.3])) for o in found]
    assert tracking_scores.positions([whole], [tracking_scores.frames_of(drive, off)]) == (own, own), "in the plane"
    none = tracking_scores.frames_of(drive, [])
    assert np.isnan(tracking_scores.positions([whole], [none])).all()


def test_verdicts_and_targets(drive):
    frames = [tracking_scores.frames_of(drive, [])]
    row = tracking_scores.row("tiny", FUSED.name, "ours", frames)
    good = dataclasses.replace(
        row, recall=0.95, position=0.2, mota=0.91, hota=0.79, velocity_cars=0.25, anees_position=2.1,
        bounds_position=(1.8, 2.2), anees_velocity=9.0, bounds_velocity=(1.8, 2.2),
    )  # fmt: skip
    worse = dataclasses.replace(good, recall=0.93)
    assert tracking_scores.verdict(good, worse, (0.2, 0.2)).met
    assert tracking_scores.verdict(good, worse, (float("nan"), float("nan"))).met, "nothing in common"
    assert not tracking_scores.verdict(worse, good, (0.2, 0.2)).met
    assert not tracking_scores.verdict(good, good, (0.25, 0.2)).met
    met = [target.met for target in tracking_scores.targets(good, 0.3, 6.0)]
    assert met == [True, False, True, True, True, True, False, False]
    assert not any(t.met for t in tracking_scores.targets(row, float("nan"), float("nan")) if np.isnan(t.found))


@pytest.fixture
def small(monkeypatch):
    """One scenario for quick tests, and no load."""
    monkeypatch.delenv("PERCEPTION_DATA", raising=False)
    monkeypatch.setenv("PERCEPTION_MODELS", "")
    load = [tracking_load.Load(100, "ours", 1.0, 2.0, 0.9, 1.0, 50.0)]
    monkeypatch.setattr(tracking_load, "measure", lambda: load)
    monkeypatch.setattr(scenario, "load_scenario", lambda _name: load_scenario("tiny"))  # of the measurement of speed


def test_json_of_the_command(capsys, small):
    assert cli.main(["bench", "tracking", "--scenarios", "tiny", "--scans", "9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tracking"]
    contenders = [("fused", who) for who in ("ours", "norfair", "AB3DMOT")] + [(v.name, "ours") for v in ABLATION]
    for where in ("tiny", "all"):
        rows = [r for r in found["rows"] if r["scenario"] == where]
        assert [(r["sensors"], r["who"]) for r in rows] == contenders
        assert {r["scans"] for r in rows} == {9}
        assert all(r["ms"] > 0.0 for r in rows[:3])
        assert all(0.0 <= r["recall"] <= 1.0 for r in rows)
    assert found["rows"][0]["recall"] > 0.1
    assert [v["scenario"] for v in found["verdicts"]] == ["tiny", "all"]
    assert len(found["targets"]) == 8
    assert found["boxes"] == "simulated_street"
    assert found["missing"] == []
    assert {row["what"] for row in found["speed"]} >= {"fusion", "tracking"}


def test_table_of_the_command(capsys, small):
    assert cli.main(["bench", "tracking", "--scenarios", "tiny", "--scans", "3", "--truth-2d"]) == 0
    printed = capsys.readouterr().out
    assert "boxes of the images: truth" in printed
    assert "camera 200 ms late" in printed
    assert "fused is not worse" in printed
    assert "MISSED" in printed


def test_an_unknown_scenario_is_named(capsys, small):
    assert cli.main(["bench", "tracking", "--scenarios", "moon"]) != 0
    assert "moon" in capsys.readouterr().err
