"""From a file to a running engine, through the cache. TensorRT and CUDA are fake ones here."""

import dataclasses
import errno
import signal
import threading

import numpy as np
import onnx
import pytest
from onnx import helper

from perception_core.errors import ModelError
from perception_core.inference.engines.cache import EngineCache
from perception_core.inference.engines.key import ShapeRange
from perception_core.inference.progress import unheard
from perception_core.inference.tensorrt_api import load_api
from perception_core.inference.tensorrt_builder import BuildOptions
from perception_core.inference.tensorrt_cuda import load_cuda
from perception_core.inference.tensorrt_engines import (
    EngineRequest,
    engine_key,
    is_stored,
    load_or_build,
    resolve_precision,
    shape_ranges,
)

IMAGE = np.linspace(0, 1, 192, dtype=np.float32).reshape(1, 3, 8, 8)


@pytest.fixture
def fake(fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    return fake_tensorrt


@pytest.fixture
def request_for(networks, tmp_path):
    nodes = [helper.make_node("Add", ["images", "weights"], ["output"])]
    weights = [onnx.numpy_helper.from_array(np.full((1, 3, 8, 8), 0.1, np.float32), "weights")]
    path = networks.save(tmp_path / "add.onnx", nodes, weights, (1, 3, 8, 8), [1, 3, 8, 8])

    def make(precision="fp32", **options) -> EngineRequest:
        return EngineRequest(
            path, precision, BuildOptions(**options), EngineCache(tmp_path / "engines", 1 << 30), "why"
        )

    return make


def obtain(request):
    return load_or_build(load_api("tensorrt"), load_cuda(), request, unheard, threading.Event())


def test_an_engine_is_built_once_and_then_loaded(fake, request_for):
    request = request_for()
    assert not is_stored(load_api("tensorrt"), load_cuda(), request)
    np.testing.assert_allclose(obtain(request).run({"images": IMAGE})["output"], IMAGE + 0.1, rtol=1e-6)
    assert is_stored(load_api("tensorrt"), load_cuda(), request)
    backend = obtain(request)
    np.testing.assert_allclose(backend.run({"images": IMAGE})["output"], IMAGE + 0.1, rtol=1e-6)
    assert fake.Builder.built == 1
    assert backend.reason == "why"


def test_other_settings_and_other_libraries_are_other_engines(fake, request_for, monkeypatch):
    cuda = load_cuda()
    api = load_api("tensorrt")
    key = engine_key(api, cuda, request_for())
    assert key.engine == "tensorrt 10.16.1.11"
    assert key.device == "Fake GPU, compute capability 8.7"
    keys = {
        key,
        engine_key(api, cuda, request_for("fp16")),
        engine_key(api, cuda, request_for(level=5)),
        engine_key(api, cuda, request_for(exact=True)),
        engine_key(api, cuda, request_for(shapes=shape_ranges({"images": (1, 3, 8, 8)}, 4))),
    }
    assert len({k.digest() for k in keys}) == 5


def test_an_engine_that_is_whole_but_refused_is_built_anew_once(fake, request_for, monkeypatch):
    obtain(request_for()).close()
    monkeypatch.setattr(fake.Runtime, "refused", 1)
    obtain(request_for()).close()
    assert fake.Builder.built == 2
    monkeypatch.setattr(fake.Runtime, "refused", 9)
    with pytest.raises(ModelError, match="refuses the engine"):
        obtain(request_for())
    assert fake.Builder.built == 3


def test_a_damaged_file_is_built_anew_and_said(fake, request_for):
    obtain(request_for()).close()
    path = request_for().cache.path_of(engine_key(load_api("tensorrt"), load_cuda(), request_for()))
    path.write_bytes(path.read_bytes()[:-3])
    backend = obtain(request_for())
    assert fake.Builder.built == 2
    assert backend.reason.startswith("why; ")
    assert "is not used and built anew" in backend.reason


def test_half_precision_is_a_converted_network(fake, request_for):
    backend = obtain(request_for("fp16"))
    assert backend.name.endswith("(Fake GPU, fp16)")
    output = backend.run({"images": IMAGE})["output"]
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, IMAGE + 0.1, atol=2e-3)
    assert not np.array_equal(output, IMAGE + np.float32(0.1))


def obtain_rtx(request):
    return load_or_build(load_api("tensorrt_rtx"), load_cuda(), request, unheard, threading.Event())


@pytest.fixture
def rtx(fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch, "tensorrt_rtx")
    return fake_tensorrt


def kernels_of(request):
    key = engine_key(load_api("tensorrt_rtx"), load_cuda(), request)
    return request.cache.path_of(key).with_suffix(".kernels")


