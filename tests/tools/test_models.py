"""`perception models`: lists, downloads from a server of the test, describes, quantizes, and says what is wrong."""

import functools
import hashlib
import importlib.util
import json
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from perception_core.inference import factory, load_card, registry
from perception_core.inference.model_card import ModelCard
from perception_tools import quantizing
from perception_tools.benchmarks.frames import load_frames
from perception_tools.cli import main
from perception_tools.quantizing import bag_images, quantize

SIZE = 32
CARD = """\
name: {name}
task: segmentation
family: class_map
file: {name}.onnx
input: {{width: 32, height: 32, colour: bgr, scale: 0.01, mean: [0, 0, 0], std: [1, 1, 1], letterbox: stretch, pad: 0}}
segments: [{{dark: ground}}, {{bright: sky}}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The only folder of networks, and an empty cache."""
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("PERCEPTION_MODELS", str(models))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return models


def segmenter(folder: Path, name: str = "halves", coarse: bool = False) -> Path:
    """Write a network that tells dark pixels from bright ones, by one convolution in 8 bits or by much less."""
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[1] = 1.0
    middle = np.array([1.2, 0.0], np.float32)
    nodes = [helper.make_node("Conv", ["images", "weights", "middle"], ["output"], name="c")]
    if coarse:  # a difference of millions hides the one that counts
        weights[:] = 1e6
        weights[1, 0] += 1.0
        middle = np.array([0.4, 0.0], np.float32)
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(middle, "middle")]
    ports = [
        [helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, channels, SIZE, SIZE])]
        for port, channels in (("images", 3), ("output", 2))
    ]
    graph = helper.make_graph(nodes, "test", *ports, constants)
    path = folder / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    path.with_suffix(".yaml").write_text(CARD.format(name=name), encoding="utf-8")
    return path


@pytest.fixture
def served(tmp_path):
    """A server of the files in a folder, and its address."""
    root = tmp_path / "served"
    root.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield root, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def known(monkeypatch, folder):
    """Say which cards are packaged."""

    def make(**keys) -> ModelCard:
        text = folder.parent / "known.yaml"
        text.write_text(CARD.format(name="known") + yaml.safe_dump(keys), encoding="utf-8")
        card = load_card(text)
        monkeypatch.setattr(registry, "_packaged", lambda: iter([card]))
        return card

    return make


