"""From an ONNX file to a running TensorRT backend: precision, key, cache, build."""

import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from perception_core.errors import ModelError
from perception_core.inference.backend import TensorInfo
from perception_core.inference.engines.cache import CachedEngine, EngineCache
from perception_core.inference.engines.key import EngineKey, ShapeRange, model_digest
from perception_core.inference.image_kernel import KERNEL_SOURCE
from perception_core.inference.nvrtc import KernelRefusedError, compile_kernel
from perception_core.inference.precision import HALF_PRECISIONS, can_convert, convert, is_quantized
from perception_core.inference.progress import Progress, Report
from perception_core.inference.tensorrt_api import RTX, TensorRt
from perception_core.inference.tensorrt_backend import EngineRefusedError, TensorRtBackend
from perception_core.inference.tensorrt_builder import BuildOptions, build_engine
from perception_core.inference.tensorrt_cuda import Cuda, Device
from perception_core.inference.tensorrt_images import kernel_defines
from perception_core.inference.tensorrt_rtx_kernels import RtxKernels


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """Which engine is wanted.

    Attributes:
        path: the ONNX file.
        precision: ``fp32``, ``fp16``, ``bf16`` or ``int8``, as :func:`resolve_precision` gives it.
        options: how it is built.
        cache: where engines are kept.
        reason: why TensorRT, and why this precision; goes on to the backend.
        preprocessing: where images are prepared: ``auto`` is the GPU where its kernel compiles, ``gpu`` insists on it,
            ``cpu``.
    """

    path: Path
    precision: str
    options: BuildOptions
    cache: EngineCache
    reason: str = ""
    preprocessing: str = "auto"


def resolve_precision(path: Path, wanted: str) -> tuple[str, str]:
    """Return the precision for a network, and a sentence why when it was left open (``auto``).

    Raises:
        ModelError: eight bits of a network without quantizers, sixteen of one with.
    """
    quantized = is_quantized(path)
    if wanted == "auto":
        if quantized:
            return "int8", "int8 because the network is quantised"
        if can_convert():
            return "fp16", "fp16 because the network is not quantised"
        return "fp32", "fp32 because the Python package onnx, which fp16 needs, is not installed"
    if wanted == "int8" and not quantized:
        raise ModelError(f"{path}: int8 needs a quantised network (perception models quantize), and this is none")
    if wanted in HALF_PRECISIONS and quantized:
        raise ModelError(f"{path}: the network is quantised, and can be built as int8 only, not as {wanted}")
    return wanted, ""


def shape_ranges(shapes: Mapping[str, tuple[int, ...]], max_batch: int) -> tuple[tuple[str, ShapeRange], ...]:
    """Return the ranges to build for: each shape as given, with batches (the first size) of up to ``max_batch``."""
    ranges = []
    for name, shape in sorted(shapes.items()):
        most = (max(max_batch, shape[0]), *shape[1:]) if shape else shape
        least = (1, *shape[1:]) if shape else shape
        ranges.append((name, ShapeRange(least, most, most)))
    return tuple(ranges)


def engine_key(api: TensorRt, cuda: Cuda, request: EngineRequest) -> EngineKey:
    """Return what the engine is known by on this machine.

    Raises:
        ModelError: the ONNX file cannot be read, or the GPU does not answer.
    """
    return EngineKey(
        model_digest(request.path),
        api.title,
        str(cuda.device()),
        request.precision,
        request.options.shapes,
        request.options.flags(),
    )


def is_stored(api: TensorRt, cuda: Cuda, request: EngineRequest) -> bool:
    """Whether there is a file for the engine, good or not, so that it can probably be had in a second."""
    return request.cache.path_of(engine_key(api, cuda, request)).is_file()


