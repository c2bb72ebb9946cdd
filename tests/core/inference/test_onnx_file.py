"""The outside of ONNX files, read without an engine; and files that are none, told at once."""

import time

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.errors import ModelError
from perception_core.inference import create_backend
from perception_core.inference.onnx_file import read_header


@pytest.fixture
def whole(tmp_path, networks):
    """A network with two inputs, two outputs, an open dimension and metadata."""
    return networks.write(
        tmp_path / "whole.onnx",
        {"boxes": np.zeros((1, 7, 84), np.float32), "labels": np.zeros((1, 84), np.int64)},
        ("batch", 3, 64, "width"),
        metadata={"names": "{0: 'car'}", "stride": 32},
        extra_inputs={"orig_target_sizes": ("batch", 2)},
    )


def test_inputs_outputs_metadata_and_operators(whole):
    header = read_header(whole)
    assert [str(i) for i in header.inputs] == ["images float32 [?, 3, 64, ?]", "orig_target_sizes int64 [?, 2]"]
    assert [str(o) for o in header.outputs] == ["boxes float32 [1, 7, 84]", "labels int64 [1, 84]"]
    assert header.metadata == {"names": "{0: 'car'}", "stride": "32"}
    assert header.operators == {"Cast": 4, "ReduceMean": 2, "Mul": 2, "Add": 2}
    assert header.ir_version == 8


def test_it_is_what_onnx_runtime_says(whole):
    header, backend = read_header(whole), create_backend(whole)
    assert (header.inputs, header.outputs) == (backend.inputs, backend.outputs)


def test_constants_among_the_inputs_are_left_out(tmp_path, networks):
    model = onnx.load(networks.echo_network(tmp_path / "old.onnx"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "weights"))
    model.graph.input.append(onnx.helper.make_tensor_value_info("weights", onnx.TensorProto.FLOAT, [3]))
    onnx.save(model, tmp_path / "old.onnx")
    assert [i.name for i in read_header(tmp_path / "old.onnx").inputs] == ["images"]


def test_operators_outside_the_standard_have_their_domain(tmp_path, networks):
    model = onnx.load(networks.echo_network(tmp_path / "odd.onnx"))
    model.graph.node[0].domain = "com.acme"
    onnx.save(model, tmp_path / "odd.onnx")
    assert read_header(tmp_path / "odd.onnx").operators == {"com.acme::Identity": 1}


def test_the_real_network(perception_models):
    header = read_header(perception_models / "yolox_nano.onnx")
    assert [str(o) for o in header.outputs] == ["output float32 [1, 3549, 85]"]
    assert sum(header.operators.values()) > 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"not a network at all", r"not an ONNX file: .*"),
        (b"<html><body>404 Not Found</body></html>", "not an ONNX file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not an ONNX file"),
        (b"\x00" * 4096, "field 0 at byte|no protobuf|0 graphs"),
        (b"\x08\x08", "0 graphs, format version 8, 0 operator sets"),
        (b"\x0a\xff\xff\xff\xff\x07" + b"x" * 64, "field 1 at byte 0 claims 2147483647 bytes, 64 are left"),
        (b"\x08\x08\x3a\xff\xff\xff\xff\x0f" + b"x" * 64, "field 7 at byte 2 claims 4294967295 bytes, 64 are left"),
        (b"\x08" + b"\xff" * 30, "no number ends before byte"),
        (b"\x08\x08\x38\x01\x42\x00", "a number stands where a message is expected"),
        (b"\x42\x02\x10\x11\x3a\x00\x0a\x01\x00", "a message stands where a number is expected"),
    ],
)
def test_a_file_that_is_no_network_is_one_clear_line(tmp_path, content, reason):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"broken\.onnx: .*({reason})") as caught:
        read_header(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: cannot read it: No such file"):
        read_header(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="cannot read it: Is a directory"):
        read_header(tmp_path)


def test_a_tensor_of_no_known_type_and_an_output_that_is_no_tensor(tmp_path, networks):
    path = networks.echo_network(tmp_path / "odd.onnx")
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.COMPLEX64
    onnx.save(model, path)
    with pytest.raises(ModelError, match="output is of element type 14, which is not supported"):
        read_header(path)
    model.graph.output[0].type.Clear()
    model.graph.output[0].type.sequence_type.elem_type.tensor_type.elem_type = 1
    onnx.save(model, path)
    with pytest.raises(ModelError, match="output is not a tensor"):
        read_header(path)


def test_a_file_of_nothing_but_tiny_fields_ends(tmp_path):
    path = tmp_path / "busy.onnx"
    path.write_bytes(b"\x08\x08" * 4_000_000)
    start = time.monotonic()
    with pytest.raises(ModelError, match="more than 2000000 fields"):
        read_header(path)
    assert time.monotonic() - start < 60


@settings(max_examples=200, deadline=None)
@given(cut=st.floats(0, 1), at=st.floats(0, 1), byte=st.integers(0, 255))
def test_damage_is_an_error_or_a_header(tmp_path_factory, networks, cut, at, byte):
    folder = tmp_path_factory.getbasetemp()
    path = folder / "sound.onnx"
    if not path.exists():
        networks.constant_network(path, networks.empty_output())
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] = byte
    damaged = folder / "damaged.onnx"
    damaged.write_bytes(content[: int(cut * len(content))])
    try:
        read_header(damaged)
    except ModelError:
        return
