"""The kernel that prepares images on a GPU, compiled for the host that stands in for a GPU here, against OpenCV.

And compiled for GPUs by the real NVRTC, which needs none.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.errors import ModelError
from perception_core.inference.image_kernel import (
    BLOCK,
    ELEMENT,
    KERNEL_NAME,
    KERNEL_SOURCE,
    ImageTable,
    blocks,
    image_plan,
)
from perception_core.inference.layout import lay_out
from perception_core.inference.model_card import InputSpec
from perception_core.inference.nvrtc import compile_kernel
from perception_core.inference.preprocess import Preprocessor

TYPES = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}


@pytest.fixture(scope="session")
def kernels(host_kernel):
    """The kernel compiled for the host, by the bytes of an element."""
    return {
        size: host_kernel.load(host_kernel.compile_on_host(KERNEL_SOURCE, [f"{ELEMENT}={name}"]))
        for size, name in TYPES.items()
    }


def drawn(kernels, spec, image, split_wide=False, dtype=np.float32):
    """Run the kernel on the host, into memory with one element before and after that have to stay as they are."""
    image = np.ascontiguousarray(image)
    windows = lay_out(spec, image.shape[1], image.shape[0], split_wide)
    plan, table = image_plan(spec, image.shape, windows), ImageTable.of(spec, np.dtype(dtype)).elements
    count = 3 * spec.height * spec.width
    memory = np.full(count + 2, 77, dtype)
    inside = memory[1:-1]
    addresses = [array.ctypes.data for array in (image, plan, table, inside)]
    kernels[memory.itemsize](blocks(spec), BLOCK, addresses)
    assert memory[0] == memory[-1] == 77
    size = (3, spec.height, spec.width) if spec.layout == "nchw" else (spec.height, spec.width, 3)
    return inside.reshape(size)


def steps_apart(kernels, spec, image, split_wide=False):
    """Return the largest difference from the CPU's path, in steps of a pixel's value."""
    reference, _ = Preprocessor(spec, split_wide)(image)
    difference = np.abs(drawn(kernels, spec, image, split_wide) - reference[0])
    step = spec.scale / np.array(spec.std)[:, np.newaxis, np.newaxis]
    return float((difference / step).max())


@st.composite
def cases(draw):
    spec = InputSpec(
        width=draw(st.integers(1, 150)),
        height=draw(st.integers(1, 150)),
        colour=draw(st.sampled_from(("bgr", "rgb"))),
        letterbox=draw(st.sampled_from(("top_left", "centre", "stretch"))),
        scale=draw(st.sampled_from((1.0, 1 / 255))),
        mean=draw(st.sampled_from(((0.0, 0.0, 0.0), (0.485, 0.456, 0.406)))),
        std=draw(st.sampled_from(((1.0, 1.0, 1.0), (0.229, 0.224, 0.225)))),
        pad=draw(st.sampled_from((114.0, 0.0, 127.5))),
    )
    seed, width, height = draw(st.integers(0, 1000)), draw(st.integers(1, 400)), draw(st.integers(1, 300))
    return spec, np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8), draw(st.booleans())


@given(cases())
@settings(max_examples=150, deadline=None)
def test_host_compiled_kernel_standing_in_for_a_gpu_is_one_step_from_opencv_at_most(kernels, case):
    spec, image, split_wide = case
    assert steps_apart(kernels, spec, image, split_wide) <= 1.001


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1242, 375), (8000, 6000), (3, 4000), (4000, 3), (416, 416)])
@pytest.mark.parametrize("letterbox", ["top_left", "centre", "stretch"])
def test_host_compiled_kernel_standing_in_for_a_gpu_takes_images_of_any_size(kernels, width, height, letterbox):
    image = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    spec = InputSpec(letterbox=letterbox)
    assert steps_apart(kernels, spec, image, split_wide=True) <= 1.001


def test_host_compiled_kernel_standing_in_for_a_gpu_copies_what_is_not_resized_bit_by_bit(kernels):
    image = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)
    spec = InputSpec(width=50, height=40, colour="rgb", scale=1 / 255, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    np.testing.assert_array_equal(drawn(kernels, spec, image), Preprocessor(spec)(image)[0][0])


def test_host_compiled_kernel_standing_in_for_a_gpu_by_hand(kernels):
    # Two pixels become four: centres at -0.25, 0.25, 0.75 and 1.25 of the image's pixels.
    image = np.array([[[0, 40, 80], [100, 80, 80]]], np.uint8)
    bgr = drawn(kernels, InputSpec(width=4, height=1, letterbox="stretch"), image)
    assert bgr[:, 0].tolist() == [[0, 25, 75, 100], [40, 50, 70, 80], [80, 80, 80, 80]]
    rgb = drawn(kernels, InputSpec(width=4, height=1, letterbox="stretch", colour="rgb"), image)
    assert rgb[:, 0].tolist() == [[80, 80, 80, 80], [40, 50, 70, 80], [0, 25, 75, 100]]
    padded = drawn(kernels, InputSpec(width=2, height=3, letterbox="centre", pad=9.0), image)
    assert padded[0].tolist() == [[9, 9], [0, 100], [9, 9]]


@pytest.mark.parametrize("dtype", [np.float16, np.uint8])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_host_compiled_kernel_standing_in_for_a_gpu_writes_what_the_network_wants(kernels, dtype, layout):
    image = np.random.default_rng(5).integers(0, 256, (30, 70, 3), np.uint8)
    spec = InputSpec(width=48, height=32, layout=layout, pad=113.6)
    exact = drawn(kernels, InputSpec(width=48, height=32, pad=113.6), image)
    wanted = np.rint(exact) if dtype is np.uint8 else exact
    wanted = wanted if layout == "nchw" else wanted.transpose(1, 2, 0)
    np.testing.assert_array_equal(drawn(kernels, spec, image, dtype=dtype), wanted.astype(dtype))


@pytest.mark.parametrize("capability", [(7, 5), (8, 7), (9, 0), (12, 0)])
@pytest.mark.parametrize("name", TYPES.values())
def test_the_real_nvrtc_compiles_the_kernel_for_gpus_from_turing_to_blackwell(capability, name):
    code = compile_kernel(KERNEL_SOURCE, [f"{ELEMENT}={name}"], capability)
    assert code.startswith(b"\x7fELF")
    assert KERNEL_NAME.encode() in code


def test_a_gpu_newer_than_the_compiler_gets_intermediate_code():
    code = compile_kernel(KERNEL_SOURCE, [f"{ELEMENT}=unsigned int"], (99, 0))
    assert f".entry {KERNEL_NAME}(".encode() in code


def test_the_real_nvrtc_s_complaints_are_told():
    with pytest.raises(ModelError, match=r"NVRTC cannot compile it: .*NVRTC_ERROR_COMPILATION: .*undefined_name"):
        compile_kernel("__device__ int f() { return undefined_name; }", [], (8, 7))
    with pytest.raises(ModelError, match=r"NVRTC is too new for compute capability 1\.0"):
        compile_kernel(KERNEL_SOURCE, [], (1, 0))