def load_or_build(
    api: TensorRt, cuda: Cuda, request: EngineRequest, report: Report, stop: threading.Event
) -> TensorRtBackend:
    """Return the network running on TensorRT, from the cache where it is there.

    An engine that is whole but that TensorRT refuses (a new driver, for one) is built anew, once.

    Raises:
        ModelError: it cannot be built or run, or ``stop`` was set, which an interrupt does too.
    """
    cuda.use()
    key = engine_key(api, cuda, request)

    def build() -> bytes:
        return _built_aside(api, cuda, request, report, stop)

    engine = request.cache.obtain(key, build, report, stop)
    try:
        return _load(api, cuda, request, key, engine, report)
    except EngineRefusedError:
        if engine.built:
            raise
    request.cache.discard(key)
    return _load(api, cuda, request, key, request.cache.obtain(key, build, report, stop), report)


def _built_aside(api: TensorRt, cuda: Cuda, request: EngineRequest, report: Report, stop: threading.Event) -> bytes:
    """Build in a thread of its own, so that an interrupt (Ctrl-C) stops the build.

    Python raises it in the main thread; were that inside TensorRT's builder, it would end the process.
    """
    with ThreadPoolExecutor(1, "engine build") as pool:
        building = pool.submit(_build, api, cuda, request, report, stop)
        try:
            return building.result()
        except BaseException:
            stop.set()
            raise


def _build(api: TensorRt, cuda: Cuda, request: EngineRequest, report: Report, stop: threading.Event) -> bytes:
    converted = None
    if request.precision in HALF_PRECISIONS:
        report(Progress("build", 0.0, f"converting the network to {request.precision}"))
        converted = convert(request.path, request.precision)
    cuda.use()
    return build_engine(api, request.path, converted, request.options, report, stop)


def _load(
    api: TensorRt, cuda: Cuda, request: EngineRequest, key: EngineKey, engine: CachedEngine, report: Report
) -> TensorRtBackend:
    report(Progress("load", None, f"loading an engine of {len(engine.data) / 1e6:.1f} MB"))
    reason = "; ".join(part for part in (request.reason, *engine.notes) if part)
    kernels = RtxKernels(request.cache, key) if api.flavour == RTX else None
    backend = TensorRtBackend(api, cuda, engine.data, str(request.path), request.precision, reason, kernels)
    if request.preprocessing == "cpu":
        return backend
    try:
        _prepare_images(backend, cuda.device(), request.cache)
    except ModelError as error:
        if request.preprocessing == "gpu":
            backend.close()
            raise ModelError(f"{request.path}: images cannot be prepared on the GPU: {error}") from error
        backend.prepare_images_on_cpu(str(error))
    return backend


def _prepare_images(backend: TensorRtBackend, device: Device, cache: EngineCache) -> None:
    """Let ``backend`` take images as they are.

    A kernel from the cache that the driver refuses (NVRTC was too new for it, and is another now) is compiled anew.

    Raises:
        ModelError: as :func:`image_kernel`, or the driver refuses the new one too.
    """
    try:
        backend.prepare_images(lambda info: image_kernel(device, info, cache))
    except KernelRefusedError:
        backend.prepare_images(lambda info: image_kernel(device, info, cache, anew=True))


def image_kernel(device: Device, info: TensorInfo, cache: EngineCache, anew: bool = False) -> bytes:
    """Return the compiled kernel that prepares images for the input ``info``, from the cache or by NVRTC.

    ``anew`` does not look into the cache, which forgets what it has.

    Raises:
        ModelError: NVRTC is missing or fails, or an input of numbers that the kernel does not write.
    """
    defines = kernel_defines(info.dtype)
    source = hashlib.sha256(KERNEL_SOURCE.encode()).hexdigest()
    flags = tuple(("define", define) for define in defines)
    key = EngineKey(source, "nvrtc", str(device), "", (), flags, content="image_kernel")
    if anew:
        cache.discard(key)
    return cache.obtain(key, lambda: compile_kernel(KERNEL_SOURCE, defines, device.capability)).data