CONTENT = b"a network" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def test_list_names_every_packaged_card(folder, capsys):
    assert main(["models", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert rows.keys() == registry.packaged_cards().keys()
    assert rows["yolox_nano"]["checked"] == "yes"
    assert rows["yolox_nano"]["path"] is None
    assert main(["models", "list"]) == 0
    assert "yolox_nano" in capsys.readouterr().out


def test_pull_brings_the_file_into_the_cache_once(folder, served, known, capsys):
    root, address = served
    (root / "known.onnx").write_bytes(CONTENT)
    known(source=f"{address}/gone.onnx", mirrors=[f"{address}/known.onnx"], sha256=[DIGEST], size=len(CONTENT))
    for downloaded in (True, False):
        assert main(["models", "pull", "known", "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["models"]
        assert row["downloaded"] is downloaded
        assert Path(row["path"]).read_bytes() == CONTENT
    assert (folder.parent / "cache" / "perception" / "models" / "known.onnx").is_file()


def test_pull_looks_into_the_named_folders_first(folder, known, capsys):
    (folder / "known.onnx").write_bytes(CONTENT)
    known(source="http://127.0.0.1:9/nobody", sha256=[DIGEST])
    assert main(["models", "pull", "known"]) == 0
    assert "was here" in capsys.readouterr().out


def test_the_network_that_comes_along_is_here_already(folder, capsys):
    assert main(["models", "pull", "simulated_street"]) == 0
    out = capsys.readouterr().out
    assert "weights/simulated_street.onnx (was here)" in out
    assert not (folder.parent / "cache").exists()


def test_the_network_that_comes_along_is_copied_into_a_folder_that_is_asked_for(folder, capsys):
    copy, card = folder / "simulated_street.onnx", registry.packaged_cards()["simulated_street"]
    for _ in range(2):
        assert main(["models", "pull", "simulated_street", "--folder", str(folder)]) == 0
        assert capsys.readouterr().out.startswith(f"simulated_street: {copy}")
        assert registry.sha256_of(copy) in card.sha256
    copy.write_bytes(b"damaged")
    assert main(["models", "pull", "simulated_street", "--folder", str(folder)]) == 0
    assert registry.sha256_of(copy) in card.sha256
    assert registry.find_model("simulated_street", [folder])[0] == copy


def test_a_wrong_checksum_deletes_and_says_so(folder, served, known, capsys):
    root, address = served
    (root / "known.onnx").write_bytes(b"another network")
    known(source=f"{address}/known.onnx", sha256=[DIGEST])
    assert main(["models", "pull", "known", "--folder", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "sha256" in error
    assert "deleted" in error
    assert not list(folder.glob("*.onnx"))


def test_a_file_nobody_checked_is_taken_only_where_that_is_said(folder, served, known, capsys):
    root, address = served
    (root / "known.onnx").write_bytes(CONTENT)
    known(source=f"{address}/known.onnx")
    assert main(["models", "pull", "known"]) == 2
    assert "never checked" in capsys.readouterr().err
    assert main(["models", "pull", "known", "--allow-unverified"]) == 0


def test_describe_prints_findings_and_a_card(folder, capsys):
    path = segmenter(folder)
    assert main(["models", "describe", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"]["value"] == "segmentation"
    assert found["questions"]
    assert main(["models", "describe", str(path), "--card"]) == 0
    assert capsys.readouterr().out.startswith("name: halves\n")
    assert main(["models", "describe", "halves"]) == 0
    assert "class_map" in capsys.readouterr().out


def test_build_without_tensorrt_is_an_error(folder, capsys, monkeypatch):
    monkeypatch.setattr(factory, "find_spec", lambda name: name == "onnxruntime" or None)
    segmenter(folder)
    assert main(["models", "build", "halves", "--backend", "tensorrt"]) == 2
    assert "'tensorrt' is not available" in capsys.readouterr().err
    assert main(["models", "build", "halves", "--backend", "auto"]) == 2
    assert "no TensorRT works here, and onnxruntime needs no engine" in capsys.readouterr().err


def helpers(name):
    """The module of that name beside the core's tests of inference."""
    file = Path(__file__).parents[1] / "core" / "inference" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tensorrt(monkeypatch):
    """A fake TensorRT on a fake GPU, with NVRTC."""
    fake = helpers("fake_tensorrt")
    helpers("host_kernel").install(monkeypatch, fake.install(monkeypatch))
    return fake


def test_build_makes_an_engine_with_a_bar_and_says_who_prepares_images(folder, tensorrt, capsys, monkeypatch):
    segmenter(folder)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["models", "build", "halves", "--precision", "fp32"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith("halves: tensorrt 10.16.1.11 (Fake GPU, fp32)")
    assert printed.out.splitlines()[1] == "images are prepared on the GPU"
    assert "build: Building" in printed.err
    assert "load: loading an engine" in printed.err
    assert main(["models", "build", "halves", "--precision", "fp32", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["preprocessing"], tensorrt.Builder.built) == ("GPU", 1)


def test_bench_measures_the_engine_itself_and_says_who_prepares_images(folder, tensorrt, capsys):
    segmenter(folder)
    assert main(["models", "bench", "halves", "--json"]) == 0
    rows = {row["backend"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert (rows["tensorrt"]["prepared_on"], rows["onnxruntime"]["prepared_on"]) == ("GPU", "CPU")
    assert tensorrt.Builder.built == 1


def test_quantize_writes_a_network_and_its_card(folder, tiny_bag, tmp_path, capsys):
    segmenter(folder)
    output = tmp_path / "out" / "small.onnx"
    assert main(["models", "quantize", "halves", "--bag", str(tiny_bag), "--output", str(output), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accepted"] is True
    assert found["pixels_kept"] > 0.97
    assert found["detections"] is None
    images = len(bag_images(tiny_bag))
    assert found["calibration_images"] + found["check_images"] == images
    path, card = registry.find_model(output)
    assert (path, card.name, card.task, card.segment_labels) == (output, "small", "segmentation", ("ground", "sky"))
    assert card.sha256 == (registry.sha256_of(output),)
    assert "QuantizeLinear" in {node.op_type for node in onnx.load(output).graph.node}
    assert sorted(p.name for p in output.parent.iterdir()) == ["small.onnx", "small.yaml"]


def test_quantize_refuses_what_loses_too_much(folder, tiny_bag, tmp_path, capsys):
    segmenter(folder, coarse=True)
    output = tmp_path / "small.onnx"
    words = ["models", "quantize", "halves", "--bag", str(tiny_bag), "--output", str(output), "--max-loss", "0.01"]
    assert main(words) == 1
    assert "not written" in capsys.readouterr().out
    assert not output.exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["pull", "moon"], "model 'moon' is unknown"),
        (["describe", "moon.onnx"], "moon.onnx"),
        (["quantize", "moon", "--bag", "none.mcap"], "model 'moon' is unknown"),
        (["quantize", "halves", "--bag", "none.mcap"], "none.mcap: no such bag"),
        (["quantize", "halves", "--bag", "none.mcap", "--max-loss", "3"], "--max-loss: 3 is no share"),
        (["quantize", "halves", "--bag", "none.mcap", "--output", "x.bin"], "must end in .onnx"),
        (["bench", "moon"], "model 'moon' is unknown"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, text, folder, capsys):
    segmenter(folder)
    assert main(["models", *words]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


def test_a_topic_that_is_not_there_is_named(folder, tiny_bag, capsys):
    segmenter(folder)
    assert main(["models", "quantize", "halves", "--bag", str(tiny_bag), "--topic", "/moon"]) == 2
    assert "/moon" in capsys.readouterr().err


def test_the_network_itself_is_not_overwritten(folder, tiny_bag, capsys):
    path = segmenter(folder)
    before = path.read_bytes()
    assert main(["models", "quantize", str(path), "--bag", str(tiny_bag), "--output", str(path)]) == 2
    assert "another name" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_images_are_taken_evenly(tiny_bag):
    everything = bag_images(tiny_bag)
    three = bag_images(tiny_bag, most=3)
    assert [image.stamp_ns for image in three] == [
        everything[k].stamp_ns for k in (0, round((len(everything) - 1) / 2), len(everything) - 1)
    ]


def test_large_images_are_fewer(tiny_bag, monkeypatch):
    monkeypatch.setattr(quantizing, "_MOST_BYTES", 1)
    assert len(bag_images(tiny_bag)) == 8


def test_yolox_nano_keeps_its_eyes_on_photographs(perception_models, perception_data, tmp_path):
    path, card = registry.find_model("yolox_nano", [perception_models])
    frames = load_frames(perception_data, 40)[1]
    outcome = quantize(path, card, [frame.image for frame in frames], tmp_path / "small.onnx", max_loss=0.03)
    assert outcome.detections.expected > 200
    assert outcome.loss < 0.03
    assert outcome.float_work <= 0.2
    assert outcome.int8.size_bytes < 0.5 * outcome.fp32.size_bytes
