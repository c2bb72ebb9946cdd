"""`perception bench inference`: each step beside the bare session, of the network that comes along."""

import json

import pytest

from perception_core.inference.registry import find_model
from perception_tools.benchmarks import inference
from perception_tools.cli import main


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No other networks than those that come along."""
    monkeypatch.setenv("PERCEPTION_MODELS", "")
    monkeypatch.delenv("PERCEPTION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_bench_prints_one_object_with_every_step(capsys):
    assert main(["bench", "inference", "--scans", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["inference"]
    rows = [row for row in found["rows"] if row["backend"] == "onnxruntime"]
    assert [(row["model"], row["threads"]) for row in rows] == [("simulated_street", 1), ("simulated_street", 2)]
    for row in rows:
        steps = row["preprocess_ms"] + row["inference_ms"] + row["decode_ms"]
        assert row["total_ms"] == pytest.approx(steps)
        assert row["over"] == pytest.approx(steps / row["bare_ms"] - 1.0)
        assert row["in_budget"] == (row["over"] <= 0.1)
        assert row["prepared_on"] == "CPU"
        assert min(row["preprocess_ms"], row["inference_ms"], row["decode_ms"], row["bare_ms"]) > 0.0
    assert found["peak_rss_mib"] > 50.0
    families = ["yolox", "yolov5", "yolov5 not decoded", "yolov8", "yolo_end2end", "rtdetr", "rfdetr"]
    families += ["nanodet", "fastestdet"]
    cases = [(row["family"], row["objects"]) for row in found["decoding"]]
    assert cases == [(family, objects) for family in families for objects in (20, 150, 1050)]
    assert all(0 < row["kept"] <= 100 for row in found["decoding"])
    assert all(row["in_budget"] == (row["ms"] <= 1.0) for row in found["decoding"])


def test_one_network_is_measured_by_name(capsys):
    assert main(["models", "bench", "simulated_street"]) == 0
    printed = capsys.readouterr().out
    assert "simulated_street" in printed
    assert "decoding and NMS of 8400" in printed


def test_a_network_that_does_not_load_is_left_out(tmp_path):
    _, card = find_model("simulated_street")
    (tmp_path / card.file).write_bytes(b"no network")
    assert inference.measure([(tmp_path / card.file, card)], inference.images(None, 1)) == []


def test_without_networks_the_table_says_how_to_get_one():
    assert "perception models pull" in inference.printed(inference.as_dict([], []))
