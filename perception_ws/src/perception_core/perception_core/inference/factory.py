"""From a network file and a configuration to a running backend."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from perception_core.config import Config, param
from perception_core.errors import ModelError
from perception_core.inference.backend import Backend


@dataclass(frozen=True)
class InferenceConfig(Config):
    """How networks are run."""

    backend: str = param("auto", "engine that runs the network; auto takes the best that works here")
    threads: int = param(1, "CPU threads of one network; where cores are shared, one is as fast as two", low=1, high=64)
    spinning: bool = param(
        False, "worker threads wait busily: a third less latency on free cores for four times the CPU time"
    )


def create_backend(path: Path | str, config: InferenceConfig | None = None) -> Backend:
    """Load a network file with the engine the configuration asks for.

    Raises:
        ModelError: an engine that is unknown or not installed (the message lists what is available), no such
            file, or a file the engine refuses.
    """
    config = config or InferenceConfig()
    path = Path(path)
    factory = _FACTORIES[choose_backend(config.backend)]
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ModelError(f"{path}: the file is empty")
    return factory(path, config)


def available_backends() -> tuple[str, ...]:
    """Return the engines that are installed here, best first."""
    return tuple(name for name, package in _PACKAGES.items() if find_spec(package) is not None)


def choose_backend(wanted: str) -> str:
    """Return the name of the engine for ``wanted``, where ``auto`` is the best that is installed.

    Raises:
        ModelError: naming what was asked for and what is available.
    """
    available = available_backends()
    if wanted == "auto" and available:
        return available[0]
    if wanted not in available:
        listed = ", ".join(("auto", *available)) if available else "none"
        raise ModelError(f"inference backend {wanted!r} is not available; available here: {listed}")
    return wanted


def _onnxruntime(path: Path, config: InferenceConfig) -> Backend:
    from perception_core.inference.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(path, config.threads, config.spinning)


_FACTORIES: dict[str, Callable[[Path, InferenceConfig], Backend]] = {"onnxruntime": _onnxruntime}
_PACKAGES: dict[str, str] = {"onnxruntime": "onnxruntime"}
