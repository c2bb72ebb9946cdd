"""Age limits of messages, on both sides, and the order of stamps."""

from perception_core.errors import StampError

TOO_OLD = "too_old"
FROM_FUTURE = "from_future"
OUT_OF_ORDER = "out_of_order"
NO_STAMP = "no_stamp"


class StampRefusedError(StampError):
    """A message whose stamp does not fit; ``reason`` is the key it is counted under."""

    def __init__(self, reason: str, text: str) -> None:
        """Keep the reason beside the text."""
        super().__init__(text)
        self.reason = reason


class StampGate:
    """Lets the messages of one source through whose stamps are plausible and rise."""

    def __init__(self, source: str, max_age_ns: int, max_future_ns: int) -> None:
        """Name the source for error texts; limits in nanoseconds."""
        self._source = source
        self._max_age_ns = max_age_ns
        self._max_future_ns = max_future_ns
        self._last_ns = 0

    def check(self, stamp_ns: int, now_ns: int) -> None:
        """Accept a stamp, given the node's clock; ``now_ns`` 0 means simulated time has not begun: no age yet.

        Raises:
            StampRefusedError: no stamp, too old, from the future, or not after the last one accepted.
        """
        age_ns = now_ns - stamp_ns
        if stamp_ns <= 0:
            raise StampRefusedError(NO_STAMP, f"{self._source}: the message has no stamp")
        if now_ns > 0 and age_ns > self._max_age_ns:
            hint = "; is use_sim_time set for this bag?" if age_ns > 3600 * 10**9 else ""
            raise StampRefusedError(
                TOO_OLD, f"{self._source}: {age_ns / 1e9:.3f} s old, limit {self._max_age_ns / 1e9:g} s{hint}"
            )
        if now_ns > 0 and -age_ns > self._max_future_ns:
            limit = self._max_future_ns / 1e9
            raise StampRefusedError(
                FROM_FUTURE, f"{self._source}: stamped {-age_ns / 1e9:.3f} s in the future, limit {limit:g} s"
            )
        if stamp_ns <= self._last_ns:
            behind = (self._last_ns - stamp_ns) / 1e9
            raise StampRefusedError(
                OUT_OF_ORDER, f"{self._source}: stamp {behind:.3f} s behind the last one, or the same"
            )
        self._last_ns = stamp_ns

    def reset(self) -> None:
        """Forget the last stamp, because time was set back."""
        self._last_ns = 0
