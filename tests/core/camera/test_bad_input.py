"""What people put in the wrong place: one clear line each, at once."""

import time

import numpy as np
import onnx
import pytest

from perception_core.camera import CameraConfig, build_detector
from perception_core.errors import ImageError, ModelError
from perception_core.inference.describe import describe
from perception_core.types import Image


@pytest.fixture
def refused(tmp_path, networks):
    """Put a file and a card into a folder, and return the line with which the detector refuses them."""

    def refuse(content: bytes, card: str = networks.CARD) -> str:
        (tmp_path / "tiny.onnx").write_bytes(content)
        (tmp_path / "tiny.yaml").write_text(card)
        start = time.monotonic()
        with pytest.raises(ModelError) as caught:
            build_detector(CameraConfig(model="tiny"), [tmp_path])
        assert time.monotonic() - start < 20
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refuse


@pytest.mark.parametrize(
    "content",
    [
        b"<html>404</html>",
        b"\x0a\xff\xff\xff\xff\x07" + b"x" * 64,  # a field that claims 2 GiB
        b"\x08\x08\x3a\xff\xff\xff\xff\x07" + b"x" * 64,  # a graph that does
        b"\x08\x08" * 100_000,
    ],
)
def test_a_file_that_is_no_network(refused, content, tmp_path):
    assert "tiny.onnx: " in refused(content)
    with pytest.raises(ModelError, match=r"tiny\.onnx: not an ONNX file: "):
        describe(tmp_path / "tiny.onnx")


def test_operators_nobody_knows(refused, tmp_path, networks):
    model = onnx.load(networks.constant_network(tmp_path / "odd.onnx", networks.empty_output()))
    model.graph.node[0].domain = "com.acme"
    model.graph.node[0].op_type = "Magic"
    model.opset_import.append(onnx.helper.make_opsetid("com.acme", 1))
    line = refused(model.SerializeToString())
    assert "tiny.onnx: ONNX Runtime cannot load it" in line
    assert "Magic" in line


def test_an_input_of_the_wrong_rank(refused, tmp_path, networks):
    path = networks.constant_network(tmp_path / "odd.onnx", networks.empty_output(), input_shape=(3, 64, 64))
    assert "expected an input float32 [1, 3, H, W], got images float32 [3, 64, 64]" in refused(path.read_bytes())


def test_class_names_that_do_not_fit_the_head(refused, tmp_path, networks):
    path = networks.constant_network(tmp_path / "odd.onnx", networks.empty_output(classes=80))
    line = refused(path.read_bytes())
    assert "expected an output [1, anchors, 10] for 5 classes, got output float32 [1, 84, 85]" in line


@pytest.mark.parametrize("file", ["../tiny.onnx", "..", "/etc/passwd", "a/../tiny.onnx", "..\\tiny.onnx", "tiny..onnx"])
def test_a_card_s_file_name_cannot_lead_elsewhere(refused, networks, file):
    line = refused(b"", networks.CARD.replace("file: tiny.onnx", f"file: '{file}'"))
    assert f"tiny.yaml: file: {file!r} is not a plain name" in line


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 3), (5, 5), (5, 5, 1), (5, 5, 4)])
def test_images_that_are_none(shape):
    with pytest.raises(ImageError, match=r"image: expected uint8 \(H, W, 3\) with H, W > 0"):
        Image(np.zeros(shape, np.uint8), 0, "c")
