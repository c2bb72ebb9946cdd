"""Which moment of a recording is meant: ``first``, ``last``, ``40%``, seconds from the start, or an absolute time."""

import re
from dataclasses import dataclass
from decimal import Decimal

from perception_core.errors import BagError, ConfigError

_NUMBER = re.compile(r"\d{1,20}(\.\d{0,12})?", re.ASCII)
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class When:
    """A moment as it was asked for.

    Attributes:
        text: what was written.
        kind: ``first``, ``last``, ``share`` (of the recording) or ``number``.
        value: of a share in [0, 1], of a number as it was written.
    """

    text: str
    kind: str
    value: Decimal = Decimal(0)

    def target_ns(self, start_ns: int, end_ns: int) -> int:
        """Return the time in a recording from ``start_ns`` to ``end_ns`` (inclusive) that is meant.

        A number is the first of these that lies within: seconds from the start, seconds since the epoch of the
        recording's clock, nanoseconds since then.

        Raises:
            BagError: it lies within as none of them.
        """
        if self.kind == "first":
            return start_ns
        if self.kind == "last":
            return end_ns
        if self.kind == "share":
            return start_ns + int(self.value * (end_ns - start_ns))
        seconds = int(self.value * _NS)
        for candidate in (start_ns + seconds, seconds, int(self.value)):
            if start_ns <= candidate <= end_ns:
                return candidate
        raise BagError(
            f"--at {self.text}: outside the recording, which goes from 0 to {(end_ns - start_ns) / _NS:.3f} s "
            f"({_stamp(start_ns)} to {_stamp(end_ns)})"
        )


def parse_when(text: str) -> When:
    """Read what ``--at`` was given.

    Raises:
        ConfigError: none of the forms.
    """
    word = text.strip().lower()
    if word in ("first", "last"):
        return When(text, word)
    share, number = word.endswith("%"), word.removesuffix("%")
    if not _NUMBER.fullmatch(number):
        raise ConfigError(f"--at {text!r}: expected seconds, an absolute time in s or ns, first, last or N%")
    value = Decimal(number)
    if not share:
        return When(text, "number", value)
    if value > 100:
        raise ConfigError(f"--at {text!r}: out of range, expected 0% to 100%")
    return When(text, "share", value / 100)


def _stamp(ns: int) -> str:
    return f"{ns // _NS}.{ns % _NS:09d}"
