"""Processes of a live run: started in a group of their own, watched, and gone at the end whatever happens."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

_GRACE_S = 10.0


class ProcessTree:
    """One child with all that it starts; to be used in a ``with`` statement. Its output goes to a file.

    Attributes:
        peak_rss: by name of the ROS node (else of the executable), the largest resident size seen, in bytes.
        killed: names of those that did not end when they were asked to.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Remember what to start."""
        self._command = list(command)
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._members: dict[int, psutil.Process] = {}
        self.peak_rss: dict[str, int] = {}
        self.killed: list[str] = []

    def __enter__(self) -> Self:
        """Start."""
        # Should this process be killed, its child is told to end too, and ends those it started.
        guard = ["setpriv", "--pdeathsig", "INT", "--"] if shutil.which("setpriv") else []
        self._log = self._log_path.open("wb")
        self._process = subprocess.Popen(
            [*guard, *self._command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all of them: by SIGINT, and those that do not obey by SIGKILL."""
        self.stop()

    def stop(self) -> None:
        """End all of them; a second call does nothing."""
        if self._process is None:
            return
        process, self._process = self._process, None
        self._sample(process)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.killed.append(Path(self._command[0]).name)
            process.kill()
            process.wait()
        _, alive = psutil.wait_procs(self._members.values(), timeout=1.0)
        for member in alive:
            self.killed.append(_name(member))
            _end(member)
        psutil.wait_procs(alive, timeout=5.0)
        if self._log is not None:
            self._log.close()

    @property
    def running(self) -> bool:
        """Whether the child itself still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """Exit status of the child, None while it runs."""
        return None if self._process is None else self._process.poll()

    def sample(self) -> list[str]:
        """Note the memory of all of them; return the names of the ROS nodes that run now."""
        return [] if self._process is None else self._sample(self._process)

    def last_lines(self, count: int = 5) -> str:
        """Return the end of their output."""
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-count:])

    def _sample(self, process: "subprocess.Popen[bytes]") -> list[str]:
        try:
            root = psutil.Process(process.pid)
            members = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
        nodes = []
        for member in members:
            self._members.setdefault(member.pid, member)
            try:
                name, rss = _name(member), _peak_rss(member)
                if node_name(member.cmdline()):
                    nodes.append(name)
            except psutil.Error:
                continue
            self.peak_rss[name] = max(rss, self.peak_rss.get(name, 0))
        return nodes


def node_name(command: Sequence[str]) -> str:
    """Return the node name given on a ROS command line, '' without one."""
    return next((word.partition(":=")[2] for word in command if word.startswith("__node:=")), "")


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def _name(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except psutil.Error:
        return str(process.pid)
    if name := node_name(command):
        return name
    words = [Path(word).name for word in command if not word.startswith("-")]
    module = command[command.index("-m") + 1].rpartition(".")[2] if "-m" in command[:-1] else ""
    return module or next((w for w in words[1:] if w), words[0] if words else str(process.pid))


def _peak_rss(process: psutil.Process) -> int:
    """Peak resident size in bytes: the kernel's own mark where it keeps one, else the present size."""
    try:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int(process.memory_info().rss)


def _end(process: psutil.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
