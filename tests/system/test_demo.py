"""`perception demo` from end to end, and when it is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from perception_core.evaluation.config import EvaluationConfig
from perception_nodes.bag_reader import BagReader
from perception_tools.evaluating import judge_recording
from perception_tools.evaluating_truth import truth_of

pytestmark = pytest.mark.system


def demo(folder, *words):
    command = [
        sys.executable,
        "-m",
        "perception_tools.cli",
        "demo",
        "--scenario",
        "tiny",
        "--out",
        str(folder / "demo"),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PERCEPTION_MODELS"}
    return subprocess.Popen(
        [*command, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_demo_gives_obstacles_latencies_and_a_report(tmp_path, left_behind):
    process = demo(tmp_path, "--json")
    out, err = process.communicate(timeout=110)
    assert process.returncode in (0, 1), err  # 1: a scan was lost, which a machine with other things to do may do
    result = json.loads(out)
    assert result["scans_in"] == 20
    assert result["arrays_out"] >= 18, result
    assert result["modes"]["FUSED"] >= 10, result  # a late image leaves a scan LIDAR_ONLY
    assert set(result["modes"]) <= {"FUSED", "LIDAR_ONLY"}
    assert result["images_lost"] is not None
    assert result["clean_shutdown"]
    assert not [note for note in result["notes"] if "was compiled while" in note]
    end_to_end = result["latency_ms"]["scan published -> obstacles received"]
    assert 1.0 < end_to_end["p50"] < 1000.0
    assert {"lidar_node", "camera_node", "fusion_node", "tracking_node"} <= result["peak_rss_mb"].keys()
    with BagReader(tmp_path / "demo" / "obstacles.mcap") as bag:
        assert bag.topics["/perception/obstacles"].count >= result["arrays_out"]
        assert bag.topics["/diagnostics"].count > 0
    assert (tmp_path / "demo" / "report.html").stat().st_size > 100_000
    judged = judge_recording(
        tmp_path / "demo" / "obstacles.mcap",
        truth_of(str(next(tmp_path.rglob("simulated-tiny-*.mcap")))),
        EvaluationConfig(),
    )
    assert judged.evaluation.counts.scans >= result["arrays_out"]
    assert judged.evaluation.tracking.recall > 0.3
    assert left_behind() == []


def test_without_the_network_that_was_asked_for_it_goes_on_with_the_lidar(tmp_path, left_behind):
    process = demo(tmp_path, "--json", "--model", "nowhere")
    out, err = process.communicate(timeout=110)
    assert process.returncode in (0, 1), err
    result = json.loads(out)
    assert set(result["modes"]) == {"LIDAR_ONLY"}
    assert result["images_lost"] is None
    assert any("no detections" in note and "nowhere" in note for note in result["notes"])
    assert left_behind() == []


def test_an_interrupted_demo_leaves_no_process(tmp_path, left_behind):
    process = demo(tmp_path)
    log = tmp_path / "demo" / "launch.log"
    deadline = time.monotonic() + 60.0
    while not (log.exists() and "process started" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "perception demo: interrupted"
    assert left_behind() == []


def test_a_killed_demo_leaves_no_process(tmp_path, left_behind):
    process = demo(tmp_path)
    log = tmp_path / "demo" / "launch.log"
    deadline = time.monotonic() + 60.0
    while not (log.exists() and log.read_text().count("active") >= 2) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.communicate(timeout=10)
    assert left_behind() == []
