"""The launch_pytest that the system tests run on: the real one where installed, else the one in tests/plugins."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import launch_pytest
import pytest
from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import ExecuteProcess

pytestmark = pytest.mark.system


def ticking(marker: Path) -> ExecuteProcess:
    """A process that writes a line to a file ten times a second, and `end` when it is interrupted."""
    program = f"""
        import signal, sys, time
        def end(*_):
            print('end', file=open({str(marker)!r}, 'a'))
            sys.exit(0)
        signal.signal(signal.SIGINT, end)
        while True:
            print('tick', file=open({str(marker)!r}, 'a'))
            time.sleep(0.1)
    """
    return ExecuteProcess(cmd=[sys.executable, "-u", "-c", textwrap.dedent(program)], output="screen")


def wait_for_lines(marker: Path, count: int) -> list[str]:
    """Lines of the file as soon as there are so many; fails after ten seconds."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        lines = marker.read_text().split() if marker.exists() else []
        if len(lines) >= count:
            return lines
        time.sleep(0.05)
    pytest.fail(f"{marker} had no {count} lines after 10 s")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@launch_pytest.fixture
def ticker(marker: Path) -> tuple[LaunchDescription, ExecuteProcess]:
    process = ticking(marker)
    return LaunchDescription([process, launch_pytest.actions.ReadyToTest()]), process


@launch_pytest.fixture(scope="module")
def shared_ticker(tmp_path_factory: pytest.TempPathFactory) -> tuple[LaunchDescription, Path]:
    path = tmp_path_factory.mktemp("shared") / "marker"
    return LaunchDescription([ticking(path)]), path


@pytest.mark.launch(fixture=ticker)
def test_function_runs_beside_the_launch_and_not_in_its_thread(ticker, marker: Path):
    assert threading.current_thread() is not threading.main_thread()
    assert set(wait_for_lines(marker, 3)) == {"tick"}
    assert ticker[1].process_details["pid"] > 0


@pytest.mark.launch(fixture=ticker)
async def test_coroutine_runs_in_the_loop_of_the_launch(marker: Path, launch_service: LaunchService):
    assert asyncio.get_running_loop() is launch_service.event_loop
    while not marker.exists():
        await asyncio.sleep(0.05)


@pytest.mark.launch(fixture=ticker)
def test_generator_goes_on_after_the_shutdown(ticker, marker: Path):
    wait_for_lines(marker, 1)
    pid = ticker[1].process_details["pid"]
    yield
    assert marker.read_text().split()[-1] == "end"
    assert ticker[1].return_code == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.launch(fixture=ticker)
async def test_async_generator_goes_on_after_the_shutdown(ticker, marker: Path):
    while not marker.exists():
        await asyncio.sleep(0.05)
    yield
    assert ticker[1].return_code == 0


@pytest.mark.launch(fixture=ticker)
def test_killed_process_is_seen(ticker, marker: Path, launch_context: LaunchContext):
    wait_for_lines(marker, 1)
    os.kill(ticker[1].process_details["pid"], signal.SIGKILL)
    # A shutdown in the same instant would signal the dead process, and subprocess.Popen.send_signal then collects the
    # exit status which launch is about to read.
    deadline = time.monotonic() + 10.0
    while ticker[1].return_code is None and time.monotonic() < deadline:
        time.sleep(0.02)
    yield
    assert ticker[1].return_code == -signal.SIGKILL
    assert launch_context.is_shutdown


@pytest.mark.launch(fixture=shared_ticker, shutdown=True)
def test_shutdown_test_comes_last_though_written_first(shared_ticker):
    assert shared_ticker[1].read_text().split()[-1] == "end"


@pytest.mark.launch(fixture=shared_ticker)
def test_shared_launch_is_still_running(shared_ticker):
    count = len(wait_for_lines(shared_ticker[1], 1))
    assert "end" not in wait_for_lines(shared_ticker[1], count + 1)


def test_tests_have_a_ros_domain_of_their_own():
    assert 1 <= int(os.environ["ROS_DOMAIN_ID"]) <= 101
    assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
