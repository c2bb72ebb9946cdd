"""PyTorch as an engine, with networks that torch itself has written; left out where there is no torch."""

import numpy as np
import pytest

from perception_core.errors import ModelError
from perception_core.inference.torch_backend import TorchBackend

SIZE = (1, 3, 8, 8)


@pytest.fixture
def network(torch):
    """Doubles its input, and returns its mean beside."""

    class Twice(torch.nn.Module):
        def forward(self, images: torch.Tensor):
            return images * 2.0, images.mean().reshape(1)

    return Twice().eval()


@pytest.fixture
def save(torch, network, tmp_path):
    """Write the network in one of the formats."""

    def write(how: str):
        example = torch.zeros(SIZE)
        if how == "export":
            path = tmp_path / "a.pt2"
            torch.export.save(torch.export.export(network, (example,)), path)
        elif how == "open":
            path = tmp_path / "open.pt2"
            dims = {"images": {0: torch.export.Dim("batch", min=1, max=4)}}
            torch.export.save(torch.export.export(network, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=dims), path)
        else:
            path = tmp_path / "a.pt"
            made = torch.jit.script(network) if how == "script" else torch.jit.trace(network, example)
            torch.jit.save(made, path)
        return path

    return write


@pytest.mark.parametrize("how", ["export", "open", "script", "trace"])
@pytest.mark.parametrize("name", ["images", ""])
def test_a_program_returns_what_it_says(save, how, name):
    backend = TorchBackend(save(how), shapes={name: SIZE})
    image = np.arange(192, dtype=np.float32).reshape(SIZE)
    outputs = backend.run({"images": image})
    np.testing.assert_array_equal(outputs["output_0"], 2 * image)
    np.testing.assert_array_equal(outputs["output_1"], np.array([95.5], np.float32))
    assert [info.name for info in backend.outputs] == ["output_0", "output_1"]
    assert backend.outputs[0].shape == SIZE
    assert backend.inputs[0].dtype == np.float32
    outputs["output_0"][:] = 0  # the caller's: the next run is another array
    np.testing.assert_array_equal(backend.run({"images": image})["output_0"], 2 * image)


def test_a_program_says_the_size_of_its_input_torchscript_does_not(save):
    assert TorchBackend(save("export")).inputs[0].shape == SIZE
    with pytest.raises(ModelError, match=r"a\.pt: the size of input images is not stated in the file"):
        TorchBackend(save("script"))


def test_an_open_batch_takes_any_number(save):
    backend = TorchBackend(save("open"), shapes={"images": SIZE})
    assert backend.inputs[0].shape == (None, 3, 8, 8)
    for count in (1, 3):
        assert backend.run({"images": np.ones((count, 3, 8, 8), np.float32)})["output_0"].shape[0] == count


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"picture": np.zeros(SIZE, np.float32)},
        {"images": np.zeros((1, 3, 8, 9), np.float32)},
        {"images": np.zeros(SIZE)},
    ],
)
def test_inputs_that_do_not_fit_are_named(save, inputs):
    with pytest.raises(ModelError, match=r"a\.pt2: expected"):
        TorchBackend(save("export")).run(inputs)


def test_pickles_are_refused(torch, network, tmp_path):
    path = tmp_path / "a.pt"
    for content in (torch.nn.Linear(2, 2), {"w": torch.zeros(1)}):
        torch.save(content, path)
        with pytest.raises(ModelError, match="a pickle of Python objects"):
            TorchBackend(path)


def test_a_truncated_program_is_named(save):
    path = save("export")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError, match=r"a\.pt2: damaged"):
        TorchBackend(path)


def test_a_closed_network_says_so(save):
    backend = TorchBackend(save("export"))
    backend.close()
    backend.close()
    with pytest.raises(ModelError, match="the network is closed"):
        backend.run({"images": np.zeros(SIZE, np.float32)})
