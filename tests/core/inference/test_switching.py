"""Serving while an engine is built: real ONNX Runtime networks, and a fake builder that takes its time."""

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from perception_core.errors import ModelError
from perception_core.inference.onnxruntime_backend import OnnxRuntimeBackend
from perception_core.inference.progress import Progress
from perception_core.inference.switching import SwitchingBackend

IMAGE = np.ones((1, 3, 8, 8), np.float32)
WAIT = 30.0


class FakeBuild:
    """Waits until it is let go, then gives a backend, or fails."""

    def __init__(self, result):
        self.result = result
        self.go = threading.Event()
        self.began = threading.Event()

    def __call__(self, report, stop):
        report(Progress("build", 0.25, "fake layers"))
        self.began.set()
        while not self.go.wait(0.01):
            if stop.is_set():
                raise ModelError("the build was stopped")
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def backend(networks, tmp_path):
    """Make a real backend that multiplies its input."""

    def make(factor: float, name: str = "output", shape: tuple = (1, 3, 8, 8)) -> OnnxRuntimeBackend:
        nodes = [helper.make_node("Mul", ["images", "factor"], ["output"])]
        constants = [numpy_helper.from_array(np.array(factor, np.float32), "factor")]
        path = networks.save(tmp_path / f"{factor}.onnx", nodes, constants, shape, list(shape))
        return OnnxRuntimeBackend(Path(path), reason=f"factor {factor}")

    return make


def output(switching) -> float:
    return float(switching.run({"images": IMAGE})["output"].flat[0])


def test_the_first_serves_until_the_other_is_ready_then_the_other(backend):
    build = FakeBuild(backend(3.0))
    switching = SwitchingBackend(backend(2.0), build)
    assert build.began.wait(WAIT)
    assert output(switching) == 2.0
    assert switching.progress == Progress("build", 0.25, "fake layers")
    assert switching.reason == "factor 2.0"
    build.go.set()
    assert switching.wait(WAIT)
    assert switching.progress is None
    assert output(switching) == 3.0
    assert switching.reason == "factor 3.0"
    switching.close()


def test_no_run_fails_while_it_changes_over(backend):
    build = FakeBuild(backend(3.0))
    switching = SwitchingBackend(backend(2.0), build)
    seen = []
    threading.Timer(0.05, build.go.set).start()
    while not seen or seen[-1] != 3.0:
        seen.append(output(switching))
    changes = sum(a != b for a, b in itertools.pairwise(seen))
    assert changes == 1
    assert output(switching) == 3.0


def test_the_first_is_closed_once_the_other_runs(backend):
    first = backend(2.0)
    build = FakeBuild(backend(3.0))
    build.go.set()
    switching = SwitchingBackend(first, build)
    assert switching.wait(WAIT)
    output(switching)
    with pytest.raises(ModelError, match="closed"):
        first.run({"images": IMAGE})


@pytest.mark.parametrize("error", [ModelError("unknown operator Foo"), RuntimeError("driver gone")])
def test_a_failed_build_leaves_the_first_and_says_why(backend, error):
    build = FakeBuild(error)
    build.go.set()
    switching = SwitchingBackend(backend(2.0), build)
    assert switching.wait(WAIT)
    assert output(switching) == 2.0
    assert switching.progress is None
    assert switching.reason == f"factor 2.0; the engine is not used: {error}"


def test_an_engine_of_another_network_is_not_taken(backend):
    build = FakeBuild(backend(3.0, shape=(1, 3, 8, 16)))
    build.go.set()
    switching = SwitchingBackend(backend(2.0), build)
    assert switching.wait(WAIT)
    assert output(switching) == 2.0
    assert "not used: it has images float32 [1, 3, 8, 16], the network images float32 [1, 3, 8, 8]" in switching.reason


def test_an_engine_that_gives_no_numbers_is_not_taken(backend):
    build = FakeBuild(backend(np.inf))
    switching = SwitchingBackend(backend(2.0), build)
    output(switching)
    build.go.set()
    assert switching.wait(WAIT)
    assert output(switching) == 2.0
    assert "output output has numbers that are not finite" in switching.reason
    with pytest.raises(ModelError, match="closed"):
        build.result.run({"images": IMAGE})


def test_closing_stops_the_build(backend):
    build = FakeBuild(backend(3.0))
    switching = SwitchingBackend(backend(2.0), build)
    assert build.began.wait(WAIT)
    switching.close()
    assert switching.wait(0)
    with pytest.raises(ModelError, match="closed"):
        switching.run({"images": IMAGE})


def test_closing_frees_an_engine_that_never_ran(backend):
    build = FakeBuild(backend(3.0))
    build.go.set()
    switching = SwitchingBackend(backend(2.0), build)
    assert switching.wait(WAIT)
    switching.close()
    with pytest.raises(ModelError, match="closed"):
        build.result.run({"images": IMAGE})


def test_inputs_and_outputs_are_the_networks(backend):
    build = FakeBuild(ModelError("no"))
    switching = SwitchingBackend(backend(2.0), build)
    assert [str(info) for info in switching.inputs] == ["images float32 [1, 3, 8, 8]"]
    assert [str(info) for info in switching.outputs] == ["output float32 [1, 3, 8, 8]"]
    assert switching.name == "onnxruntime (CPU, 1 thread)"
    assert switching.path.endswith("2.0.onnx")
    switching.close()
