"""From a network file and a configuration to a running backend."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from perception_core.config import Config, param
from perception_core.errors import ModelError
from perception_core.inference.backend import Backend
from perception_core.inference.folders import cache_folder
from perception_core.inference.progress import Report, unheard

if TYPE_CHECKING:
    from perception_core.inference.tensorrt_engines import EngineRequest

_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class InferenceConfig(Config):
    """How networks are run."""

    backend: str = param(
        "auto",
        "engine that runs the network; auto takes the best that works here and says why",
        choices=("auto", "tensorrt", "tensorrt_rtx", "onnxruntime", "torch"),
    )
    threads: int = param(1, "CPU threads of one network; where cores are shared, one is as fast as two", low=1, high=64)
    spinning: bool = param(
        False, "worker threads wait busily: a third less latency on free cores for four times the CPU time"
    )
    provider: str = param(
        "auto",
        "device of ONNX Runtime: auto is CUDA where it works, else the CPU; tensorrt is ONNX Runtime's own use of it, "
        "which builds engines without a word at the first image",
        choices=("auto", "cpu", "cuda", "tensorrt"),
    )
    gpu: int = param(0, "index of the GPU", low=0, high=63)
    precision: str = param(
        "auto",
        "numbers in TensorRT engines; auto is int8 for a quantised network, else fp16",
        choices=("auto", "fp32", "fp16", "bf16", "int8"),
    )
    max_batch: int = param(
        1,
        "most images at once that a TensorRT engine is built for, where the file leaves it open; at least as many as "
        "cameras share the networks, unless batching is off",
        low=1,
        high=64,
    )
    build_level: int = param(
        3,
        "effort of TensorRT's builder: 0 builds fast, 5 runs fast",
        low=0,
        high=5,
    )
    workspace: int = param(
        0, "memory of the GPU that layers may use while they run; 0: all there is", unit="MB", low=0, high=1_000_000
    )
    serve_while_building: bool = param(
        True, "run the network with ONNX Runtime until its TensorRT engine is built, instead of waiting for it"
    )
    preprocessing: str = param(
        "auto",
        "where images become the network's input: auto is the GPU where TensorRT runs the network and NVRTC compiles "
        "the kernel, else the CPU; gpu makes it an error where that cannot be",
        choices=("auto", "gpu", "cpu"),
    )
    engine_folder: str = param("", "folder of built engines; empty: perception/engines in $XDG_CACHE_HOME or ~/.cache")
    engine_limit: int = param(
        4096, "size of that folder, beyond which the engines go that were not used for longest", unit="MB", low=1
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and, in a sentence, why it was taken; the sentence is empty where it was asked for by name."""

    name: str
    reason: str


def create_backend(
    path: Path | str,
    config: InferenceConfig | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    report: Report = unheard,
) -> Backend:
    """Load a network file with the engine the configuration asks for.

    ``shapes`` gives the shapes of inputs whose size the file leaves open, by name or for all (as
    :func:`~perception_core.inference.input_shapes.image_shape` does from a card). ``report`` hears of a build that has
    to be waited for; one beside a running network tells its progress as ``progress`` of the backend.

    Raises:
        ModelError: an engine that is unknown or does not work here (the message lists what is available), no such
            file, or a file the engine refuses.
    """
    config = config or InferenceConfig()
    path = Path(path)
    choice = choose_backend(config.backend, path, config.gpu)
    if config.preprocessing == "gpu" and choice.name not in _ON_GPU:
        raise ModelError(f"{path}: preprocessing on the GPU needs TensorRT, and the engine is {choice.name}")
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ModelError(f"{path}: the file is empty")
    return _FACTORIES[choice.name](_Order(path, config, choice, dict(shapes or {}), report))


def available_backends() -> tuple[str, ...]:
    """Return the engines that are installed here, best first; whether they work shows when they are loaded."""
    return tuple(name for name, package in _PACKAGES.items() if find_spec(package) is not None)


def choose_backend(wanted: str, path: Path | None = None, gpu: int = 0) -> Choice:
    """Return the engine for ``wanted``, where ``auto`` is the first of those for this kind of file that works.

    Raises:
        ModelError: naming what was asked for, why it does not work and what is available.
    """
    fitting = _TORCH_ONLY if path is not None and path.suffix in _TORCH_SUFFIXES else _ONNX
    if wanted != "auto":
        return _asked_for(wanted, fitting, path, gpu)
    refused: list[str] = []
    for name in fitting:
        obstacle = _obstacle(name, gpu)
        if not obstacle:
            best = "the best for this kind of file" if not refused else "the best that works here"
            return Choice(name, "; ".join((f"{name} is {best}", *refused)))
        refused.append(obstacle)
    raise ModelError(f"no inference backend works here: {'; '.join(refused)}")


