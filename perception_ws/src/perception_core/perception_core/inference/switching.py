"""Serving from one engine while a better one is built, and changing over between two runs."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.backend import Backend, TensorInfo, Tensors
from perception_core.inference.image_runner import ImageRunner, Preprocessing
from perception_core.inference.progress import Progress, Report

Build = Callable[[Report, threading.Event], Backend]
"""Makes the better backend, in a thread of its own: reports, and ends soon with a ModelError once the event is set."""

_JOIN_SECONDS = 10.0
"""How long closing waits for a build that was told to stop: between two steps of TensorRT's builder lie seconds."""


class SwitchingBackend:
    """Runs a network with what there is at once, and with what is being built as soon as it is ready.

    The built backend is tried before it is taken: its inputs and outputs must be those of the first, and it must give
    finite numbers of the same shapes for the newest input that was run. Then it takes over between two runs; no run
    waits for it. When the build fails, the first goes on for good, and :attr:`reason` says why.
    """

    def __init__(self, first: Backend, build: Build) -> None:
        """Serve from ``first``, which this owns from now on, and start ``build`` in a thread."""
        self._backend = first
        self._reason = first.reason
        self._newest: Mapping[str, NDArray[Any]] | None = None
        self._lock = threading.Lock()  # of the next three
        self._ready: Backend | None = None
        self._progress: Progress | None = Progress("build", None, "starting")
        self._failure = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(build,), name="engine build", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Engine and device that run now, for people."""
        return self._backend.name

    @property
    def reason(self) -> str:
        """Why this engine runs, and why not the other if its build failed."""
        with self._lock:
            return "; ".join(part for part in (self._reason, self._failure) if part)

    @property
    def progress(self) -> Progress | None:
        """How far the build is; None once it has ended, well or not."""
        with self._lock:
            return self._progress

    @property
    def preprocessing(self) -> Preprocessing:
        """Where the engine that runs now wants images prepared."""
        return self._backend.preprocessing

    @property
    def images(self) -> ImageRunner | None:
        """What prepares images for the next run: the built engine's if it became ready since the last."""
        self._change_over()
        return self._backend.images

    @property
    def path(self) -> str:
        """File the network was loaded from."""
        return self._backend.path

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs in the order of the file."""
        return self._backend.inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the file."""
        return self._backend.outputs

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Run the network once, with the built engine if it became ready since the last run.

        Raises:
            ModelError: a missing input, a wrong shape or dtype, or a failure of the engine.
        """
        self._change_over()
        if self._thread.is_alive() and self._newest is None:
            self._newest = {name: np.array(array) for name, array in inputs.items()}
        return self._backend.run(inputs)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the build has ended, well or not; False when ``timeout`` seconds went by before."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Stop the build and free everything; running afterwards is a ModelError."""
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)
        with self._lock:
            ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()
        self._backend.close()

    def _change_over(self) -> None:
        with self._lock:
            ready, self._ready = self._ready, None
            if ready is None:
                return
            old, self._backend = self._backend, ready
            self._reason = ready.reason
        self._newest = None
        old.close()

    def _work(self, build: Build) -> None:
        built: Backend | None = None
        try:
            built = build(self._report, self._stop)
            self._report(Progress("check", None, "comparing it with what runs now"))
            self._try_out(built)
        except Exception as error:  # whatever happens in the thread, the first backend goes on and people are told
            self._end(None, f"the engine is not used: {error}")
            if built is not None:
                built.close()
            return
        self._end(built, "")

    def _report(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress

    def _end(self, ready: Backend | None, failure: str) -> None:
        with self._lock:
            self._progress = None
            self._failure = failure
            if ready is not None and not self._stop.is_set():
                self._ready = ready
                return
        if ready is not None:
            ready.close()

    def _try_out(self, built: Backend) -> None:
        """Run the built backend on an input that was served, or on zeros.

        Raises:
            ModelError: other inputs or outputs than the first backend's, or numbers that are not finite.
        """
        for ours, theirs in ((self.inputs, built.inputs), (self.outputs, built.outputs)):
            _check_same(ours, theirs)
        inputs = self._newest or {
            info.name: np.zeros([n or 1 for n in info.shape], info.dtype)
            for info in built.inputs
            if None not in info.shape
        }
        if len(inputs) < len(built.inputs):
            return
        for name, array in built.run(inputs).items():
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise ModelError(f"{built.name}: output {name} has numbers that are not finite")


def _check_same(ours: tuple[TensorInfo, ...], theirs: tuple[TensorInfo, ...]) -> None:
    """Raise a ModelError unless both have the same names and types, and sizes that do not contradict each other."""
    mine, other = ({info.name: info for info in infos} for infos in (ours, theirs))
    fit = mine.keys() == other.keys() and all(
        info.dtype == other[name].dtype
        and len(info.shape) == len(other[name].shape)
        and all(a == b or None in (a, b) for a, b in zip(info.shape, other[name].shape, strict=True))
        for name, info in mine.items()
    )
    if not fit:
        shown = ("; ".join(map(str, infos)) for infos in (theirs, ours))
        raise ModelError("it has {}, the network {}".format(*shown))
