"""Average precision on a simulated drive: of the network that comes along, in FP32 and in INT8."""

import json

import pytest

from perception_core.errors import ConfigError
from perception_core.inference import create_backend
from perception_core.inference.registry import find_model
from perception_tools.cli import main
from perception_tools.simulated_truth import precision, simulated_views


@pytest.fixture(scope="module")
def views():
    return simulated_views("tiny")


def test_views_are_the_same_every_time_and_know_what_is_in_them(views):
    again = simulated_views("tiny")
    assert [view.image.stamp_ns for view in views] == [view.image.stamp_ns for view in again]
    assert all((a.image.pixels == b.image.pixels).all() for a, b in zip(views, again, strict=True))
    assert sum(len(view.labels.boxes) for view in views) > 0


def test_a_scenario_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match="moon"):
        simulated_views("moon")


def test_our_network_sees_simulated_things_also_in_int8(views, tiny_bag, tmp_path, capsys):
    path, card = find_model("simulated_street")
    alone = precision(lambda: create_backend(path), card, views)
    assert alone.map50 > 0.2
    words = ["--bag", str(tiny_bag), "--truth", "tiny", "--output", str(tmp_path / "small.onnx"), "--max-loss", "0.1"]
    assert main(["models", "quantize", "simulated_street", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fp32"]["precision"]["map50"] == pytest.approx(alone.map50)
    assert found["int8"]["precision"]["map50"] == pytest.approx(alone.map50, abs=0.05)
    assert found["pixels_kept"] > 0.98
    assert found["int8"]["size_bytes"] < 0.6 * found["fp32"]["size_bytes"]
    assert find_model(tmp_path / "small.onnx")[1].task == "multitask"
