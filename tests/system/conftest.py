"""What the system tests share: a tiny drive, and a search for processes that were left behind."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from perception_tools.simulated_bag import simulate_bag


@pytest.fixture(scope="session")
def tiny_drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the scenario `tiny`."""
    path = tmp_path_factory.mktemp("drive") / "tiny.mcap"
    simulate_bag("tiny", path)
    return path


@pytest.fixture(scope="session")
def left_behind() -> Callable[[], list[str]]:
    """Command lines of processes in this test run's ROS domain, besides the tests; waits a moment for their end."""

    def search() -> list[str]:
        deadline = time.monotonic() + 5.0
        while (found := _in_domain(os.environ["ROS_DOMAIN_ID"])) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    return search


def _in_domain(domain: str) -> list[str]:
    mine = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.pid in mine or not any("perception" in word for word in words):
                continue
            if process.environ().get("ROS_DOMAIN_ID") == domain and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(words))
        except psutil.Error:
            continue
    return found
