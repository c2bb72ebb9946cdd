"""The cache of engines: checked, shared by processes, and never a reason to fail. The builder is a fake one."""

import dataclasses
import os
import resource
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from perception_core.errors import ModelError
from perception_core.inference.engines.cache import EngineCache, write_atomically
from perception_core.inference.engines.file_format import encode_header
from perception_core.inference.engines.key import EngineKey, ShapeRange
from perception_core.inference.engines.lock import file_lock

KEY = EngineKey("ab" * 32, "tensorrt 10.16.1.11", "Orin", "fp16", (("images", ShapeRange.fixed((1, 3, 64, 64))),))
MEGABYTE = 1 << 20


class FakeBuilder:
    """Builds what it is told and counts how often."""

    def __init__(self, engine: bytes = b"engine") -> None:
        self.engine = engine
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return self.engine


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines", 100 * MEGABYTE)


def test_an_engine_is_built_once_then_read(cache):
    builder = FakeBuilder()
    first, second = cache.obtain(KEY, builder), cache.obtain(KEY, builder)
    assert (first.data, first.built, first.notes) == (b"engine", True, ())
    assert (second.data, second.built, second.notes) == (b"engine", False, ())
    assert builder.count == 1


def test_another_key_is_another_engine(cache):
    other = dataclasses.replace(KEY, device="Xavier")
    assert cache.obtain(KEY, FakeBuilder(b"one")).data == b"one"
    assert cache.obtain(other, FakeBuilder(b"two")).data == b"two"
    assert cache.obtain(KEY, FakeBuilder()).data == b"one"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut off"),
        (b"a raw engine without header", "not an engine file"),
        (encode_header(KEY, b"engine") + b"engin", "5 bytes of 6"),
        (encode_header(KEY, b"engine") + b"Engine", "damaged"),
        (encode_header(dataclasses.replace(KEY, device="Xavier"), b"engine") + b"engine", "another network, library"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_built_anew_and_said(cache, content, reason):
    cache.obtain(KEY, FakeBuilder())
    cache.path_of(KEY).write_bytes(content)
    again = cache.obtain(KEY, FakeBuilder(b"new"))
    assert (again.data, again.built) == (b"new", True)
    assert len(again.notes) == 1
    assert reason in again.notes[0]
    assert not cache.obtain(KEY, FakeBuilder()).built


def test_a_folder_in_the_place_of_the_file_is_no_error(cache):
    cache.path_of(KEY).mkdir(parents=True)
    (cache.path_of(KEY) / "full").touch()
    result = cache.obtain(KEY, FakeBuilder())
    assert result.data == b"engine"
    assert any("cannot be stored" in note for note in result.notes)


def test_only_the_owner_may_read_and_write(cache):
    cache.obtain(KEY, FakeBuilder())
    assert stat.S_IMODE(cache.path_of(KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.path_of(KEY).parent.stat().st_mode) == 0o700


def test_what_others_could_have_written_is_not_loaded(cache):
    cache.obtain(KEY, FakeBuilder())
    cache.path_of(KEY).chmod(0o666)
    again = cache.obtain(KEY, FakeBuilder(b"new"))
    assert again.data == b"new"
    assert "others may write it (mode 666)" in again.notes[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_loaded(cache):
    cache.obtain(KEY, FakeBuilder())
    os.chown(cache.path_of(KEY), 12345, 12345)
    again = cache.obtain(KEY, FakeBuilder(b"new"))
    assert again.data == b"new"
    assert "owned by user 12345" in again.notes[0]


@pytest.mark.parametrize("folder", ["/sys/perception-engines", "/dev/null/engines"])
def test_where_nothing_can_be_written_the_engine_is_used_from_memory(folder):
    result = EngineCache(Path(folder), MEGABYTE).obtain(KEY, FakeBuilder())
    assert (result.data, result.built) == (b"engine", True)
    assert f"{folder}: the engine cannot be stored" in result.notes[-1]
    assert "built again at the next start" in result.notes[-1]


@pytest.fixture
def small_disk():
    """No file may grow beyond 1000 bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_the_engine_is_used_from_memory_and_nothing_is_left(cache, small_disk):
    result = cache.obtain(KEY, FakeBuilder(b"x" * 5000))
    assert (result.data, result.built) == (b"x" * 5000, True)
    assert "cannot be stored (File too large)" in result.notes[0]
    assert [p.name for p in cache.path_of(KEY).parent.iterdir()] == [f"{KEY.digest()}.lock"]


def test_a_failed_build_leaves_nothing_and_the_next_may_try(cache):
    def fail() -> bytes:
        raise ModelError("unknown operator Foo")

    with pytest.raises(ModelError, match="unknown operator Foo"):
        cache.obtain(KEY, fail)
    assert cache.obtain(KEY, FakeBuilder()).built


def test_the_least_recently_used_make_room(tmp_path):
    cache = EngineCache(tmp_path, 2500)
    keys = [dataclasses.replace(KEY, device=f"gpu {i}") for i in range(4)]
    for age, key in zip((30, 20, 10), keys, strict=False):
        cache.obtain(key, FakeBuilder(b"x" * 500))
        os.utime(cache.path_of(key), (time.time() - age, time.time() - age))
    assert not cache.obtain(keys[0], FakeBuilder()).built  # used again: no longer the oldest
    cache.obtain(keys[3], FakeBuilder(b"x" * 800))
    assert [cache.path_of(key).exists() for key in keys] == [True, False, True, True]


def test_an_engine_larger_than_the_limit_is_kept_alone(tmp_path):
    cache = EngineCache(tmp_path, 100)
    cache.obtain(dataclasses.replace(KEY, device="other"), FakeBuilder())
    cache.obtain(KEY, FakeBuilder(b"x" * 5000))
    assert [p.name for p in tmp_path.glob("*.engine")] == [cache.path_of(KEY).name]


def test_parts_of_dead_processes_go_and_young_ones_stay(cache):
    cache.obtain(KEY, FakeBuilder())
    old, young = (cache.path_of(KEY).with_suffix(f".{age}.part") for age in ("old", "young"))
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    cache.obtain(dataclasses.replace(KEY, device="other"), FakeBuilder())
    assert (old.exists(), young.exists()) == (False, True)


def test_two_threads_build_once(cache):
    builder = FakeBuilder()

    def slowly() -> bytes:
        time.sleep(0.3)
        return builder()

    results = []
    threads = [threading.Thread(target=lambda: results.append(cache.obtain(KEY, slowly))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builder.count == 1
    assert sorted(result.built for result in results) == [False, False, True]


_PROCESS = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from test_cache_key import KEY
    from perception_core.inference.engines.cache import EngineCache

    def fake_build():
        with open("built.txt", "a") as file:
            file.write("x")
        time.sleep(1.0)
        return b"engine"

    stages = []
    result = EngineCache(Path("engines"), 1 << 20).obtain(KEY, fake_build, lambda p: stages.append(p.stage))
    print(result.built, "wait" in stages, result.data.decode())
    """
)


def _processes(tmp_path: Path, count: int) -> list[subprocess.Popen]:
    (tmp_path / "test_cache_key.py").write_text(
        f"from perception_core.inference.engines.key import EngineKey, ShapeRange\nKEY = {KEY!r}\n"
    )
    (tmp_path / "process.py").write_text(_PROCESS)
    return [
        subprocess.Popen([sys.executable, "process.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]


def test_two_processes_build_once_and_the_second_waits_and_reads(tmp_path):
    outputs = sorted(process.communicate(timeout=60)[0].strip() for process in _processes(tmp_path, 2))
    assert (tmp_path / "built.txt").read_text() == "x"
    assert outputs[1] == "True False engine"
    assert outputs[0].startswith("False")
    assert outputs[0].endswith("engine")


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    (process,) = _processes(tmp_path, 1)
    deadline = time.monotonic() + 60
    while not (tmp_path / "built.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert EngineCache(tmp_path / "engines", MEGABYTE).obtain(KEY, FakeBuilder()).built


def test_waiting_can_be_stopped_and_says_for_how_long_it_waits(tmp_path):
    stop = threading.Event()
    waited = []

    def waiting(seconds: float) -> None:
        waited.append(seconds)
        stop.set()

    lock = tmp_path / "a.lock"
    with file_lock(lock), pytest.raises(ModelError, match="stopped while waiting"), file_lock(lock, waiting, stop):
        pytest.fail("two holders")
    assert len(waited) == 1


def test_a_broken_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def blocks():
        yield b"new"
        raise OSError("cable pulled")

    with pytest.raises(OSError, match="cable pulled"):
        write_atomically(path, blocks())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
