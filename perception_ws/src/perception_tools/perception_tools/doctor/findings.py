"""What the doctor says."""

import enum
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How bad a finding is."""

    OK = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: about what, what was found (with the values), and how to mend it."""

    level: Level
    subject: str
    text: str
    mend: str = ""


def good(subject: str, text: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, mend: str) -> Finding:
    """Return a finding that costs quality."""
    return Finding(Level.WARNING, subject, text, mend)


def error(subject: str, text: str, mend: str) -> Finding:
    """Return a finding that keeps the stack from working."""
    return Finding(Level.ERROR, subject, text, mend)