def test_what_rtx_compiles_at_run_time_lies_beside_the_engine_and_is_compiled_once(rtx, request_for):
    for _ in range(3):
        backend = obtain_rtx(request_for())
        np.testing.assert_allclose(backend.run({"images": IMAGE})["output"], IMAGE + 0.1, rtol=1e-6)
        backend.close()
    assert rtx.RuntimeCache.compiled == 1
    assert kernels_of(request_for()).is_file()
    obtain_rtx(request_for(level=5)).close()  # another engine has kernels of its own
    assert rtx.RuntimeCache.compiled == 2


@pytest.mark.parametrize("harm", ["cut off", "of another key", "that RTX refuses", "writable by others"])
def test_compiled_kernels_that_are_not_good_are_compiled_anew(rtx, request_for, harm):
    request = request_for()
    obtain_rtx(request).close()
    path = kernels_of(request)
    if harm == "cut off":
        path.write_bytes(path.read_bytes()[:-2])
    elif harm == "of another key":
        path.write_bytes(path.with_suffix(".engine").read_bytes())
    elif harm == "writable by others":
        path.chmod(0o666)
    else:
        key = dataclasses.replace(engine_key(load_api("tensorrt_rtx"), load_cuda(), request), content="kernels")
        request.cache.store(key, b"of another driver")
    obtain_rtx(request).close()
    assert rtx.RuntimeCache.compiled == 2
    obtain_rtx(request).close()
    assert rtx.RuntimeCache.compiled == 2  # and these are good again
    assert rtx.Builder.built == 1


def test_a_full_disk_during_a_build_costs_the_next_start_s_time_and_nothing_else(fake, request_for, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("perception_core.inference.engines.cache.write_atomically", full)
    for builds in (1, 2):
        backend = obtain(request_for())
        np.testing.assert_allclose(backend.run({"images": IMAGE})["output"], IMAGE + 0.1, rtol=1e-6)
        assert "the engine cannot be stored (No space left on device) and will be built again" in backend.reason
        assert fake.Builder.built == builds


def test_an_engine_is_read_from_a_cache_that_cannot_be_written(fake, request_for, monkeypatch):
    def refused(*_arguments, **_keywords):
        raise OSError(errno.EROFS, "Read-only file system")

    obtain(request_for()).close()
    monkeypatch.setattr("os.utime", refused)
    monkeypatch.setattr("perception_core.inference.engines.cache.write_atomically", refused)
    monkeypatch.setattr("perception_core.inference.engines.cache.file_lock", refused)
    backend = obtain(request_for())
    np.testing.assert_allclose(backend.run({"images": IMAGE})["output"], IMAGE + 0.1, rtol=1e-6)
    assert fake.Builder.built == 1
    assert backend.reason == "why"


def test_kernels_that_cannot_be_stored_are_said_and_hinder_nothing(rtx, request_for, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    obtain_rtx(request_for()).close()
    kernels_of(request_for()).unlink()
    monkeypatch.setattr("perception_core.inference.engines.cache.write_atomically", full)
    backend = obtain_rtx(request_for())
    assert "the kernels cannot be stored (No space left on device)" in backend.reason
    np.testing.assert_allclose(backend.run({"images": IMAGE})["output"], IMAGE + 0.1, rtol=1e-6)


def test_tensorrt_itself_has_no_such_kernels(fake, request_for, tmp_path):
    obtain(request_for()).close()
    assert not list((tmp_path / "engines").glob("*.kernels"))


def test_an_interrupt_stops_the_build(fake, request_for):
    stop = threading.Event()

    def report(progress):
        if progress.fraction:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert stop.wait(10)

    with pytest.raises(KeyboardInterrupt):
        load_or_build(load_api("tensorrt"), load_cuda(), request_for(), report, stop)
    assert not is_stored(load_api("tensorrt"), load_cuda(), request_for())


def test_what_the_file_is_decides_the_precision(networks, tmp_path):
    plain = networks.echo_network(tmp_path / "plain.onnx")
    quantized = tmp_path / "quantized.onnx"
    quantized.write_bytes(b"... QuantizeLinear ... DequantizeLinear ...")
    assert resolve_precision(plain, "auto") == ("fp16", "fp16 because the network is not quantised")
    assert resolve_precision(quantized, "auto") == ("int8", "int8 because the network is quantised")
    assert resolve_precision(plain, "fp32") == ("fp32", "")
    with pytest.raises(ModelError, match=r"plain\.onnx: int8 needs a quantised network"):
        resolve_precision(plain, "int8")
    with pytest.raises(ModelError, match=r"quantized\.onnx: the network is quantised, and can be built as int8 only"):
        resolve_precision(quantized, "bf16")


def test_batches_are_up_to_the_largest():
    assert shape_ranges({"b": (1, 3), "a": (8, 2), "c": ()}, 4) == (
        ("a", ShapeRange((1, 2), (8, 2), (8, 2))),
        ("b", ShapeRange((1, 3), (4, 3), (4, 3))),
        ("c", ShapeRange((), (), ())),
    )
