"""perception evaluate, through its recordings and through a process of its own; KITTI: test_evaluating_kitti."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from perception_core.errors import BagError, PerceptionError
from perception_core.evaluation.config import EvaluationConfig
from perception_core.geometry.transforms import from_yaw
from perception_core.types import Motion, Obstacles
from perception_core.types.classes import CLASSES, INDEX, UNKNOWN
from perception_nodes.conversions.header import header_to_msg
from perception_nodes.conversions.obstacles import obstacles_to_msg
from perception_nodes.conversions.tf import transform_to_msg
from perception_tools.bags import BagWriter
from perception_tools.cli import main
from perception_tools.evaluating import judge_recording
from perception_tools.evaluating_truth import recorded_truth, truth_of
from perception_tools.truth import truth_obstacles

ARRAY = "perception_interfaces/msg/ObstacleArray"
TRUTH, RESULT, VISIBILITY = "/ground_truth/obstacles", "/perception/obstacles", "/ground_truth/visibility"
PERIOD_NS = 100_000_000
CONFIG = EvaluationConfig()


def cars(k, *places, frame="odom", offset=0.0, names=None, velocity=True) -> Obstacles:
    """Cars at (x, y) in scan ``k``, half a scan later with ``offset`` 0.5; 0.3 m, rad and m/s sure of themselves."""
    n = len(places)
    array = truth_obstacles(
        stamp_ns=round((10 + k + offset) * PERIOD_NS),
        frame=frame,
        names=names or [f"car {i}" for i in range(n)],
        class_ids=np.zeros(n, dtype=np.int32),
        centre=np.array([(x, y, 0.8) for x, y in places]).reshape(n, 3),
        size=np.tile((4.0, 1.8, 1.6), (n, 1)),
        yaw=np.zeros(n),
        velocity=np.tile((1.0, 0.0, 0.0), (n, 1)) if velocity else None,
    )
    sure = np.tile(0.09 * np.eye(6), (n, 1, 1))
    return dataclasses.replace(array, pose_covariance=sure, twist_covariance=sure)


def seen(array: Obstacles, points, visible=1.0) -> PointCloud2:
    """The message beside a truth: so many points on each obstacle."""
    rows = np.zeros(len(array), [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("v", "<f4"), ("n", "<i4")])
    rows["v"], rows["n"] = visible, points
    kinds = [("x", 7), ("y", 7), ("z", 7), ("visible_fraction", 7), ("point_count", 5)]
    fields = [PointField(name=n, offset=4 * i, datatype=kind, count=1) for i, (n, kind) in enumerate(kinds)]
    return PointCloud2(
        header=header_to_msg(array.stamp_ns, array.frame), height=1, width=len(array), fields=fields, point_step=20,
        row_step=20 * len(array), data=rows.tobytes(), is_dense=True,
    )  # fmt: skip


def write(path: Path, topic: str, arrays, visibility=(), poses=True) -> Path:
    """A recording of obstacle arrays, with the robot at the origin."""
    with BagWriter(path) as bag:
        bag.add_topic(topic, ARRAY)
        if poses:
            bag.add_topic("/tf", "tf2_msgs/msg/TFMessage")
            for stamp in {a.stamp_ns for a in arrays} | {10**9, 4 * 10**9}:
                T = transform_to_msg(from_yaw(0.0), "odom", "base_link", stamp)
                bag.write("/tf", stamp, TFMessage(transforms=[T]))
        for array in arrays:
            bag.write(topic, array.stamp_ns, obstacles_to_msg(array))
        for array, message in zip(arrays, visibility, strict=False):
            bag.add_topic(VISIBILITY, "sensor_msgs/msg/PointCloud2")
            bag.write(VISIBILITY, array.stamp_ns, message)
    return path


@pytest.fixture
def drive(tmp_path):
    """Ten scans of two cars, the second of which is hit by 3 points only; and a result that finds both."""
    truth = [cars(k, (10.0 + 0.1 * k, 0.0), (30.0, 5.0)) for k in range(10)]
    counts = [seen(array, [50, 3]) for array in truth]
    found = [cars(k, (10.3 + 0.1 * k, 0.0), (30.0, 5.0)) for k in range(10)]
    return write(tmp_path / "truth.mcap", TRUTH, truth, counts), write(tmp_path / "result.mcap", RESULT, found)


def judge(result, truth, **options):
    return judge_recording(result, truth_of(str(truth)), CONFIG, **options)


def test_a_result_by_hand(drive):
    """One car is asked for in ten scans and found 0.3 m off; nobody asks for the other."""
    truth, result = drive
    judged = judge(result, truth)
    counts, tracking = judged.evaluation.counts, judged.evaluation.tracking
    assert (counts.scans, counts.objects, counts.asked, counts.kept, counts.excused) == (10, 1, 10, 10, 10)
    assert (tracking.mota, tracking.switches) == (1.0, 0)
    assert tracking.motp == pytest.approx(0.3)
    assert judged.evaluation.accuracy.velocity == 0.0
    assert (judged.topic, judged.tracked, judged.notes) == (RESULT, True, ())


def test_visibility_is_read(drive):
    truths = recorded_truth(drive[0]).truths
    assert truths[3].point_count.tolist() == [50, 3]
    assert truths[3].visible_fraction.tolist() == [1.0, 1.0]
    assert truths[3].ids.tolist() == [1, 2]
    assert truths[3].class_ids.tolist() == [0, 0]


def test_without_visibility_all_is_asked_for_and_that_is_said(drive, tmp_path):
    truth = write(tmp_path / "bare.mcap", TRUTH, [cars(k, (10.0, 0.0), (30.0, 5.0)) for k in range(10)])
    judged = judge(drive[1], truth)
    assert judged.evaluation.counts.asked == 20
    assert "what cannot be seen is asked for too" in judged.notes[0]


def test_a_velocity_of_unknown_motion_is_unknown(tmp_path):
    path = write(tmp_path / "t.mcap", TRUTH, [cars(0, (1.0, 0.0), velocity=False)])
    assert np.isnan(recorded_truth(path).truths[0].velocity).all()


def test_results_between_the_scans_are_compared_with_the_truth_in_between(drive, tmp_path):
    found = [cars(k, (10.35 + 0.1 * k, 0.0), offset=0.5) for k in range(9)]
    judged = judge(write(tmp_path / "live.mcap", RESULT, found), drive[0])
    assert judged.evaluation.accuracy.position == pytest.approx(0.3)
    assert judged.evaluation.counts.scans == 9
    assert judged.notes == ("9 scans lie between two stamps of the truth, which was interpolated",)


def test_scans_without_a_result_count_as_missed(drive, tmp_path):
    found = [cars(k, (10.3 + 0.1 * k, 0.0)) for k in (2, 3, 5, 6, 12)]
    judged = judge(write(tmp_path / "gaps.mcap", RESULT, found), drive[0])
    assert (judged.evaluation.counts.asked, judged.evaluation.tracking.misses) == (8, 4)
    assert judged.notes == (
        "4 scans of the truth have no result: everything in them counts as missed",
        "2 scans of the truth from before the first result are left out",
        "1 results from outside the truth's time are left out",
    )


def test_where_the_robot_stood_may_come_from_the_truth(drive, tmp_path):
    found = [cars(k, (10.3, 0.0)) for k in range(10)]
    bare = write(tmp_path / "bare.mcap", RESULT, found, poses=False)
    assert judge(bare, drive[0]).evaluation.counts.scans == 10
    truth = write(tmp_path / "t.mcap", TRUTH, found, poses=False)
    with pytest.raises(BagError, match="nobody knows where the robot stood"):
        judge(bare, truth)


def test_another_frame_another_time_another_topic(drive, tmp_path):
    truth, result = drive
    other = write(tmp_path / "map.mcap", RESULT, [cars(0, (1.0, 0.0), frame="base_link")])
    with pytest.raises(PerceptionError, match="obstacles in frame 'base_link', the truth in 'odom'"):
        judge(other, truth)
    mixed = write(tmp_path / "mixed.mcap", RESULT, [cars(0), cars(1, frame="map")])
    with pytest.raises(PerceptionError, match="changes its frame: map, odom"):
        judge(mixed, truth)
    late = write(tmp_path / "late.mcap", RESULT, [cars(10000)])
    with pytest.raises(
        PerceptionError, match=r"no common time with the truth \(results 1001.000 to 1001.000 s, truth 1.0"
    ):
        judge(late, truth)
    with pytest.raises(BagError, match="no messages on /elsewhere"):
        judge(result, truth, topic="/elsewhere")
    with pytest.raises(BagError, match="/tf is a tf2_msgs/msg/TFMessage, expected"):
        judge(result, truth, topic="/tf")


def test_bytes_that_are_no_message(drive, tmp_path):
    with BagWriter(tmp_path / "old.mcap") as bag:
        bag.add_topic(RESULT, ARRAY)
        bag.write(RESULT, 10**9, bytes([0, 1, 0, 0]) + bytes([255]) * 40)
    with pytest.raises(
        BagError, match=r"/perception/obstacles at 1.000 s is no perception_interfaces.* \(an older recording\?\)"
    ):
        judge(tmp_path / "old.mcap", drive[0])


def test_truth_that_does_not_fit_together(drive, tmp_path):
    array = cars(0, (1.0, 0.0), (9.0, 0.0))
    path = write(tmp_path / "t.mcap", TRUTH, [array], [seen(cars(0, (1.0, 0.0)), [5])])
    with pytest.raises(BagError, match="2 true objects at 1000000000 ns, but 1 rows"):
        recorded_truth(path)
    with BagWriter(tmp_path / "s.mcap") as bag:
        bag.add_topic(TRUTH, "std_msgs/msg/String")
        bag.write(TRUTH, 0, String(data="a car"))
    with pytest.raises(BagError, match="is a std_msgs/msg/String"):
        recorded_truth(tmp_path / "s.mcap")
    with pytest.raises(BagError, match="no messages on /ground_truth/obstacles"):
        recorded_truth(drive[1])


def cut(message):
    message.data = message.data[:10]


def narrow(message):
    message.point_step = 4


def counted_in_floats(message):
    message.fields[4].datatype = PointField.FLOAT32


@pytest.mark.parametrize("damage", [cut, narrow, counted_in_floats])
def test_visibility_of_another_layout_is_refused(tmp_path, damage):
    array = cars(0, (1.0, 0.0))
    message = seen(array, [5])
    damage(message)
    path = write(tmp_path / "t.mcap", TRUTH, [array], [message])
    with pytest.raises(BagError, match=r"/ground_truth/visibility has 1 rows of .*, expected"):
        recorded_truth(path)


# --- the command


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["evaluate", "none.mcap", "--truth", "none.mcap"], "none.mcap: no such bag"),
        (["evaluate", "RESULT", "--truth", "none.mcap"], "none.mcap: no such bag"),
        (["evaluate", "RESULT", "--truth", "RESULT"], "no messages on /ground_truth/obstacles"),
        (["evaluate", "RESULT", "--truth", "kitti"], "kitti:DIR"),
        (["evaluate", "RESULT", "--truth", "TRUTH", "--max-range", "-1"], "max_range: -1.0 is out of range"),
        (["evaluate", "RESULT", "--truth", "TRUTH", "--fail-on", "mota"], "needs --baseline"),
        (["evaluate", "RESULT", "--truth", "TRUTH", "--baseline", "none.json"], "none.json: no baseline"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, text, drive, capsys):
    names = {"TRUTH": str(drive[0]), "RESULT": str(drive[1])}
    assert main([names.get(word, word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert text in captured.err


def test_baseline_and_rules(drive, tmp_path, capsys):
    truth, result = map(str, drive)
    assert main(["evaluate", result, "--truth", truth, "--json"]) == 0
    old = tmp_path / "old.json"
    old.write_text(capsys.readouterr().out)
    assert json.loads(old.read_text())["figures"]["mota"] == 1.0
    assert main(["evaluate", result, "--truth", truth, "--baseline", str(old)]) == 0
    assert "WORSE" not in capsys.readouterr().out
    worse = str(write(tmp_path / "w.mcap", RESULT, [cars(k, (10.9 + 0.1 * k, 0.0)) for k in range(1, 9)]))
    assert main(["evaluate", worse, "--truth", truth, "--baseline", str(old)]) == 1
    captured = capsys.readouterr()
    assert "failed: position: 0.3 -> 0.9 (tolerance 0.02)" in captured.err
    position = [line for line in captured.out.splitlines() if line.startswith("position ")][-1]
    assert position.split()[-2:] == ["WORSE", "m"]
    assert main(["evaluate", worse, "--truth", truth, "--baseline", str(old), "--fail-on", "switches"]) == 0
    assert main(["evaluate", worse, "--truth", truth, "--fail-on", "recall<0.95"]) == 1
    assert main(["evaluate", worse, "--truth", truth, "--baseline", str(old), "--max-range", "50"]) == 2
    assert "made with max_range 60.0 (now 50.0)" in capsys.readouterr().err


def test_a_baseline_that_lacks_what_is_asked_for(drive, tmp_path, capsys):
    truth, result = map(str, drive)
    assert main(["evaluate", result, "--truth", truth, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    old = tmp_path / "old.json"
    command = ["evaluate", result, "--truth", truth, "--baseline", str(old)]
    old.write_text(json.dumps({**printed, "figures": dict.fromkeys(printed["figures"])}))
    assert main([*command, "--fail-on", "all"]) == 2
    assert capsys.readouterr().err == f"perception evaluate: {old}: no baseline: none of its figures has a value\n"
    del printed["figures"]["mota"]
    old.write_text(json.dumps(printed))
    assert main([*command, "--fail-on", "mota"]) == 2
    assert "--fail-on mota: the baseline has no value to compare with" in capsys.readouterr().err
    assert main([*command, "--fail-on", "hota,mota<0.5"]) == 0
    assert "not compared" not in capsys.readouterr().out
    assert main(command) == 0
    assert "note: the baseline has no value of mota: not compared" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert "the baseline has no value of mota: not compared" in json.loads(capsys.readouterr().out)["notes"]


def ruined(k, **columns):
    """The car of scan ``k`` as the drive's result has it, with columns of no use."""
    good = cars(k, (10.3 + 0.1 * k, 0.0), (30.0, 5.0))
    return dataclasses.replace(good, **{name: change(getattr(good, name)) for name, change in columns.items()})


