"""Whether a LiDAR still sees: which of its directions lost their returns, against its own history.

Nothing comes back from open sky, from water, and from a window that is covered, so silence alone proves nothing. What
tells a cover apart: it comes at once, where ground and walls leave the view little by little; and, for what flies, the
directions beside it look as before, where a tilt that turns half of the view to the sky changes them too. What flies
also climbs out of reach of the ground, whose last ring goes in all directions at once: it was as far as anything was.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.config import Config, param
from perception_core.types.cloud import PointCloud

Floats = NDArray[np.float64]

DIRECTIONS = 36
_NEVER = -(1 << 60)
_SAMPLES = 8192
"""Points looked at, or up to twice as many; an odd stride meets every ring of 16, 32, 64 or 128."""
_LEAST = 10.0
"""Samples that a direction had, at least, for their absence to mean something."""
_MEMORY_S, _GAP_S = 2.0, 2.0
"""Time constant of the history; a longer pause between scans begins a new one."""
_AT_ONCE_S = 0.3
"""Within this time a cover takes the returns of a direction."""
_GOOD, _GONE, _BACK = 0.5, 0.05, 0.2
"""Shares of the usual returns: still well, vanished, returned."""
_MOVED, _MOVED_SHARE = 0.1, 0.25
"""The robot tilts when from scan to scan the ranges change by more than this share, in this share of the other
directions; what it loses from sight by that is no cover's doing."""
_FAR_SHARE, _FAR = 0.9, 25.0
"""Returns from beyond this share of the farthest ever, and these metres, may have left the reach of what climbs: any
LiDAR reaches that far, and what is nearer in a hall does not."""
_BLIND = 0.95
"""Share of the directions without which nothing is left to work with."""


@dataclass(frozen=True)
class ReturnsConfig(Config):
    """When a LiDAR counts as covered."""

    expects_ground: bool = param(
        True, "ground is always within reach, so that a scan without any return is a fault; false for what flies high"
    )
    blocked_share: float = param(
        0.5,
        "the LiDAR is faulty when this share of the directions that had returns lost them at once; 1: all of them",
        low=0.05,
        high=1.0,
    )


@dataclass(frozen=True, slots=True)
class ReturnsView:
    """What one scan says about its LiDAR.

    Attributes:
        seen: share of the directions with returns in this scan, of those that have had any; 0 without any.
        reach: metres, median over the directions of their mean range; 0 without returns.
        reason: what is wrong with the LiDAR, empty for nothing.
        usable: whether the scan says anything at all about the surroundings.
    """

    seen: float
    reach: float
    reason: str = ""
    usable: bool = True


