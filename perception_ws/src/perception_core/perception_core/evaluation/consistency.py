"""Is the covariance honest? The normalised estimation error squared of Bar-Shalom, Li, Kirubarajan (2001), section 5.4.

The NEES of an estimate is ``e' P^-1 e`` (equation 5.4.2-1), with n components chi-square distributed with n degrees of
freedom and mean n where P is what the errors spread. Its average over N independent runs (5.4.2-6) times N has N n
degrees of freedom, from which the two-sided 95 % bounds follow (5.4.2-8). Above them the tracker believes itself too
much, below too little.

The errors of one object in consecutive scans are anything but independent: a track that is half a metre off stays so
for a while. So the runs are the objects: N is their number, not that of the scans. The bounds that treat every
scan as a run of its own are narrower, and given beside.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Consistency:
    """Consistency of one quantity; NaN where there is nothing to judge.

    Attributes:
        dimension: n, what ANEES should be.
        samples: estimates judged.
        runs: different objects among them.
        unusable: estimates whose covariance is not positive definite.
        anees: average NEES.
        median: median NEES over that of the chi-square distribution, 1 when honest; outliers do not move it.
        low, high: 95 % bounds of ANEES, each object a run.
        low_samples, high_samples: each estimate a run.
        inside_1, inside_2, inside_3: share of the components within 1, 2, 3 sigma; 0.683, 0.954, 0.997 when normal.
    """

    dimension: int
    samples: int
    runs: int
    unusable: int
    anees: float
    median: float
    low: float
    high: float
    low_samples: float
    high_samples: float
    inside_1: float
    inside_2: float
    inside_3: float

    @property
    def consistent(self) -> bool:
        """Whether ANEES lies within its bounds."""
        return self.low <= self.anees <= self.high


def consistency(errors: Floats, covariances: Floats, runs: NDArray[np.int64]) -> Consistency:
    """Judge errors (N, n) by their covariances (N, n, n); ``runs`` (N,) numbers the object; unknown errors are NaN."""
    known = ~np.isnan(errors).any(axis=1)
    good = known & _positive(covariances)
    e, P = errors[good], covariances[good]
    n = errors.shape[1]
    nees: Floats = np.einsum("ni,ni->n", e, np.linalg.solve(P, e[..., None])[..., 0])
    count = len(np.unique(runs[good]))
    sigma: Floats = np.abs(e) / np.sqrt(np.diagonal(P, axis1=1, axis2=2))
    one, two, three = (_mean(sigma <= k) for k in (1.0, 2.0, 3.0))
    (low, high), (low_samples, high_samples) = bounds(n, count), bounds(n, len(e))
    return Consistency(
        dimension=n,
        samples=len(e),
        runs=count,
        unusable=int((known & ~good).sum()),
        anees=_mean(nees),
        median=float(np.median(nees) / chi2.ppf(0.5, n)) if len(e) else float("nan"),
        low=low,
        high=high,
        low_samples=low_samples,
        high_samples=high_samples,
        inside_1=one,
        inside_2=two,
        inside_3=three,
    )


def bounds(dimension: int, runs: int) -> tuple[float, float]:
    """Return the two-sided 95 % bounds of ANEES over ``runs`` independent runs; NaN without any."""
    if runs == 0:
        return float("nan"), float("nan")
    freedom = dimension * runs
    return float(chi2.ppf(_TAIL, freedom) / runs), float(chi2.ppf(1.0 - _TAIL, freedom) / runs)


def _mean(values: NDArray[np.bool_] | Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _positive(covariances: Floats) -> NDArray[np.bool_]:
    """Return which matrices (N, n, n) are finite and positive definite."""
    finite = np.isfinite(covariances).all(axis=(1, 2))
    safe = np.where(finite[:, None, None], covariances, 0.0)
    return np.asarray(finite & (np.linalg.eigvalsh(safe)[:, 0] > 0.0))
