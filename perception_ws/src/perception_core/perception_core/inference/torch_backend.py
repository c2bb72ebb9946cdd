"""PyTorch behind the Backend protocol: programs, never pickles.

Two kinds of file are taken: what ``torch.export.save`` writes (``.pt2``) and what ``torch.jit.save`` writes
(``.pt``, ``.ts``). ``torch.save`` of a module also ends in ``.pt``, but it is a Python pickle, and is refused
(:mod:`perception_core.inference.torch_archive`).
"""

import inspect
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import ANY_INPUT, TensorInfo, Tensors, check_inputs
from perception_core.inference.loaded_network import LoadedNetwork
from perception_core.inference.torch_archive import EXPORT, TORCHSCRIPT, read_program, sample_inputs

_DTYPES = {
    "torch.float32": np.float32,
    "torch.float16": np.float16,
    "torch.float64": np.float64,
    "torch.uint8": np.uint8,
    "torch.int8": np.int8,
    "torch.int32": np.int32,
    "torch.int64": np.int64,
    "torch.bool": np.bool_,
}


class TorchBackend(LoadedNetwork):
    """A network run by PyTorch, on a GPU or the CPU."""

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        device: str = "cpu",
        reason: str = "",
    ) -> None:
        """Load a program.

        ``shapes`` gives the size of each input, by name or under ``ANY_INPUT``: TorchScript does not state them, and
        torch.export may leave some open. The program is run once on zeros, to learn what it returns.

        Raises:
            ModelError: torch is missing; a pickle or something else that is no program; sizes that are not stated.
        """
        kind, content = read_program(path)
        try:
            import torch
        except ImportError as error:
            raise ModelError(f"{path}: torch cannot be imported: {error}") from error
        self._torch = torch
        self._path, self._reason, self._device = str(path), reason, device
        torch.set_num_threads(threads)
        try:
            self._program: Any = _load(torch, content, kind, device)
            names = _input_names(self._program, kind)
            stated = _stated_inputs(self._program, kind)
        except ModelError:
            raise
        except Exception as error:  # torch raises exceptions of many kinds
            raise ModelError(f"{path}: torch cannot load it: {_first_line(error)}") from error
        self._module = _module(self._program, kind)
        given = _by_name(names, dict(shapes or {}))
        self._inputs = tuple(_input_info(path, name, info, given) for name, info in zip(names, stated, strict=True))
        where = "CPU" if device == "cpu" else device
        self._name = f"torch {torch.__version__} ({where}, {kind})"
        self._outputs: tuple[TensorInfo, ...] = ()
        self._outputs = self._try_out(given)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Run the network once; the arrays returned are the caller's.

        Raises:
            ModelError: a missing input, a wrong shape or dtype, or a failure of the engine.
        """
        if self._module is None:
            raise ModelError(f"{self._path}: the network is closed")
        check_inputs(self._path, self._inputs, inputs)
        torch = self._torch
        try:
            with torch.inference_mode():
                tensors = [
                    torch.from_numpy(np.ascontiguousarray(inputs[i.name])).to(self._device) for i in self._inputs
                ]
                results = _flat(self._module(*tensors))
                arrays = [result.detach().cpu().numpy().copy() for result in results]
        except Exception as error:  # torch raises exceptions of many kinds
            raise ModelError(f"{self._path}: the network failed: {_first_line(error)}") from error
        if len(arrays) == 1:
            return {"output": arrays[0]}
        return {f"output_{i}": array for i, array in enumerate(arrays)}

    def close(self) -> None:
        """Free the program."""
        self._module = self._program = None

    def _try_out(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[TensorInfo, ...]:
        zeros = {}
        for info in self._inputs:
            size = shapes.get(info.name, tuple(n or 1 for n in info.shape))
            zeros[info.name] = np.zeros(size, info.dtype)
        return tuple(TensorInfo(name, array.shape, array.dtype) for name, array in self.run(zeros).items())


def best_device(gpu: int) -> tuple[str, str]:
    """Return the device torch is to use, GPU ``gpu`` where it works, and why it is the CPU where it does not."""
    try:
        import torch
    except ImportError:
        return "cpu", ""
    if gpu < torch.cuda.device_count():
        return f"cuda:{gpu}", ""
    return "cpu", f"on the CPU, because torch sees no GPU {gpu}"


def _load(torch: Any, content: bytes, kind: str, device: str) -> Any:
    if kind == TORCHSCRIPT:
        return torch.jit.load(BytesIO(content), map_location=device).eval()
    for pickle in sample_inputs(content):
        torch.load(BytesIO(pickle), weights_only=True)  # fails on more than data, which torch.export.load would not
    program = torch.export.load(BytesIO(content))
    if device == "cpu":
        return program
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, device)


def _module(program: Any, kind: str) -> Any:
    """Return what can be called; torch.export's checks of inputs are code in the file, ours are made in ``run``."""
    if kind == TORCHSCRIPT:
        return program
    unguarded = "check_guards" in inspect.signature(program.module).parameters
    return program.module(check_guards=False) if unguarded else program.module()


def _input_names(program: Any, kind: str) -> list[str]:
    if kind == EXPORT:
        return list(program.graph_signature.user_inputs)
    return [argument.name for argument in program.forward.schema.arguments[1:]]


def _stated_inputs(program: Any, kind: str) -> list[TensorInfo | None]:
    """Return what the program says of its inputs, None for each it says nothing of."""
    if kind == TORCHSCRIPT:
        return [None] * (len(program.forward.schema.arguments) - 1)
    wanted = set(program.graph_signature.user_inputs)
    stated: list[TensorInfo | None] = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in wanted:
            value = node.meta["val"]
            shape = tuple(size if isinstance(size, int) else None for size in value.shape)
            stated.append(TensorInfo(node.name, shape, _dtype(value.dtype)))
    return stated


def _by_name(names: Sequence[str], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    general = shapes.get(ANY_INPUT)
    rest = {} if general is None else dict.fromkeys(names, general)
    return rest | {name: shape for name, shape in shapes.items() if name}


def _input_info(path: Path, name: str, stated: TensorInfo | None, shapes: Mapping[str, tuple[int, ...]]) -> TensorInfo:
    if stated is not None and (None not in stated.shape or name in shapes):
        return stated
    if name not in shapes:
        known = ", ".join(shapes) or "none"
        raise ModelError(f"{path}: the size of input {name} is not stated in the file, and was not given ({known})")
    return TensorInfo(name, shapes[name], np.dtype(np.float32))


def _dtype(kind: Any) -> np.dtype[Any]:
    if str(kind) not in _DTYPES:
        raise ModelError(f"{kind} is not supported")
    return np.dtype(_DTYPES[str(kind)])


def _flat(result: Any) -> list[Any]:
    """Return the tensors a program returns, one after the other, from whatever lists they lie in."""
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, Sequence):
        return [tensor for part in result for tensor in _flat(part)]
    return [result]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
