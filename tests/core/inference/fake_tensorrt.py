"""A fake TensorRT on a fake CUDA, with the calls and the rules of the real one.

A fake engine is the ONNX file, which ONNX Runtime runs when it is executed. Whether the real ones behave so only a GPU
can show; that they have these names and signatures is checked by perception_ws/stubs/check_tensorrt.py.
"""

import ctypes
import enum
import importlib.machinery
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import onnx
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).parent))

from fake_cuda import FakeCudaRuntime

MAGIC = b"FAKE PLAN "


class DataType(enum.Enum):
    FLOAT, HALF, INT8, INT32, INT64, BOOL, UINT8, BF16 = range(8)


class TensorIOMode(enum.Enum):
    NONE, INPUT, OUTPUT = range(3)


class BuilderFlag(enum.Enum):
    TF32 = 7


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


class Dims:
    def __init__(self, sizes):
        self.sizes = tuple(sizes)

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        return self.sizes[index]


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class IProgressMonitor:
    pass


class ParserError:
    def __init__(self, text):
        self.text = text

    def desc(self):
        return self.text

    def node_operator(self):
        return "Foo"

    def node_name(self):
        return "node_3"


class OnnxParser:
    def __init__(self, network, logger):
        self.network, self.errors = network, []

    def parse_from_file(self, path):
        return self._parse(lambda: onnx.load(path))

    def parse(self, content, path=None):
        return self._parse(lambda: onnx.load_from_string(content))

    def _parse(self, load):
        try:
            self.network.model = load()
            onnx.checker.check_model(self.network.model)
        except Exception as error:
            self.errors.append(ParserError(str(error)))
            return False
        return True

    @property
    def num_errors(self):
        return len(self.errors)

    def get_error(self, index):
        return self.errors[index]


class Network:
    model = None

    @property
    def num_inputs(self):
        return len(self.model.graph.input)

    def get_input(self, index):
        value = self.model.graph.input[index]
        return SimpleNamespace(name=value.name, shape=Dims(shape_of(value)))


def shape_of(value):
    return [d.dim_value if d.HasField("dim_value") else -1 for d in value.type.tensor_type.shape.dim]


class Config:
    def __init__(self):
        self.cleared, self.profiles, self.pools = [], [], {}
        self.builder_optimization_level, self.progress_monitor = 3, None

    def clear_flag(self, flag):
        self.cleared.append(flag)

    def set_memory_pool_limit(self, pool, size):
        self.pools[pool] = size

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return 0


class Profile(dict):
    def set_shape(self, name, low, usual, high):
        assert all(isinstance(dims, Dims) for dims in (low, usual, high))
        self[name] = (low.sizes, high.sizes)


class Builder:
    built = 0
    last_config = None
    flags = None
    failure = ""

    def __init__(self, logger):
        self.logger = logger

    def create_network(self, flags):
        Builder.flags = flags
        return Network()

    def create_builder_config(self):
        Builder.last_config = Config()
        return Builder.last_config

    def create_optimization_profile(self):
        return Profile()

    def build_serialized_network(self, network, config):
        Builder.built += 1
        if Builder.failure:
            self.logger.log(ILogger.Severity.ERROR, Builder.failure)
            return None
        monitor = config.progress_monitor
        monitor.phase_start("Building", None, 2)
        for step in range(2):
            if not monitor.step_complete("Building", step):
                return None
        monitor.phase_finish("Building")
        profile = json.dumps(config.profiles[0] if config.profiles else {}).encode()
        return memoryview(MAGIC + len(profile).to_bytes(4, "little") + profile + network.model.SerializeToString())


class Runtime:
    refused = 0

    def __init__(self, logger):
        self.logger = logger

    def deserialize_cuda_engine(self, plan):
        if Runtime.refused > 0 or not plan.startswith(MAGIC):
            Runtime.refused -= 1
            self.logger.log(ILogger.Severity.ERROR, "The engine plan file is not compatible")
            return None
        size = int.from_bytes(plan[len(MAGIC) :][:4], "little")
        body = plan[len(MAGIC) + 4 :]
        return Engine(json.loads(body[:size]), body[size:])


