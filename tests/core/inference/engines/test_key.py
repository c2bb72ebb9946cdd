"""A key changes with everything that makes another engine."""

import dataclasses

import pytest

from perception_core.errors import ModelError
from perception_core.inference.engines.key import EngineKey, ShapeRange, model_digest

IMAGES = ShapeRange((1, 3, 64, 64), (2, 3, 64, 64), (4, 3, 64, 64))
KEY = EngineKey("ab" * 32, "tensorrt 10.16.1.11", "Orin, compute capability 8.7", "fp16", (("images", IMAGES),))


@pytest.mark.parametrize(
    "change",
    [
        {"model": "cd" * 32},
        {"engine": "tensorrt 10.16.1.12"},
        {"engine": "tensorrt_rtx 10.16.1.11"},
        {"device": "Orin, compute capability 8.6"},
        {"precision": "fp32"},
        {"shapes": (("pictures", IMAGES),)},
        {"shapes": (("images", ShapeRange.fixed((1, 3, 64, 64))),)},
        {"flags": (("level", "3"),)},
    ],
)
def test_any_change_is_another_key(change):
    other = dataclasses.replace(KEY, **change)
    assert other.digest() != KEY.digest()


def test_the_order_of_inputs_and_flags_does_not_matter():
    inputs = (("a", ShapeRange.fixed((1,))), ("b", ShapeRange.fixed((2,))))
    flags = (("x", "1"), ("y", "2"))
    one = dataclasses.replace(KEY, shapes=inputs, flags=flags)
    two = dataclasses.replace(KEY, shapes=inputs[::-1], flags=flags[::-1])
    assert one.digest() == two.digest()


@pytest.mark.parametrize(
    ("low", "usual", "high"), [((1, 3), (1,), (1, 3)), ((2,), (1,), (4,)), ((0,), (1,), (1,)), ((1,), (3,), (2,))]
)
def test_shapes_that_are_no_range_are_refused(low, usual, high):
    with pytest.raises(ModelError, match="shapes"):
        ShapeRange(low, usual, high)


def test_the_digest_of_a_network_is_of_its_content_not_of_its_name(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"content")
    (tmp_path / "b.onnx").write_bytes(b"content")
    assert model_digest(tmp_path / "a.onnx") == model_digest(tmp_path / "b.onnx")
    (tmp_path / "b.onnx").write_bytes(b"CONTENT")
    assert model_digest(tmp_path / "a.onnx") != model_digest(tmp_path / "b.onnx")


def test_weights_outside_count_and_strangers_do_not(tmp_path):
    path = tmp_path / "large.onnx"
    path.write_bytes(b"... location large.onnx.data ...")
    alone = model_digest(path)
    (tmp_path / "large.onnx.data").write_bytes(b"weights")
    with_weights = model_digest(path)
    assert with_weights != alone
    (tmp_path / "large.onnx.data").write_bytes(b"WEIGHTS")
    assert model_digest(path) not in {alone, with_weights}
    (tmp_path / "large.onnx.data").write_bytes(b"weights")
    (tmp_path / "stranger.bin").write_bytes(b"weights")
    assert model_digest(path) == with_weights


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_missing_or_empty_is_named(tmp_path, content):
    path = tmp_path / "gone.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot read it"):
        model_digest(path)
