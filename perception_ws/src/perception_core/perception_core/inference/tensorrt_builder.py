"""From an ONNX file to a TensorRT engine.

Networks are strongly typed: each tensor has the type the file gives it, in TensorRT 10 as in 11, which knows nothing
else. So the precision lies in the network: half precision is a converted network
(:mod:`perception_core.inference.precision`), eight bits are QuantizeLinear and DequantizeLinear in the file. The flags
with which TensorRT 10 chose types by itself are not used: they are gone in 11, and nobody could say what they gave.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perception_core.errors import ModelError
from perception_core.inference.engines.key import ShapeRange
from perception_core.inference.progress import PhaseTree, Progress, Report
from perception_core.inference.tensorrt_api import Messages, TensorRt, derived, listening_logger, sizes

if TYPE_CHECKING:
    import tensorrt as trt

_MOST_PARSER_ERRORS = 5


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How an engine is built.

    Attributes:
        shapes: range of each input whose size the file leaves open; those of fixed size may be left out.
        exact: float32 is multiplied as such, not as TF32 with 10 bits of mantissa.
        level: TensorRT's builder_optimization_level, 0 (fast to build) to 5 (fast to run).
        workspace_bytes: scratch memory layers may use; 0: as much as the GPU has.
    """

    shapes: tuple[tuple[str, ShapeRange], ...] = ()
    exact: bool = False
    level: int = 3
    workspace_bytes: int = 0

    def flags(self) -> tuple[tuple[str, str], ...]:
        """Return what of this changes an engine, for its key, besides the shapes."""
        return (
            ("exact", str(self.exact)),
            ("level", str(self.level)),
            ("strongly_typed", "True"),
            ("workspace", str(self.workspace_bytes)),
        )


def build_engine(
    api: TensorRt, path: Path, model: bytes | None, options: BuildOptions, report: Report, stop: threading.Event
) -> bytes:
    """Build the engine of the ONNX file ``path`` on the current GPU; takes seconds to tens of minutes.

    ``model`` is the network itself where it is another than in the file (converted); weights kept outside are looked
    for beside ``path`` all the same. ``report`` hears of every step; once ``stop`` is set the build ends soon.

    Raises:
        ModelError: naming the file and what TensorRT says: not ONNX, unknown operators, shapes that do not fit, not
            enough memory; or that it was stopped.
    """
    messages = Messages()
    logger = listening_logger(api, messages)
    report(Progress("build", 0.0, "reading the network"))
    try:
        builder = api.Builder(logger)
        network = builder.create_network(1 << int(api.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = api.OnnxParser(network, logger)
        parsed = parser.parse_from_file(str(path)) if model is None else parser.parse(model, str(path))
        if not parsed:
            raise ModelError(f"{path}: {api.title} cannot read it: {_parser_errors(parser, messages)}")
        config = _configure(api, builder, network, path, options)
        monitor = progress_monitor(api, report, stop)  # a name of its own: it must live as long as the build
        config.progress_monitor = monitor
        plan = builder.build_serialized_network(network, config)
    except (RuntimeError, TypeError, ValueError) as error:  # what pybind11 raises
        raise ModelError(f"{path}: {api.title} cannot build it: {error}; {messages.last('no message')}") from error
    if stop.is_set():
        raise ModelError(f"{path}: the build was stopped")
    if plan is None:
        raise ModelError(f"{path}: {api.title} cannot build it: {messages.last('no message')}")
    return bytes(memoryview(plan))


def _configure(
    api: TensorRt, builder: "trt.Builder", network: "trt.INetworkDefinition", path: Path, options: BuildOptions
) -> "trt.IBuilderConfig":
    config = builder.create_builder_config()
    config.builder_optimization_level = options.level
    if options.workspace_bytes:
        config.set_memory_pool_limit(api.MemoryPoolType.WORKSPACE, options.workspace_bytes)
    if options.exact:
        config.clear_flag(api.BuilderFlag.TF32)
    ranges = dict(options.shapes)
    profile = builder.create_optimization_profile()
    is_open = False
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = sizes(tensor.shape)
        if all(size >= 0 for size in shape):
            continue
        is_open = True
        wanted = checked_range(path, tensor.name, shape, ranges.get(tensor.name))
        low, usual, high = (api.Dims(list(size)) for size in (wanted.low, wanted.usual, wanted.high))
        profile.set_shape(tensor.name, low, usual, high)
    if is_open:
        config.add_optimization_profile(profile)
    return config


def checked_range(path: Path, name: str, shape: tuple[int, ...], wanted: ShapeRange | None) -> ShapeRange:
    """Return ``wanted`` for an input of ``shape``, where -1 is open, with the sizes that are not open as they are.

    Raises:
        ModelError: no range was given, or it is of another rank, or does not hold a size that is not open.
    """
    shown = ", ".join("?" if size < 0 else str(size) for size in shape)
    if wanted is None:
        raise ModelError(f"{path}: input {name} [{shown}] has open sizes, and none was given to build for")
    fits = len(wanted.low) == len(shape) and all(
        size < 0 or low <= size <= high for size, low, high in zip(shape, wanted.low, wanted.high, strict=True)
    )
    if not fits:
        raise ModelError(f"{path}: input {name} [{shown}] cannot be of {list(wanted.low)} to {list(wanted.high)}")
    return ShapeRange(*(_filled(shape, sizes) for sizes in (wanted.low, wanted.usual, wanted.high)))


def _filled(shape: tuple[int, ...], open_sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(given if size < 0 else size for size, given in zip(shape, open_sizes, strict=True))


def _parser_errors(parser: "trt.OnnxParser", messages: Messages) -> str:
    errors = [parser.get_error(i) for i in range(min(parser.num_errors, _MOST_PARSER_ERRORS))]
    texts = [f"{_place(error)}{error.desc()}" for error in errors]
    return "; ".join(texts) or messages.last("no message")


def _place(error: "trt.ParserError") -> str:
    """Return which node an error is about, empty where it is about the file."""
    if not error.node_operator():
        return ""
    name = f" {error.node_name()!r}" if error.node_name() else ""
    return f"{error.node_operator()}{name}: "


def progress_monitor(api: TensorRt, report: Report, stop: threading.Event) -> "trt.IProgressMonitor":
    """Return a monitor that hands TensorRT's progress on, and ends the build once ``stop`` is set.

    TensorRT calls it from several threads. An error in ``report`` must not reach it: it would end the process.
    """
    tree = PhaseTree()

    def phase_start(_self: object, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        tree.start(phase_name, parent_phase, num_steps)

    def step_complete(_self: object, phase_name: str, step: int) -> bool:
        tree.step(phase_name, step)
        return _tell(tree, report) and not stop.is_set()

    def phase_finish(_self: object, phase_name: str) -> None:
        tree.finish(phase_name)
        _tell(tree, report)

    return derived(
        api.IProgressMonitor, phase_start=phase_start, step_complete=step_complete, phase_finish=phase_finish
    )


def _tell(tree: PhaseTree, report: Report) -> bool:
    fraction, text = tree.state()
    try:
        report(Progress("build", fraction, text))
    except Exception:  # it may not pass through TensorRT's C++; False stops the build, which is then reported
        return False
    return True
