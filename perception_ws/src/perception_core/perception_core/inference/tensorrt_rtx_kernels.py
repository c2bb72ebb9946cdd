"""What TensorRT-RTX compiles while it runs, kept beside the engine.

An engine of TensorRT-RTX holds no machine code for the GPU at hand; that is compiled when the engine is loaded and
first run, which takes seconds. Its runtime cache keeps the result. TensorRT-RTX itself refuses one of another version,
GPU, driver or operating system.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from perception_core.inference.engines.cache import EngineCache
from perception_core.inference.engines.key import EngineKey

if TYPE_CHECKING:
    import tensorrt as trt

_CONTENT = "kernels"


class RtxKernels:
    """The runtime cache of one engine, from the folder of engines and back into it."""

    def __init__(self, cache: EngineCache, key: EngineKey) -> None:
        """Keep it in ``cache`` under the engine's ``key``."""
        self._cache = cache
        self._key = replace(key, content=_CONTENT)
        self._compiled: trt.IRuntimeCache | None = None
        self._stored = b""

    def context(self, engine: "trt.ICudaEngine") -> "trt.IExecutionContext | None":
        """Return what runs ``engine``, with the kernels that were kept if they fit; None without room on the GPU."""
        config = engine.create_runtime_config()
        compiled: trt.IRuntimeCache = config.create_runtime_cache()
        kept, _ = self._cache.read(self._key)
        if kept and compiled.deserialize(kept):
            self._stored = kept
        if config.set_runtime_cache(compiled):
            self._compiled = compiled
        return engine.create_execution_context(config)

    def keep(self) -> str:
        """Store what has been compiled since; return why that cannot be, if so."""
        if self._compiled is None:
            return ""
        blob = self._compiled.serialize()
        content = b"" if blob is None else bytes(memoryview(blob))
        if not content or content == self._stored:
            return ""
        self._stored = content
        return "; ".join(self._cache.store(self._key, content))
