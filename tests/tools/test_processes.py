"""Processes of a live run end with it."""

import sys
import time

import psutil
import pytest

from perception_tools.processes import ProcessTree, node_name

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def test_a_child_and_its_children_are_gone_afterwards(tmp_path):
    with ProcessTree([sys.executable, "-c", PARENT], tmp_path / "log") as tree:
        deadline = time.monotonic() + 10.0
        while len(tree._members) < 2 and time.monotonic() < deadline:
            tree.sample()
            time.sleep(0.05)
        members = list(tree._members.values())
        assert len(members) == 2
        assert tree.running
    assert not any(m.is_running() and m.status() != psutil.STATUS_ZOMBIE for m in members)
    assert max(tree.peak_rss.values()) > 1_000_000


def test_they_end_when_the_block_is_left_by_an_error(tmp_path):
    started = []

    def fail():
        with ProcessTree([sys.executable, "-c", SLEEP], tmp_path / "log") as tree:
            started.append(psutil.Process(tree._process.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not started[0].is_running()


def test_one_that_does_not_obey_is_killed_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr("perception_tools.processes._GRACE_S", 0.5)
    with ProcessTree([sys.executable, "-c", DEAF], tmp_path / "log") as tree:
        while not (tmp_path / "log").read_text():
            time.sleep(0.02)
    assert tree.killed
    assert not tree.running


def test_the_end_of_its_output_is_kept(tmp_path):
    with ProcessTree([sys.executable, "-c", "print(1); print(2); raise SystemExit(3)"], tmp_path / "log") as tree:
        while tree.running:
            time.sleep(0.02)
        assert tree.returncode == 3
        assert tree.last_lines(1) == "2"


def test_nodes_are_known_by_their_names():
    assert node_name(["python", "x", "--ros-args", "-r", "__node:=lidar_node", "-r", "__ns:=/p"]) == "lidar_node"
    assert node_name(["python"]) == ""