@pytest.mark.parametrize(
    ("columns", "names", "note"),
    [
        (
            {"pose_covariance": np.negative},
            ["anees_position", "anees_yaw", "unusable_covariances"],
            "20 covariances of found objects (10 of position, 0 of velocity, 10 of yaw) are not positive definite",
        ),
        ({"twist_covariance": np.zeros_like}, ["anees_velocity", "unusable_covariances"], "(0 of position, 10 of vel"),
        ({"pose_covariance": lambda P: 9.0 * P}, ["anees_position"], None),
        ({"size": lambda s: s + np.array([0.5, 0.0, 0.0])}, ["size"], None),
        ({"yaw": lambda yaw: yaw + 0.1}, ["yaw"], None),
        ({"size": lambda s: 3.0 * s}, ["size", "iou_3d"], None),
    ],
)
def test_ruined_boxes_and_covariances_fail_the_baseline(drive, tmp_path, capsys, columns, names, note):
    truth, result = map(str, drive)
    assert main(["evaluate", result, "--truth", truth, "--json"]) == 0
    old = tmp_path / "old.json"
    old.write_text(capsys.readouterr().out)
    worse = str(write(tmp_path / "w.mcap", RESULT, [ruined(k, **columns) for k in range(10)]))
    assert main(["evaluate", worse, "--truth", truth, "--baseline", str(old)]) == 1
    captured = capsys.readouterr()
    failed = [line.split()[3].rstrip(":") for line in captured.err.splitlines()]
    assert set(names) <= set(failed)
    assert "recall" not in failed
    assert (note or "") in captured.out
    assert ("are not positive definite" in captured.out) == (note is not None)


