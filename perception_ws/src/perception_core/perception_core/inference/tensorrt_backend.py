"""TensorRT behind the Backend protocol: an engine that is already built."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo, Tensors, check_inputs
from perception_core.inference.progress import Progress
from perception_core.inference.tensorrt_api import Messages, TensorRt, listening_logger, sizes
from perception_core.inference.tensorrt_cuda import Buffer, Cuda, CudaError

if TYPE_CHECKING:
    import tensorrt as trt

_Shapes = tuple[tuple[int, ...], ...]


class EngineRefusedError(ModelError):
    """TensorRT does not take an engine, whose file was whole: another driver, another card."""


@dataclass(slots=True)
class _Slot:
    """One input or output, its memory, and its shape in the next run."""

    info: TensorInfo
    buffer: Buffer
    shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.info.dtype.itemsize

    def view(self) -> NDArray[Any]:
        return self.buffer.view(self.shape, self.info.dtype)


class TensorRtBackend:
    """A network run by TensorRT. Threads may take turns; none may run it while another does.

    Copies and network are one CUDA graph where all shapes are fixed: one launch instead of hundreds. Memory is taken
    once, and more of it when larger shapes come.
    """

    def __init__(self, api: TensorRt, cuda: Cuda, engine: bytes, path: str, precision: str, reason: str = "") -> None:
        """Load ``engine``, built from ``path`` in ``precision``, on the GPU of ``cuda``.

        Raises:
            EngineRefusedError: TensorRT does not take it.
            ModelError: types NumPy does not have, inputs that are shapes, not enough memory.
        """
        self._path, self._reason, self._cuda = path, reason, cuda
        self._messages = Messages()
        self._logger = listening_logger(api, self._messages)
        cuda.use()
        self._runtime = api.Runtime(self._logger)
        loaded = self._runtime.deserialize_cuda_engine(engine)
        if loaded is None:
            raise EngineRefusedError(f"{path}: {api.title} refuses the engine: {self._messages.last('no message')}")
        self._engine: trt.ICudaEngine | None = loaded
        self._context = self._make_context(loaded)
        self._inputs, self._outputs = _tensors(api, loaded, cuda, path)
        self._shapes: _Shapes = ()
        self._graph: Any = None
        self._stream = cuda.stream()
        self._name = f"{api.title} ({cuda.device().name}, {precision})"
        try:
            if all(None not in slot.info.shape for slot in self._inputs):
                self._record()
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Engine and device, for people."""
        return self._name

    @property
    def reason(self) -> str:
        """Why this engine runs the network."""
        return self._reason

    @property
    def progress(self) -> Progress | None:
        """None: nothing is being built."""
        return None

    @property
    def path(self) -> str:
        """File the network was loaded from."""
        return self._path

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs in the order of the file."""
        return tuple(slot.info for slot in self._inputs)

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the file."""
        return tuple(slot.info for slot in self._outputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Run the network once; the arrays returned are the caller's.

        Raises:
            ModelError: a missing input, a wrong shape or dtype, a shape outside the range the engine was built for, or
                a failure of the GPU.
        """
        if self._engine is None:
            raise ModelError(f"{self._path}: the network is closed")
        check_inputs(self._path, self.inputs, inputs)
        self._cuda.use()
        self._take_shapes(tuple(inputs[slot.info.name].shape for slot in self._inputs))
        for slot in self._inputs:
            np.copyto(slot.view(), inputs[slot.info.name])
        if self._graph is None:
            self._enqueue()
        else:
            self._cuda.launch(self._graph, self._stream)
        self._cuda.wait(self._stream)
        return {slot.info.name: slot.view().copy() for slot in self._outputs}

    def close(self) -> None:
        """Free the engine and all memory; running afterwards is a ModelError."""
        if self._engine is None:
            return
        self._engine = None
        with contextlib.suppress(CudaError):  # a GPU that failed fails here too, and there is nothing left to free
            self._cuda.use()
            self._cuda.wait(self._stream)
            if self._graph is not None:
                self._cuda.destroy_graph(self._graph)
            for slot in (*self._inputs, *self._outputs):
                slot.buffer.release()
            self._cuda.destroy_stream(self._stream)
        del self._context, self._runtime

    def _make_context(self, engine: "trt.ICudaEngine") -> "trt.IExecutionContext":
        context = engine.create_execution_context()
        if context is None:
            raise ModelError(f"{self._path}: no room on the GPU to run it: {self._messages.last('no message')}")
        return context

    def _take_shapes(self, shapes: _Shapes) -> None:
        """Prepare for inputs of these shapes: sizes of the outputs, memory, addresses."""
        if shapes == self._shapes:
            return
        self._shapes = ()
        for slot, shape in zip(self._inputs, shapes, strict=True):
            if not self._context.set_input_shape(slot.info.name, shape):
                why = self._messages.last("outside what it was built for")
                raise ModelError(f"{self._path}: input {slot.info.name} of shape {list(shape)} is refused: {why}")
            slot.shape = shape
        missing = self._context.infer_shapes()
        if missing:
            raise ModelError(f"{self._path}: the shapes of {', '.join(missing)} are not known")
        for slot in self._outputs:
            slot.shape = sizes(self._context.get_tensor_shape(slot.info.name))
            if min(slot.shape, default=0) < 0:
                raise ModelError(
                    f"{self._path}: the shape of output {slot.info.name} {list(slot.shape)} depends on the data, "
                    f"which is not supported with TensorRT; run it with ONNX Runtime"
                )
        for slot in (*self._inputs, *self._outputs):
            if slot.buffer.grow(slot.size) and not self._context.set_tensor_address(slot.info.name, slot.buffer.device):
                raise ModelError(f"{self._path}: {slot.info.name}: {self._messages.last('its address is refused')}")
        self._shapes = shapes

    def _enqueue(self) -> None:
        for slot in self._inputs:
            self._cuda.to_device(slot.buffer.device, slot.buffer.host, slot.size, self._stream)
        if not self._context.execute_async_v3(int(self._stream)):
            raise ModelError(f"{self._path}: the network failed: {self._messages.last('no message')}")
        for slot in self._outputs:
            self._cuda.to_host(slot.buffer.host, slot.buffer.device, slot.size, self._stream)

    def _record(self) -> None:
        """Run once on zeros, as TensorRT wants before a capture, then record the run as a graph if that can be."""
        zeros = {info.name: np.zeros([n or 1 for n in info.shape], info.dtype) for info in self.inputs}
        self.run(zeros)
        try:
            self._graph = self._cuda.capture(self._enqueue, self._stream)
        except ModelError as error:  # loops and conditions in a network cannot be captured
            note = f"without CUDA graph: {error}"
            self._reason = f"{self._reason}; {note}" if self._reason else note


def _tensors(
    api: TensorRt, engine: "trt.ICudaEngine", cuda: Cuda, path: str
) -> tuple[tuple[_Slot, ...], tuple[_Slot, ...]]:
    inputs: list[_Slot] = []
    outputs: list[_Slot] = []
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        if engine.is_shape_inference_io(name):
            raise ModelError(f"{path}: {name} is a shape rather than data, which is not supported with TensorRT")
        shape = tuple(None if size < 0 else size for size in sizes(engine.get_tensor_shape(name)))
        try:
            dtype = api.numpy_type(engine.get_tensor_dtype(name))
        except ModelError as error:
            raise ModelError(f"{path}: {name}: {error}") from error
        slot = _Slot(TensorInfo(name, shape, dtype), Buffer(cuda))
        is_input = engine.get_tensor_mode(name) == api.TensorIOMode.INPUT
        (inputs if is_input else outputs).append(slot)
    return tuple(inputs), tuple(outputs)
