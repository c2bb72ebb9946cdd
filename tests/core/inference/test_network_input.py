"""What networks are fed with: layout, number type, batch, sizes."""

import numpy as np
import pytest
from onnx import TensorProto

from perception_core.errors import ModelError
from perception_core.inference import create_backend
from perception_core.inference.model_card import InputSpec
from perception_core.inference.network_input import network_input


def loaded(tmp_path, networks, shape, **keys):
    return create_backend(networks.write(tmp_path / "a.onnx", {"o": np.zeros((1, 1), np.float32)}, shape, **keys))


def test_channels_first_is_fed_as_it_is(tmp_path, networks):
    wanted = network_input(loaded(tmp_path, networks, ("b", 3, 4, 8)), InputSpec(width=8, height=4))
    tensor = np.arange(96, dtype=np.float32).reshape(1, 3, 4, 8)
    assert wanted.batch is None
    assert wanted.feed(tensor)["images"] is tensor


def test_channels_last_and_bytes(tmp_path, networks):
    spec = InputSpec(width=8, height=4, layout="nhwc")
    backend = loaded(tmp_path, networks, (2, 4, 8, 3), input_dtype=TensorProto.UINT8)
    wanted = network_input(backend, spec)
    tensor = np.full((2, 3, 4, 8), [[[[-3.0]], [[99.6]], [[300.0]]]], np.float32)
    fed = wanted.feed(tensor)["images"]
    assert (wanted.batch, fed.dtype, fed.shape) == (2, np.uint8, (2, 4, 8, 3))
    assert fed[1, 2, 5].tolist() == [0, 100, 255]
    backend.run({"images": fed})


def test_half_precision(tmp_path, networks):
    backend = loaded(tmp_path, networks, (1, 3, 4, 8), input_dtype=TensorProto.FLOAT16)
    fed = network_input(backend, InputSpec(width=8, height=4)).feed(np.ones((1, 3, 4, 8), np.float32))
    assert fed["images"].dtype == np.float16
    backend.run(fed)


def test_the_size_of_the_image_is_told_where_it_is_asked(tmp_path, networks):
    backend = loaded(tmp_path, networks, ("N", 3, 4, 8), extra_inputs={"orig_target_sizes": ("N", 2)})
    fed = network_input(backend, InputSpec(width=8, height=4)).feed(np.zeros((2, 3, 4, 8), np.float32))
    assert fed["orig_target_sizes"].tolist() == [[8, 4], [8, 4]]
    assert fed["orig_target_sizes"].dtype == np.int64
    backend.run(fed)


@pytest.mark.parametrize(
    ("shape", "keys", "reason"),
    [
        ((3, 4, 8), {}, r"expected an input float32 \[1, 3, H, W\], got images float32 \[3, 4, 8\]"),
        ((1, 4, 8, 3), {}, r"expected an input float32 \[1, 3, H, W\]"),
        ((1, 3, 4, 8), {"input_dtype": TensorProto.INT64}, "expected an input float32 .*, got images int64"),
        ((1, 3, 8, 4), {}, r"the card says 8x4 \(width x height\), the file images float32 \[1, 3, 8, 4\]"),
        ((1, 3, 4, 8), {"extra_inputs": {"mask": (1, 4)}}, "expected one image input, got 2: images .*; mask int64"),
    ],
)
def test_inputs_that_do_not_fit_are_named(tmp_path, networks, shape, keys, reason):
    with pytest.raises(ModelError, match=reason):
        network_input(loaded(tmp_path, networks, shape, **keys), InputSpec(width=8, height=4))


def test_channels_last_that_are_first_are_named(tmp_path, networks):
    with pytest.raises(ModelError, match=r"expected an input float32 \[B, H, W, 3\], got images"):
        network_input(loaded(tmp_path, networks, (1, 3, 4, 8)), InputSpec(width=8, height=4, layout="nhwc"))