class Engine:
    cuda = None
    data_dependent = False

    def __init__(self, profile, content):
        self.profile = profile
        self.session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.tensors = [*self.session.get_inputs(), *self.session.get_outputs()]

    @property
    def num_io_tensors(self):
        return len(self.tensors)

    def _tensor(self, name):
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def get_tensor_name(self, index):
        return self.tensors[index].name

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if self._tensor(name) in self.session.get_inputs() else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name):
        types = {
            "tensor(float)": DataType.FLOAT,
            "tensor(float16)": DataType.HALF,
            "tensor(int64)": DataType.INT64,
            "tensor(bfloat16)": DataType.BF16,
            "tensor(uint8)": DataType.UINT8,
        }
        return types[self._tensor(name).type]

    def get_tensor_shape(self, name):
        return Dims([n if isinstance(n, int) else -1 for n in self._tensor(name).shape])

    def is_shape_inference_io(self, name):
        return False

    def create_execution_context(self, runtime_config=None):
        if runtime_config is not None:
            runtime_config.cache.compile()
        return Context(self)

    def create_runtime_config(self):
        return RuntimeConfig()


class RuntimeCache:
    """What TensorRT-RTX compiles: `compiled` counts how often it had to."""

    compiled = 0
    HEAD = b"FAKE KERNELS "

    def __init__(self):
        self.content = b""

    def deserialize(self, blob):
        fits = bytes(blob).startswith(self.HEAD)
        self.content = bytes(blob) if fits else self.content
        return fits

    def serialize(self):
        return memoryview(self.content)

    def compile(self):
        if not self.content:
            RuntimeCache.compiled += 1
            self.content = self.HEAD + b"of this GPU"


class RuntimeConfig:
    cache = None

    def create_runtime_cache(self):
        return RuntimeCache()

    def set_runtime_cache(self, cache):
        self.cache = cache
        return True


class Context:
    def __init__(self, engine):
        self.engine, self.shapes, self.addresses = engine, {}, {}

    def set_input_shape(self, name, shape):
        stated = self.engine.get_tensor_shape(name).sizes
        low, high = self.engine.profile.get(name, (stated, stated))
        if len(low) != len(shape) or any(not a <= n <= b for a, n, b in zip(low, shape, high, strict=True)):
            return False
        self.shapes[name] = shape
        return True

    def _dtype(self, name):
        kinds = {DataType.HALF: np.float16, DataType.INT64: np.int64, DataType.UINT8: np.uint8}
        return kinds.get(self.engine.get_tensor_dtype(name), np.float32)

    def infer_shapes(self):
        return [node.name for node in self.engine.session.get_inputs() if node.name not in self.shapes]

    def get_tensor_shape(self, name):
        if Engine.data_dependent:
            return Dims([-1, 6])
        zeros = {name: np.zeros(shape, self._dtype(name)) for name, shape in self.shapes.items()}
        return Dims(self.engine.session.run([name], zeros)[0].shape)

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        assert stream == 77
        cuda = Engine.cuda
        names = [node.name for node in self.engine.session.get_outputs()]

        def work():
            inputs = {name: self._array(name, shape).copy() for name, shape in self.shapes.items()}
            for name, result in zip(names, self.engine.session.run(names, inputs), strict=True):
                cuda.check(self.addresses[name], result.nbytes)
                ctypes.memmove(self.addresses[name], result.ctypes.data, result.nbytes)

        cuda.enqueue(work)
        return True

    def _array(self, name, shape):
        dtype = np.dtype(self._dtype(name))
        size = int(np.prod(shape)) * dtype.itemsize
        Engine.cuda.check(self.addresses[name], size)
        memory = (ctypes.c_uint8 * size).from_address(self.addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)


def fake_module(name="tensorrt", version="10.16.1.11"):
    """Return a module with what is used of TensorRT."""
    module = ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__version__ = version
    kinds = (Builder, BuilderFlag, DataType, Dims, ILogger, IProgressMonitor, MemoryPoolType)
    for kind in (*kinds, NetworkDefinitionCreationFlag, OnnxParser, Runtime, TensorIOMode):
        setattr(module, kind.__name__, kind)
    return module


def install(monkeypatch, name="tensorrt"):
    """Put the fakes in the place of the real packages for one test; return the fake CUDA."""
    cuda = FakeCudaRuntime()
    for attribute, value in (("built", 0), ("last_config", None), ("flags", None), ("failure", "")):
        monkeypatch.setattr(Builder, attribute, value)
    monkeypatch.setattr(Runtime, "refused", 0)
    monkeypatch.setattr(RuntimeCache, "compiled", 0)
    monkeypatch.setattr(Engine, "cuda", cuda)
    monkeypatch.setattr(Engine, "data_dependent", False)
    monkeypatch.setitem(sys.modules, name, fake_module(name))
    for package in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", cuda)
    return cuda