def test_a_negative_size_is_no_result(drive, tmp_path, capsys):
    truth, _ = map(str, drive)
    bad = str(write(tmp_path / "w.mcap", RESULT, [ruined(k, size=np.negative) for k in range(10)]))
    assert main(["evaluate", bad, "--truth", truth]) == 2
    assert "result of 1000000000 ns has a negative size" in capsys.readouterr().err


def test_two_true_objects_of_one_id_are_refused(drive, tmp_path, capsys):
    arrays = [cars(k, (10.0, 0.0), (30.0, 5.0), names=["a", "a"] if k == 2 else ["a", "b"]) for k in range(10)]
    truth = str(write(tmp_path / "twice.mcap", TRUTH, arrays))
    assert main(["evaluate", str(drive[1]), "--truth", truth]) == 2
    assert "twice.mcap: 2 true objects of one id at 1200000000 ns: " in capsys.readouterr().err


def test_a_true_object_without_extent_is_refused(drive, tmp_path, capsys):
    flat = dataclasses.replace(cars(0, (10.0, 0.0)), size=np.array([[4.0, 0.0, 1.6]]))
    truth = str(write(tmp_path / "flat.mcap", TRUTH, [flat]))
    assert main(["evaluate", str(drive[1]), "--truth", truth]) == 2
    assert "flat.mcap: a true object of 4 x 0 x 1.6 m at 1000000000 ns" in capsys.readouterr().err


