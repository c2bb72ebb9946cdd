"""Images into a TensorRT engine: uploaded as they are, prepared by a kernel in the memory of the network's input."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo, Tensors
from perception_core.inference.image_kernel import (
    BLOCK,
    ELEMENT,
    KERNEL_NAME,
    ImageTable,
    blocks,
    image_plan,
)
from perception_core.inference.layout import Placement
from perception_core.inference.model_card import InputSpec
from perception_core.inference.nvrtc import Kernel
from perception_core.inference.tensorrt_cuda import Buffer, Cuda

_ELEMENTS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}
"""Unsigned types of CUDA by their bytes: elements are copied from a table, whatever they stand for."""


class Engine(Protocol):
    """What is asked of the backend whose input is prepared."""

    @property
    def stream(self) -> Any:
        """The stream that its runs are asked of."""
        ...

    def stage(self, name: str, shape: tuple[int, ...], others: Mapping[str, NDArray[Any]]) -> int:
        """Make room for input ``name`` of ``shape``, take the others, and return the input's address on the GPU."""
        ...

    def run_staged(self, name: str) -> Tensors:
        """Run on what lies in the memory of input ``name`` by then."""
        ...


def kernel_defines(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Return the macros that the kernel is compiled with for an input of ``dtype``.

    Raises:
        ModelError: elements that are no numbers of one, two or four bytes.
    """
    if dtype.itemsize not in _ELEMENTS:
        raise ModelError(f"an input of {dtype} cannot be prepared on the GPU")
    return (f"{ELEMENT}={_ELEMENTS[dtype.itemsize]}",)


class TensorRtImages:
    """The ImageRunner of a TensorRT engine.

    Each image of a batch has a buffer of its own and a launch of its own, on the stream of the engine: the copy of the
    second image goes on while the first is being prepared.
    """

    def __init__(self, cuda: Cuda, engine: Engine, info: TensorInfo, code: bytes) -> None:
        """Load the compiled kernel for the image input ``info`` of ``engine``.

        Raises:
            KernelRefusedError: the driver does not take the code.
            ModelError: cuda-python is missing.
        """
        self._cuda, self._engine, self._info = cuda, engine, info
        self._kernel = Kernel(code, KERNEL_NAME)
        self._table: ImageTable | None = None
        self._table_buffer = Buffer(cuda)
        self._slots: list[_ImageSlot] = []
        self._is_prepared = False
        self._under_way = False

    def prepare(
        self,
        spec: InputSpec,
        images: Sequence[NDArray[np.uint8]],
        windows: Sequence[Sequence[Placement]],
        others: Mapping[str, NDArray[Any]],
    ) -> None:
        """Upload the images and ask for the kernel; see :class:`~perception_core.inference.image_runner.ImageRunner`.

        Raises:
            ModelError: more images than the network takes, inputs that do not fit, or a failure of the GPU.
        """
        batch = self._info.shape[0] or len(images)
        if not 1 <= len(images) <= batch:
            raise ModelError(f"{len(images)} images for a batch of {batch}")
        self._cuda.use()
        self._settle()
        size = (3, spec.height, spec.width) if spec.layout == "nchw" else (spec.height, spec.width, 3)
        address = self._engine.stage(self._info.name, (batch, *size), others)
        self._take_table(spec)
        each = 3 * spec.height * spec.width * self._info.dtype.itemsize
        while len(self._slots) < len(images):
            self._slots.append(_ImageSlot(self._cuda))
        self._under_way = True
        for i, (slot, pixels) in enumerate(zip(self._slots, images, strict=False)):
            slot.upload(pixels, image_plan(spec, pixels.shape, windows[i]), self._engine.stream)
            addresses = (slot.pixels.device, slot.plan.device, self._table_buffer.device, address + i * each)
            self._kernel.launch(blocks(spec), BLOCK, self._engine.stream, addresses)
        self._is_prepared = True

    def run(self) -> Tensors:
        """Run the network once on what was prepared; the arrays returned are the caller's.

        Raises:
            ModelError: nothing was prepared, or a failure of the GPU.
        """
        if not self._is_prepared:
            raise ModelError("no images were prepared for this run")
        self._is_prepared = False
        outputs = self._engine.run_staged(self._info.name)
        self._under_way = False
        return outputs

    def release(self) -> None:
        """Give all memory back; the stream is the engine's, and may be gone afterwards."""
        self._is_prepared = self._under_way = False
        for buffer in (self._table_buffer, *(b for slot in self._slots for b in (slot.pixels, slot.plan))):
            buffer.release()
        self._kernel.unload()

    def _settle(self) -> None:
        """Wait for copies of images that were prepared, or half prepared, and never run: their memory is used again."""
        self._is_prepared = False
        if self._under_way:
            self._cuda.wait(self._engine.stream)
            self._under_way = False

    def _take_table(self, spec: InputSpec) -> None:
        if self._table is not None and self._table.spec == spec:
            return
        table = ImageTable.of(spec, self._info.dtype)
        self._table = None  # until the GPU has it
        _upload(self._cuda, self._table_buffer, table.elements, self._engine.stream)
        self._cuda.wait(self._engine.stream)
        self._table = table


class _ImageSlot:
    """One image of the batch on its way: pixels and plan, pinned and on the GPU."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self.pixels = Buffer(cuda)
        self.plan = Buffer(cuda)
        self._plan: NDArray[np.int32] | None = None

    def upload(self, pixels: NDArray[np.uint8], plan: NDArray[np.int32], stream: Any) -> None:
        _upload(self._cuda, self.pixels, pixels, stream)
        if self._plan is None or not np.array_equal(plan, self._plan):
            self._plan = None  # until the GPU has it
            _upload(self._cuda, self.plan, plan, stream)
            self._plan = plan


def _upload(cuda: Cuda, buffer: Buffer, array: NDArray[Any], stream: Any) -> None:
    """Copy an array into pinned memory, and ask for the copy to the GPU."""
    buffer.grow(array.nbytes)
    np.copyto(buffer.view(array.shape, array.dtype), array)
    cuda.to_device(buffer.device, buffer.host, array.nbytes, stream)
