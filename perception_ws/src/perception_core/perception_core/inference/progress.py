"""How far a long job is: a download, an engine that is being built."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Progress:
    """One report.

    Attributes:
        stage: what is being done, for machines and people: ``download``, ``wait``, ``build``, ``load``.
        fraction: share that is done, 0..1; None where nobody can know.
        text: one line for people.
    """

    stage: str
    fraction: float | None
    text: str

    def __str__(self) -> str:
        """Return ``build 42 %: Tactic selection``."""
        share = "" if self.fraction is None else f" {100 * self.fraction:.0f} %"
        return f"{self.stage}{share}: {self.text}"


Report = Callable[[Progress], None]
"""Takes reports; called from any thread, so it must be quick and must not raise."""


def unheard(_progress: Progress) -> None:
    """Take a report and forget it."""


@dataclass(slots=True)
class _Phase:
    name: str
    parent: str
    steps: int
    done: int = 0


class PhaseTree:
    """The share of a job that tells its progress as nested phases with steps, as TensorRT's builder does.

    A phase that runs within another counts as a part of the step its parent is at. The share never goes back: a
    phase that was not announced in its parent's steps would else make it jump. Calls may come from several threads.
    """

    def __init__(self) -> None:
        """Begin with nothing done."""
        self._phases: dict[str, _Phase] = {}
        self._lock = Lock()
        self._fraction = 0.0
        self._text = ""

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Begin a phase of ``steps`` steps (at least one) within ``parent``, or on its own."""
        with self._lock:
            self._phases[name] = _Phase(name, parent or "", max(1, steps))
            self._text = name

    def step(self, name: str, step: int) -> None:
        """Note that step ``step`` (from 0) of a phase is complete."""
        with self._lock:
            phase = self._phases.get(name)
            if phase is not None:
                phase.done = min(phase.steps, max(phase.done, step + 1))
                self._text = name
                self._fraction = max(self._fraction, self._share())

    def finish(self, name: str) -> None:
        """Note that a phase and all within it is complete."""
        with self._lock:
            phase = self._phases.get(name)
            if phase is None:
                return
            phase.done = phase.steps
            self._fraction = max(self._fraction, self._share())
            self._forget(name)

    def state(self) -> tuple[float, str]:
        """Return the share that is done, 0..1, and the innermost phase that spoke last."""
        with self._lock:
            return self._fraction, self._text

    def _share(self) -> float:
        roots = [phase for phase in self._phases.values() if phase.parent not in self._phases]
        return min(1.0, max((self._share_of(phase) for phase in roots), default=0.0))

    def _share_of(self, phase: _Phase) -> float:
        if phase.done >= phase.steps:
            return 1.0
        children = [child for child in self._phases.values() if child.parent == phase.name]
        within = max((self._share_of(child) for child in children), default=0.0)
        return (phase.done + within) / phase.steps

    def _forget(self, name: str) -> None:
        for child in [child.name for child in self._phases.values() if child.parent == name and child.name != name]:
            self._forget(child)
        self._phases.pop(name, None)
