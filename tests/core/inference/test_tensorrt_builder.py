"""Building engines: what is asked of TensorRT, and what becomes of its complaints. TensorRT is a fake one here."""

import threading

import numpy as np
import onnx
import pytest
from onnx import helper

from perception_core.errors import ModelError
from perception_core.inference.engines.key import ShapeRange
from perception_core.inference.progress import unheard
from perception_core.inference.tensorrt_api import api_of, load_api
from perception_core.inference.tensorrt_builder import BuildOptions, build_engine, checked_range


@pytest.fixture
def fake(fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    return fake_tensorrt


def build(path, options=None, report=unheard, stop=None, model=None):
    return build_engine(load_api("tensorrt"), path, model, options or BuildOptions(), report, stop or threading.Event())


def test_networks_are_strongly_typed_and_built_with_progress(fake, networks, tmp_path):
    reports = []
    plan = build(networks.echo_network(tmp_path / "echo.onnx"), report=reports.append)
    assert plan.startswith(fake.MAGIC)
    assert fake.Builder.flags == 1 << fake.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    assert [report.fraction for report in reports] == [0.0, 0.5, 1.0, 1.0]
    assert {report.stage for report in reports} == {"build"}
    assert fake.Builder.last_config.profiles == []


def test_settings_reach_the_builder(fake, networks, tmp_path):
    build(networks.echo_network(tmp_path / "echo.onnx"), BuildOptions(exact=True, level=5, workspace_bytes=1000))
    config = fake.Builder.last_config
    assert config.cleared == [fake.BuilderFlag.TF32]
    assert config.builder_optimization_level == 5
    assert config.pools == {fake.MemoryPoolType.WORKSPACE: 1000}


def open_network(networks, path):
    nodes = [helper.make_node("Identity", ["images"], ["output"])]
    return networks.save(path, nodes, [], ("batch", 3, 8, 8), ["batch", 3, 8, 8])


def test_open_sizes_are_built_for_the_range_given(fake, networks, tmp_path):
    path = open_network(networks, tmp_path / "open.onnx")
    wanted = ShapeRange((1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8))
    build(path, BuildOptions((("images", wanted),)))
    assert fake.Builder.last_config.profiles == [{"images": ((1, 3, 8, 8), (4, 3, 8, 8))}]
    with pytest.raises(
        ModelError, match=r"open\.onnx: input images \[\?, 3, 8, 8\] has open sizes, and none was given"
    ):
        build(path)


@pytest.mark.parametrize(
    ("shape", "low", "high", "result"),
    [
        ((-1, 3, 8, 8), (1, 3, 8, 8), (4, 3, 8, 8), ((1, 3, 8, 8), (4, 3, 8, 8))),
        ((2, 3, -1, 8), (1, 3, 8, 8), (4, 3, 9, 8), ((2, 3, 8, 8), (2, 3, 9, 8))),
        ((-1, 3, 8, 8), (1, 3, 8), (4, 3, 8), None),
        ((-1, 3, 8, 8), (1, 3, 9, 8), (4, 3, 9, 8), None),
    ],
)
def test_sizes_that_are_not_open_stay(tmp_path, shape, low, high, result):
    wanted = ShapeRange(low, high, high)
    if result is None:
        with pytest.raises(ModelError, match="cannot be of"):
            checked_range(tmp_path, "images", shape, wanted)
    else:
        checked = checked_range(tmp_path, "images", shape, wanted)
        assert (checked.low, checked.high) == result


@pytest.mark.parametrize("content", [b"not a network", b"\x00" * 100, b"\x0a\xff\xff\xff\xff\x07" + b"x" * 64])
def test_what_the_parser_says_is_said_with_the_operator(fake, tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"(?s)bad\.onnx: tensorrt 10\.16\.1\.11 cannot read it: Foo 'node_3': "):
        build(path)


def test_what_the_builder_logged_is_the_reason(fake, networks, tmp_path, monkeypatch):
    monkeypatch.setattr(fake.Builder, "failure", "Out of memory:\n  could not find any implementation")
    with pytest.raises(ModelError, match="cannot build it: Out of memory: could not find any implementation"):
        build(networks.echo_network(tmp_path / "echo.onnx"))


def test_a_build_can_be_stopped(fake, networks, tmp_path):
    stop = threading.Event()
    with pytest.raises(ModelError, match="the build was stopped"):
        build(networks.echo_network(tmp_path / "echo.onnx"), report=lambda _: stop.set(), stop=stop)


def test_a_report_that_fails_ends_the_build_and_nothing_else(fake, networks, tmp_path):
    def report(progress):
        if progress.fraction:
            raise RuntimeError("nobody listens")

    with pytest.raises(ModelError, match="cannot build it: no message"):
        build(networks.echo_network(tmp_path / "echo.onnx"), report=report)


def test_versions_that_are_too_old_or_lack_something_are_refused(fake):
    with pytest.raises(ModelError, match=r"tensorrt 8\.6\.1 is older than 10"):
        api_of(fake.fake_module(version="8.6.1"), "tensorrt")
    assert api_of(fake.fake_module("tensorrt_rtx", "1.7.1.116"), "tensorrt_rtx").title == "tensorrt_rtx 1.7.1.116"
    module = fake.fake_module()
    del module.IProgressMonitor
    with pytest.raises(ModelError, match=r"tensorrt 10\.16\.1\.11 lacks IProgressMonitor"):
        api_of(module, "tensorrt")


def test_types_become_numpy_s_or_are_named(fake):
    api = load_api("tensorrt")
    assert api.numpy_type(fake.DataType.HALF) == np.float16
    with pytest.raises(ModelError, match="BF16 has no NumPy type"):
        api.numpy_type(fake.DataType.BF16)


def test_a_converted_network_is_built_in_the_place_of_the_file(fake, networks, tmp_path):
    path = networks.echo_network(tmp_path / "echo.onnx")
    other = networks.echo_network(tmp_path / "other.onnx", size=16)
    plan = build(path, model=onnx.load(other).SerializeToString())
    assert plan.endswith(onnx.load(other).SerializeToString())