def test_two_obstacles_of_one_id_are_no_result(drive, tmp_path, capsys):
    arrays = [cars(k, (10.3, 0.0), (30.0, 5.0), names=["a", "a"] if k == 4 else ["a", "b"]) for k in range(10)]
    result = str(write(tmp_path / "twice.mcap", RESULT, arrays))
    assert main(["evaluate", result, "--truth", str(drive[0])]) == 2
    assert "result of 1400000000 ns has 2 objects of one id: " in capsys.readouterr().err


def test_people_get_tables(drive, tmp_path, capsys):
    truth, _ = drive
    false = [
        dataclasses.replace(array, motion=np.full(2, Motion.UNKNOWN), class_probabilities=_unnamed(2))
        for array in (cars(k, (10.0, 0.0), (20.0, 9.0)) for k in range(4, 10))
    ]
    late = write(tmp_path / "late.mcap", RESULT, [*(cars(k) for k in range(4)), *false])
    assert main(["evaluate", str(late), "--truth", str(truth)]) == 0
    out = capsys.readouterr().out
    assert "10 scans, 1 objects asked for 10 times" in out
    assert "6 structure" in out
    assert "mota 0.600" in out
    assert "latency_worst 0.400 s" in out
    assert max(map(len, out.splitlines())) <= 160


