"""TensorRT behind the Backend protocol: an engine that is already built."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo, Tensors, check_inputs
from perception_core.inference.image_runner import ImageRunner, Preprocessing
from perception_core.inference.loaded_network import LoadedNetwork
from perception_core.inference.tensorrt_api import Messages, TensorRt, listening_logger, sizes
from perception_core.inference.tensorrt_cuda import Buffer, Cuda, CudaError
from perception_core.inference.tensorrt_images import TensorRtImages
from perception_core.inference.tensorrt_rtx_kernels import RtxKernels

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


class TensorRtBackend(LoadedNetwork):
    """A network run by TensorRT. Threads may take turns; none may run it while another does.

    Copies and network are one CUDA graph, one launch instead of hundreds: from the first run on where all shapes are
    fixed, else from the second run of the same shapes on. Memory is taken once, and more of it when larger shapes come.
    """

    def __init__(
        self,
        api: TensorRt,
        cuda: Cuda,
        engine: bytes,
        path: str,
        precision: str,
        reason: str = "",
        kernels: RtxKernels | None = None,
    ) -> None:
        """Load ``engine``, built from ``path`` in ``precision``, on the GPU of ``cuda``.

        ``kernels`` keeps what TensorRT-RTX compiles at run time.

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
        self._kernels = kernels
        self._context = self._make_context(loaded)
        self._input_slots, self._output_slots = _tensors(api, loaded, cuda, path)
        self._inputs = tuple(slot.info for slot in self._input_slots)
        self._outputs = tuple(slot.info for slot in self._output_slots)
        self._shapes: _Shapes = ()
        self._graphs: dict[str, Any] = {}
        self._is_capturable = True
        self._ran = False
        self._images: TensorRtImages | None = None
        self._preprocessing = Preprocessing()
        self._stream = cuda.stream()
        self._name = f"{api.title} ({cuda.device().name}, {precision})"
        try:
            if self._is_fixed:
                self._record()
            self._keep_kernels()
        except BaseException:
            self.close()
            raise

    @property
    def preprocessing(self) -> Preprocessing:
        """Where images are prepared, and why not on the GPU where they are not."""
        return self._preprocessing

    @property
    def images(self) -> ImageRunner | None:
        """What prepares images on the GPU, after :meth:`prepare_images`."""
        return self._images

    @property
    def stream(self) -> Any:
        """The stream that the runs are asked of."""
        return self._stream

    def prepare_images(self, code_of: Callable[[TensorInfo], bytes]) -> None:
        """Take images as they are from now on, with the compiled kernel that ``code_of`` gives for the image input.

        Raises:
            KernelRefusedError: the driver does not take the code.
            ModelError: no input is an image, or whatever ``code_of`` raises.
        """
        images = [info for info in self._inputs if len(info.shape) == 4]
        if len(images) != 1:
            raise ModelError(f"{self._path}: {len(images)} inputs could be images")
        self._cuda.use()
        self._images = TensorRtImages(self._cuda, self, images[0], code_of(images[0]))
        self._preprocessing = Preprocessing("GPU")

    def prepare_images_on_cpu(self, fault: str) -> None:
        """Note why images have to come prepared."""
        self._preprocessing = Preprocessing(fault=fault)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Run the network once; the arrays returned are the caller's.

        Raises:
            ModelError: a missing input, a wrong shape or dtype, a shape outside the range the engine was built for, or
                a failure of the GPU.
        """
        self._check_open()
        check_inputs(self._path, self._inputs, inputs)
        self._cuda.use()
        self._take_shapes(tuple(inputs[info.name].shape for info in self._inputs))
        for slot in self._input_slots:
            np.copyto(slot.view(), inputs[slot.info.name])
        return self._finish("")

    def stage(self, name: str, shape: tuple[int, ...], others: Mapping[str, NDArray[Any]]) -> int:
        """Make room for input ``name`` of ``shape``, take the others, and return the input's address on the GPU.

        Raises:
            ModelError: inputs or shapes that do not fit, or a failure of the GPU.
        """
        self._check_open()
        check_inputs(self._path, tuple(info for info in self._inputs if info.name != name), others)
        self._cuda.use()
        self._take_shapes(tuple(shape if i.name == name else others[i.name].shape for i in self._inputs))
        for slot in self._input_slots:
            if slot.info.name != name:
                np.copyto(slot.view(), others[slot.info.name])
        return next(slot.buffer.device for slot in self._input_slots if slot.info.name == name)

    def run_staged(self, name: str) -> Tensors:
        """Run on what lies in the memory of input ``name`` by then; the arrays returned are the caller's.

        Raises:
            ModelError: the network is closed, or a failure of the GPU.
        """
        self._check_open()
        self._cuda.use()
        return self._finish(name)

    def close(self) -> None:
        """Free the engine and all memory; running afterwards is a ModelError."""
        if self._engine is None:
            return
        self._keep_kernels()
        self._engine = None
        with contextlib.suppress(CudaError):  # a GPU that failed fails here too, and there is nothing left to free
            self._cuda.use()
            self._cuda.wait(self._stream)
            if self._images is not None:
                self._images.release()
            self._drop_graphs()
            for slot in (*self._input_slots, *self._output_slots):
                slot.buffer.release()
            self._cuda.destroy_stream(self._stream)
        self._images = None
        del self._context, self._runtime

    @property
    def _is_fixed(self) -> bool:
        return all(None not in info.shape for info in self._inputs)

    def _check_open(self) -> None:
        if self._engine is None:
            raise ModelError(f"{self._path}: the network is closed")

    def _make_context(self, engine: "trt.ICudaEngine") -> "trt.IExecutionContext":
        context = engine.create_execution_context() if self._kernels is None else self._kernels.context(engine)
        if context is None:
            raise ModelError(f"{self._path}: no room on the GPU to run it: {self._messages.last('no message')}")
        return context

    def _keep_kernels(self) -> None:
        if self._kernels is not None:
            self._note(self._kernels.keep())

    def _note(self, note: str) -> None:
        self._reason = "; ".join(part for part in (self._reason, note) if part)

    def _finish(self, staged: str) -> Tensors:
        """Run all but the upload of input ``staged``, wait, and return copies of the outputs."""
        if self._ran and self._is_capturable and staged not in self._graphs:
            self._capture(staged)
        graph = self._graphs.get(staged)
        if graph is None:
            self._enqueue(staged)
        else:
            self._cuda.launch(graph, self._stream)
        self._cuda.wait(self._stream)
        self._ran = True  # TensorRT wants a run of new shapes before they are captured
        return {slot.info.name: slot.view().copy() for slot in self._output_slots}

    def _take_shapes(self, shapes: _Shapes) -> None:
        """Prepare for inputs of these shapes: sizes of the outputs, memory, addresses."""
        if shapes == self._shapes:
            return
        self._shapes = ()
        self._drop_graphs()
        for slot, shape in zip(self._input_slots, shapes, strict=True):
            if not self._context.set_input_shape(slot.info.name, shape):
                why = self._messages.last("outside what it was built for")
                raise ModelError(f"{self._path}: input {slot.info.name} of shape {list(shape)} is refused: {why}")
            slot.shape = shape
        missing = self._context.infer_shapes()
        if missing:
            raise ModelError(f"{self._path}: the shapes of {', '.join(missing)} are not known")
        for slot in self._output_slots:
            slot.shape = sizes(self._context.get_tensor_shape(slot.info.name))
            if min(slot.shape, default=0) < 0:
                raise ModelError(
                    f"{self._path}: the shape of output {slot.info.name} {list(slot.shape)} depends on the data, "
                    f"which is not supported with TensorRT; run it with ONNX Runtime"
                )
        for slot in (*self._input_slots, *self._output_slots):
            if slot.buffer.grow(slot.size) and not self._context.set_tensor_address(slot.info.name, slot.buffer.device):
                raise ModelError(f"{self._path}: {slot.info.name}: {self._messages.last('its address is refused')}")
        self._shapes = shapes

    def _enqueue(self, staged: str = "") -> None:
        for slot in self._input_slots:
            if slot.info.name != staged:
                self._cuda.to_device(slot.buffer.device, slot.buffer.host, slot.size, self._stream)
        if not self._context.execute_async_v3(int(self._stream)):
            raise ModelError(f"{self._path}: the network failed: {self._messages.last('no message')}")
        for slot in self._output_slots:
            self._cuda.to_host(slot.buffer.host, slot.buffer.device, slot.size, self._stream)

    def _drop_graphs(self) -> None:
        graphs, self._graphs, self._ran = self._graphs, {}, False
        for graph in graphs.values():
            self._cuda.destroy_graph(graph)

    def _record(self) -> None:
        """Run once on zeros, as TensorRT wants before a capture, then record the run as a graph if that can be."""
        zeros = {info.name: np.zeros([n or 1 for n in info.shape], info.dtype) for info in self._inputs}
        self.run(zeros)
        self._capture("")

    def _capture(self, staged: str) -> None:
        """Record all of a run but the upload of input ``staged``."""
        try:
            self._graphs[staged] = self._cuda.capture(functools.partial(self._enqueue, staged), self._stream)
        except ModelError as error:  # loops and conditions in a network cannot be captured
            self._is_capturable = False
            self._note(f"without CUDA graph: {error}")


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
