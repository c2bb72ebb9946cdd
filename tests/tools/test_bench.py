"""`perception bench`: the contenders, what is measured, and that its JSON is one object."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from perception_core.geometry.transforms import from_yaw
from perception_core.simulation.scenario import load_scenario
from perception_core.types import PointCloud
from perception_tools import cli
from perception_tools.benchmarks import alone, ground, labelled, lidar, measure, peers
from perception_tools.benchmarks.peers import Scan


def street(points: int = 4000) -> Scan:
    """Flat ground, and a box 1 m wide and high standing 8 m ahead, from 1.7 m above."""
    rng = np.random.default_rng(0)
    flat = np.column_stack([rng.uniform(-20.0, 20.0, (points, 2)), rng.normal(-1.7, 0.01, points)])
    box = np.column_stack([rng.uniform(7.5, 8.5, 400), rng.uniform(-0.5, 0.5, 400), rng.uniform(-1.4, -0.7, 400)])
    xyz = np.concatenate([flat, box])
    return Scan(PointCloud(xyz, 0, "lidar", intensity=np.full(len(xyz), 100.0)), from_yaw(0.0, (0.0, 0.0, 1.7)))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tracking", "--scans", "0"], "perception bench: --scans: 0 is out of range, expected 1 or more"),
        (["lidar", "--scans", "-1"], "--scans: -1 is out of range, expected 1 or more"),
        (["tracking", "--seeds", "0"], "--seeds: 0 is out of range, expected 1 or more"),
        (["tracking", "--first-seed", "-1"], "--first-seed: -1 is out of range, expected 0 to 2147483648"),
        (["ground", "--first-seed", "2147483649"], "--first-seed: 2147483649 is out of range"),
        (["tracking", "--first-seed", "2147483648", "--seeds", "2"], "--seeds: 2 from --first-seed 2147483648 on go"),
    ],
)
def test_counts_that_mean_nothing_are_refused(words, text, capsys):
    assert cli.main(["bench", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert text in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_suite_that_is_none_is_told_which_there_are(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", "racking"])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith("argument SUITE: 'racking' is none of lidar, inference, tracking, ground, obstacles")


def test_without_a_suite_all_are_meant():
    assert cli.parser().parse_args(["bench"]).suites == []
    assert cli.parser().parse_args(["bench", "ground", "lidar"]).suites == ["ground", "lidar"]


def test_contenders_take_turns_and_ours_is_the_measure():
    order: list[str] = []
    calls = {"ours": lambda item: order.append(f"a{item}"), "other": lambda item: order.append(f"b{item}")}
    rows = measure.compare("x", calls, [1, 2], repeats=2)
    assert order == ["a1", "b1"] + ["a1", "b1", "a2", "b2"] * 2
    assert [(row.who, row.calls) for row in rows] == [("ours", 4), ("other", 4)]
    assert rows[0].ratio == 1.0


def test_a_contender_may_time_itself():
    rows = measure.compare("x", {"ours": lambda _: measure.Timed(2.0), "other": lambda _: measure.Timed(10.0)}, [0])
    assert [(row.median_ms, row.p95_ms, row.ratio) for row in rows] == [(2.0, 2.0, 1.0), (10.0, 10.0, 5.0)]
    assert math.isnan(rows[0].threads)


@pytest.mark.parametrize(("power", "expected"), [(1.0, 1.0), (2.0, 2.0), (0.0, 0.0)])
def test_exponent_of_a_power_law(power, expected):
    points = [1000, 2000, 8000]
    assert lidar.exponent(points, [3.0 * n**power for n in points]) == pytest.approx(expected)


def test_exponent_of_one_size_is_unknown():
    assert math.isnan(lidar.exponent([5, 5], [1.0, 2.0]))


@pytest.mark.parametrize("name", [peers.OPEN3D, peers.SKLEARN])
def test_peers_find_the_box(name):
    boxes = peers.contender(name)(street())
    low, high = max(boxes, key=lambda box: box[1][2])
    assert low[0] == pytest.approx(7.5, abs=0.2)
    assert high[0] == pytest.approx(8.5, abs=0.2)


@pytest.mark.parametrize("name", [peers.PATCHWORK, peers.OPEN3D_PLANE])
def test_ground_methods_tell_flat_ground_from_the_box(name):
    scan = street()
    found = peers.contender(name)(scan)
    far = np.hypot(scan.cloud.xyz[:4000, 0], scan.cloud.xyz[:4000, 1]) > 3.0  # Patchwork++ starts at 2.7 m
    assert found[:4000][far].mean() > 0.95
    assert found[4000:].mean() < 0.1


def test_pcl_tools_where_they_are_installed():
    if peers.missing(peers.PCL):
        pytest.skip(str(peers.missing(peers.PCL)))
    timed = peers.pcl_path(street())
    assert 0.0 < timed.ms < 10_000.0
    assert timed.peak_rss_mib > 1.0


def test_who_is_missing_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(peers.shutil, "which", lambda _tool: None)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda _name: None)
    calls, lines = peers.whole_path()
    assert list(calls) == [peers.OURS, peers.OPEN3D]
    assert [line.split(":")[0] for line in lines] == [peers.SKLEARN, peers.PCL]
    assert "apt install pcl-tools" in lines[1]
    assert list(peers.ground_only()[0]) == [peers.OUR_GROUND, peers.OPEN3D_PLANE, peers.OUR_PATH]


def test_scans_survive_the_way_to_another_process(tmp_path):
    scan = street(10)
    alone.save(tmp_path / "scans.npz", [scan, scan])
    back = alone.load(tmp_path / "scans.npz")
    assert len(back) == 2
    np.testing.assert_array_equal(back[1].cloud.xyz, scan.cloud.xyz)
    np.testing.assert_array_equal(back[1].T_base_lidar, scan.T_base_lidar)


def test_a_process_of_its_own_reports_its_memory(tmp_path):
    rows = alone.measure([peers.OPEN3D], [street(100)], tmp_path)
    assert [row.who for row in rows] == [peers.NOTHING, peers.OPEN3D]
    assert 10.0 < rows[0].peak_rss_mib < rows[1].peak_rss_mib


def test_ground_rows_of_one_place():
    rows = list(ground.measure(["flat"], ["vlp16"], [0]))
    methods = {row.method for row in rows}
    assert {ground.OURS, ground.RANSAC} <= methods
    assert {(row.scene, row.sensor) for row in rows} == {("flat", "vlp16"), ("flat", "all")}
    assert all(0.5 < row.f1 <= 1.0 for row in rows)


def test_points_of_a_drive_know_what_they_hit():
    frame = next(labelled.drive("tiny", 1, 1))
    assert frame.solid is not None
    assert frame.solid[frame.objects >= 0].all()
    xyz = frame.cloud.xyz @ frame.T_base_lidar[:3, :3].T + frame.T_base_lidar[:3, 3]
    road = (np.abs(xyz[:, 2]) < 0.05) & (frame.objects < 0) & (np.abs(xyz[:, 1]) < 2.0) & (np.abs(xyz[:, 0]) < 15.0)
    assert road.sum() > 100
    assert not frame.solid[road].any()


def test_json_of_the_obstacles(capsys, monkeypatch):
    from perception_tools.benchmarks import obstacles

    monkeypatch.delenv("PERCEPTION_DATA", raising=False)
    monkeypatch.setattr(obstacles, "DRIVES", ("tiny",))
    monkeypatch.setattr(obstacles, "SCENES", ("flat",))
    monkeypatch.setattr(obstacles, "SENSORS", ("vlp16",))
    assert cli.main(["bench", "obstacles", "--scans", "2", "--seeds", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["obstacles"]
    assert [row["scans"] for row in found["drives"]["scans"]] == [2, 2]
    everything = found["scenes"]["rows"][-1]
    assert 0.0 <= everything["recall"] <= 1.0
    assert cli.main(["bench", "obstacles", "--scans", "1", "--seeds", "1"]) == 0
    assert "recall" in capsys.readouterr().out


def test_json_of_the_lidar(capsys, monkeypatch):
    monkeypatch.delenv("PERCEPTION_DATA", raising=False)
    monkeypatch.setattr(lidar, "load_scenario", lambda _name: load_scenario("tiny"))
    monkeypatch.setattr(lidar, "BEAMS", {"64 beams": ((-24.0, 2.0, 16.0), 300)})
    monkeypatch.setattr(lidar, "GROWTH", (2000, 4000))
    monkeypatch.setattr(lidar, "whole_path", lambda: ({peers.OURS: peers.ours(), peers.OPEN3D: peers.open3d_path}, []))
    monkeypatch.setattr(lidar, "ground_only", lambda: ({peers.OUR_GROUND: peers.ours_ground()}, ["PCL: not installed"]))
    monkeypatch.setattr(lidar.alone, "measure", lambda names, *_: [alone.Alone(name, 1.0, 2.0) for name in names])
    assert cli.main(["bench", "lidar", "--scans", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["lidar"]
    assert {row["who"] for row in found["rows"]} == {peers.OURS, peers.OPEN3D, peers.OUR_GROUND}
    assert set(found["growth"]["exponent"]) == {peers.OURS, peers.OPEN3D}
    assert found["missing"] == ["PCL: not installed"]