def _unnamed(count):
    return np.tile(np.eye(len(CLASSES))[INDEX[UNKNOWN]], (count, 1))


def run(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "perception_tools.cli", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_simulate_replay_evaluate(tiny_bag, tmp_path):
    """Processes as a user starts them: a good replay finds what can be seen, and a perfect result is perfect."""
    out = tmp_path / "out.mcap"
    assert run("replay", tiny_bag, "--profile", "demo", "--output", out).returncode == 0
    done = run("evaluate", out, "--truth", tiny_bag, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["counts"]["scans"] == 10
    assert 0.0 < result["figures"]["recall"] <= 1.0
    assert result["figures"]["switches"] == 0
    again = run("evaluate", out, "--truth", tiny_bag, "--json")
    assert again.stdout == done.stdout
    perfect = json.loads(run("evaluate", tiny_bag, "--truth", tiny_bag, "--topic", TRUTH, "--json").stdout)
    best = dict.fromkeys(("recall", "precision", "mota", "hota", "idf1", "amota", "class_right", "ap", "iou_3d"), 1.0)
    assert {name: perfect["figures"][name] for name in best} == pytest.approx(best)
    assert (
        perfect["figures"]["position"] == perfect["figures"]["velocity"] == perfect["figures"]["latency_worst"] == 0.0
    )
    failed = run("evaluate", out, "--truth", tiny_bag, "--fail-on", "recall<1.01")
    assert failed.returncode == 1
    assert failed.stderr.startswith("perception evaluate: failed: recall:")