def _asked_for(wanted: str, fitting: tuple[str, ...], path: Path | None, gpu: int) -> Choice:
    obstacle = _obstacle(wanted, gpu)
    if obstacle:
        listed = ", ".join(("auto", *available_backends()))
        raise ModelError(f"inference backend {wanted!r} is not available; available here: {listed} ({obstacle})")
    if wanted not in fitting:
        raise ModelError(f"{path}: inference backend {wanted!r} does not take such a file, {', '.join(fitting)} does")
    return Choice(wanted, "")


def _obstacle(name: str, gpu: int) -> str:
    """Return what keeps an engine from working here, in words; empty if nothing does."""
    if name not in _PACKAGES:
        return f"there is no engine {name!r}"
    if name not in available_backends():
        return f"{name} is not installed"
    if name in _ON_GPU:
        from perception_core.inference.tensorrt_api import load_api
        from perception_core.inference.tensorrt_cuda import load_cuda

        try:
            load_api(name)
            load_cuda(gpu)
        except ModelError as error:
            return f"{name} does not work: {error}"
    return ""


@dataclass(frozen=True, slots=True)
class _Order:
    """What a factory makes a backend of."""

    path: Path
    config: InferenceConfig
    choice: Choice
    shapes: Mapping[str, tuple[int, ...]]
    report: Report


def engine_folder(config: InferenceConfig, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where engines are kept."""
    if config.engine_folder:
        return Path(config.engine_folder).expanduser()
    return cache_folder(environ) / "engines"


def _onnxruntime(order: _Order) -> Backend:
    from perception_core.inference.onnxruntime_backend import OnnxRuntimeBackend

    config = order.config
    return OnnxRuntimeBackend(
        order.path, config.threads, config.spinning, config.provider, config.gpu, order.choice.reason
    )


def _torch(order: _Order) -> Backend:
    from perception_core.inference.torch_backend import TorchBackend, best_device

    device, why = best_device(order.config.gpu)
    reason = "; ".join(part for part in (order.choice.reason, why) if part)
    return TorchBackend(order.path, order.config.threads, order.shapes, device, reason)


def _tensorrt(order: _Order) -> Backend:
    from perception_core.inference.switching import SwitchingBackend
    from perception_core.inference.tensorrt_api import load_api
    from perception_core.inference.tensorrt_cuda import load_cuda
    from perception_core.inference.tensorrt_engines import is_stored, load_or_build

    api, cuda = load_api(order.choice.name), load_cuda(order.config.gpu)
    request = _engine_request(order)
    serves = order.config.serve_while_building and "onnxruntime" in available_backends()
    if not serves or is_stored(api, cuda, request):
        return load_or_build(api, cuda, request, order.report, threading.Event())
    meanwhile = Choice("onnxruntime", f"until the engine of {order.choice.name} is built")
    first = _onnxruntime(replace(order, choice=meanwhile))
    return SwitchingBackend(first, lambda report, stop: load_or_build(api, cuda, request, report, stop))


def _engine_request(order: _Order) -> "EngineRequest":
    from perception_core.inference.engines.cache import EngineCache
    from perception_core.inference.input_shapes import named_shapes
    from perception_core.inference.tensorrt_builder import BuildOptions
    from perception_core.inference.tensorrt_engines import EngineRequest, resolve_precision, shape_ranges

    config = order.config
    precision, why = resolve_precision(order.path, config.precision)
    ranges = shape_ranges(named_shapes(order.path, order.shapes), config.max_batch)
    options = BuildOptions(ranges, precision == "fp32", config.build_level, config.workspace * _MEGABYTE)
    cache = EngineCache(engine_folder(config), config.engine_limit * _MEGABYTE)
    reason = "; ".join(part for part in (order.choice.reason, why) if part)
    return EngineRequest(order.path, precision, options, cache, reason, config.preprocessing)


_FACTORIES: dict[str, Callable[[_Order], Backend]] = {
    "tensorrt": _tensorrt,
    "tensorrt_rtx": _tensorrt,
    "onnxruntime": _onnxruntime,
    "torch": _torch,
}
_PACKAGES: dict[str, str] = {name: name for name in _FACTORIES}
_ON_GPU = ("tensorrt", "tensorrt_rtx")
_ONNX = ("tensorrt", "tensorrt_rtx", "onnxruntime")
_TORCH_ONLY = ("torch",)
_TORCH_SUFFIXES = (".pt2", ".pt", ".ts")
