"""True extents behind seen ones, against numerical integration and SciPy's truncated normal."""

import numpy as np
import pytest
from scipy import integrate, stats

from perception_core.fusion import extents as module
from perception_core.fusion.extents import CLASS_OF_KIND, Seen, extents, seen_of
from perception_core.types.classes import BUS, CAR, INDEX, PERSON, UNKNOWN


def posterior(e: float, mu: float, sigma: float, tau: float, hidden: float) -> list[float]:
    """Log density, mean and variance of one thing of one kind."""
    one = np.ones((1, 1))
    out = module._posterior(e * one[0], mu * one, sigma * one, tau * one[0], hidden * one[0])
    return [float(a[0, 0]) for a in out]


@pytest.mark.parametrize(
    ("mu", "sigma", "tau", "hidden"), [(4.1, 0.5, 0.2, 0.1), (1.7, 0.2, 0.1, 0.9), (11, 2, 0.5, 1e-9)]
)
def test_the_density_is_one(mu: float, sigma: float, tau: float, hidden: float) -> None:
    """Of a face that was seen to its end; that of one hidden anywhere within S is one but for S below the mean."""

    def density(e: float) -> float:
        return float(np.exp(posterior(e, mu, sigma, tau, hidden)[0]))

    total = integrate.quad(density, 1e-3, mu + 8 * sigma, points=[mu], limit=200)[0]
    assert total == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("e", [0.5, 3.0, 4.4, 6.0])
def test_what_is_hidden_is_a_normal_cut_off(e: float) -> None:
    """So is one of which the outermost beams may miss anything: both cases have the same moments."""
    _, mean, variance = posterior(e, 4.1, 0.5, 1e9, 0.5)
    reference = stats.truncnorm((e - 4.1) / 0.5, np.inf, loc=4.1, scale=0.5)
    assert mean == pytest.approx(reference.mean(), rel=1e-6)
    assert variance == pytest.approx(max(reference.var(), 0.25e-4), rel=1e-3)


@pytest.mark.parametrize("e", [3.0, 4.4])
def test_the_density_of_a_hidden_end_is_what_remains_of_the_normal_over_the_length(e: float) -> None:
    """Where beams may miss anything, 1 / tau, a seen end has hardly any density."""
    expected = stats.norm.logsf(e, 4.1, 0.5) - np.log(max(e, 4.1)) + np.log(0.5)
    assert posterior(e, 4.1, 0.5, 1e9, 0.5)[0] == pytest.approx(expected, abs=1e-6)


def test_a_face_seen_to_its_end_is_as_long_as_it_looks() -> None:
    """A missed end of tau = 0.1 m moves the mean of 4.1 +- 0.5 m far below 3.6 m: what is added is about tau."""
    _, mean, variance = posterior(3.6, 4.1, 0.5, 0.1, 1e-9)
    assert 3.6 < mean < 3.75
    assert variance < 0.15**2


def seen(length: float, width: float, top: float, x: float, y: float = 0.0, points: int = 500) -> Seen:
    """A box with its length along x."""
    centre, size = np.array([[x, y, top / 2]]), np.array([[length, width, top]])
    return seen_of(centre, size, np.zeros(1), np.array([top]), np.array([points]))


@pytest.mark.parametrize(
    ("thing", "likeliest"),
    [
        (seen(4.2, 1.7, 1.5, 10.0, 6.0), CAR),
        (seen(0.6, 0.5, 1.75, 10.0), PERSON),
        (seen(11.0, 2.6, 3.2, 20.0, 8.0), BUS),
        (seen(0.3, 0.3, 6.0, 10.0), UNKNOWN),
        (seen(11.5, 0.4, 0.8, 10.0, 6.0), UNKNOWN),
    ],
)
def test_shapes_are_told_apart(thing: Seen, likeliest: str) -> None:
    assert extents(thing).log_likelihood.argmax() == INDEX[likeliest]


def test_a_broad_near_face_is_the_width_and_a_long_one_the_length() -> None:
    """A rear 1.8 m wide, 10 m ahead across our path, and a side of 4 m at the same place."""
    car = np.flatnonzero(INDEX[CAR] == CLASS_OF_KIND)
    rear, side = extents(seen(0.2, 1.8, 1.5, 10.0)), extents(seen(0.2, 4.0, 1.5, 10.0))
    along, across = 0, 1
    assert rear.share[0, car, along].sum() > 0.95
    assert side.share[0, car, across].sum() > 0.95
    np.testing.assert_allclose(rear.share[0, car].sum(), 1.0)


def test_what_a_few_returns_leave_open_stays_open() -> None:
    """Four returns 60 m away on half a metre are no measure of a car; four hundred are."""
    few, many = extents(seen(0.6, 0.3, 0.5, 60.0, points=4)), extents(seen(0.6, 0.3, 0.5, 60.0, points=400))
    unknown = INDEX[UNKNOWN]
    assert few.log_likelihood[0, INDEX[CAR]] > many.log_likelihood[0, INDEX[CAR]] + 1.0
    assert few.log_likelihood[0, unknown] == many.log_likelihood[0, unknown]


def test_an_end_behind_a_nearer_thing_is_on_its_side() -> None:
    """Its left end, towards +y, is covered: along y the object goes on upwards."""
    centre, size = np.array([[10.0, 0.0, 0.7]]), np.array([[0.2, 1.0, 1.4]])
    found = seen_of(centre, size, np.zeros(1), np.ones(1), np.ones(1, np.int64), np.array([[False, True]]))
    assert found.covered[0].tolist() == [[False, False], [False, True]]


def test_none() -> None:
    nothing = seen_of(np.empty((0, 3)), np.empty((0, 3)), np.empty(0), np.empty(0), np.empty(0, np.int64))
    assert extents(nothing).share.shape == (0, len(CLASS_OF_KIND), 2)