class ReturnsWatch:
    """The history of the returns of one LiDAR by azimuth in its own frame."""

    def __init__(self, config: ReturnsConfig, min_range: float, max_range: float = math.inf) -> None:
        """Start without history.

        Args:
            config: what counts as covered.
            min_range: metres; what is nearer is the cover itself.
            max_range: metres; what is farther is not looked at. Where ground is expected, it is expected within that.
        """
        self._config = config
        self._min_range = min_range
        self._max_range = max_range if config.expects_ground else math.inf
        self.reset()

    def reset(self) -> None:
        """Forget the history."""
        self._stamp_ns = _NEVER
        self._moved_ns = _NEVER
        self._usual: Floats = np.zeros(DIRECTIONS)
        self._last: Floats = np.zeros(DIRECTIONS)
        self._farthest = 0.0
        self._good_ns = np.zeros(DIRECTIONS, np.int64)
        self._vanished = np.zeros(DIRECTIONS, np.bool_)

    def look(self, cloud: PointCloud) -> ReturnsView:
        """Judge the next scan, in its LiDAR's own frame and as the driver sent it."""
        count, log_range, stride = self._returns(cloud)
        elapsed_s = (cloud.stamp_ns - self._stamp_ns) * 1e-9
        if not 0.0 < elapsed_s <= _GAP_S or self._stamp_ns == _NEVER:
            self.reset()
            elapsed_s = math.inf  # the first scan is the history
        self._stamp_ns = cloud.stamp_ns
        known = self._usual >= _LEAST * stride
        self._mark_vanished(count, log_range, known, elapsed_s)
        self._mark_returned(count, known, count >= _LEAST * stride)
        self._learn(count, log_range, elapsed_s)
        return self._view(count, log_range, known | (count >= _LEAST * stride))

    def _returns(self, cloud: PointCloud) -> tuple[Floats, Floats, int]:
        """Return (D,) points a direction, (D,) mean logarithm of their range, and the stride of the samples."""
        stride = (len(cloud) // _SAMPLES) | 1
        x, y, z = cloud.xyz[::stride].T.astype(np.float64)
        squared = x * x + y * y + z * z
        far = (squared > self._min_range**2) & (squared <= self._max_range**2)
        if not self._config.expects_ground and far.any():
            self._farthest = max(self._farthest, math.sqrt(np.percentile(squared[far], 99)))
        turn = (np.arctan2(y[far], x[far]) / (2.0 * math.pi) + 0.5) * DIRECTIONS
        direction = np.minimum(turn.astype(np.int64), DIRECTIONS - 1)
        count = np.bincount(direction, minlength=DIRECTIONS).astype(np.float64)
        total = np.bincount(direction, weights=0.5 * np.log(squared[far]), minlength=DIRECTIONS)
        return count * stride, total / np.maximum(count, 1.0), stride

    def _mark_vanished(self, count: Floats, log_range: Floats, known: NDArray[np.bool_], elapsed_s: float) -> None:
        window_ns = round(max(_AT_ONCE_S, 1.5 * elapsed_s) * 1e9) if elapsed_s < math.inf else 0
        gone = known & (count < _GONE * self._usual)
        at_once = gone & (self._stamp_ns - self._good_ns <= window_ns)
        others = known & ~gone & ~self._vanished
        changed = np.abs(log_range - self._last)[others] > math.log1p(_MOVED)
        if len(changed) and changed.mean() >= _MOVED_SHARE:
            self._moved_ns = self._stamp_ns
        if not self._config.expects_ground:
            at_once &= self._last < math.log(max(_FAR_SHARE * self._farthest, _FAR))
        if self._config.expects_ground or self._stamp_ns - self._moved_ns > window_ns:
            self._vanished |= at_once

    def _mark_returned(self, count: Floats, known: NDArray[np.bool_], sees: NDArray[np.bool_]) -> None:
        """Take out what returned: a share of its usual returns, or of the others' where those have fewer by now."""
        usual = np.maximum(self._usual, 1.0)
        if sees.any() and sees.sum() >= 0.5 * (known | self._vanished).sum():
            usual = np.minimum(usual, np.median(count[sees]))
        self._vanished &= count < _BACK * usual

    def _learn(self, count: Floats, log_range: Floats, elapsed_s: float) -> None:
        """Let the history follow, but not where returns vanished."""
        self._good_ns[count >= _GOOD * self._usual] = self._stamp_ns
        self._last = np.where(count > 0.0, log_range, self._last)
        weight = np.where(self._vanished, 0.0, 1.0 - math.exp(-elapsed_s / _MEMORY_S))
        self._usual += weight * (count - self._usual)

    def _view(self, count: Floats, log_range: Floats, known: NDArray[np.bool_]) -> ReturnsView:
        sees, directions = count > 0.0, int((known | self._vanished).sum())
        seen = float((sees & known & ~self._vanished).sum() / max(directions, 1))
        reach = math.exp(float(np.median(log_range[sees]))) if sees.any() else 0.0
        vanished = int(self._vanished.sum())
        if not sees.any() and (self._config.expects_ground or vanished):
            farther = f" within {self._max_range:g} m" if math.isfinite(self._max_range) else ""
            reason = f"no returns from beyond {self._min_range:g} m{farther}: covered?"
            return ReturnsView(0.0, 0.0, reason, usable=False)
        if vanished and vanished >= self._config.blocked_share * directions:
            reason = f"the returns of {vanished} of {directions} directions vanished: covered?"
            return ReturnsView(seen, reach, reason, usable=vanished < _BLIND * directions)
        return ReturnsView(seen, reach)
