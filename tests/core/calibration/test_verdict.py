"""What is said of which estimate."""

import numpy as np
import pytest

from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.posterior import Estimate, Witness
from perception_core.calibration.verdict import TO_UNITS, State, Verdict, judge

CONFIG = CalibrationCheckConfig()  # 0.25 degrees, 3 cm, 30 ms
PRIOR = np.array([1.5, 1.5, 1.5, 8.0, 8.0, 8.0, 60.0]) / TO_UNITS
SURE = np.array([0.06, 0.06, 0.06, 1.0, 0.8, 0.8, 8.0])


def unknowns(**units) -> np.ndarray:
    names = ("roll", "pitch", "yaw", "x", "y", "z", "offset")
    return np.array([units.get(name, 0.0) for name in names]) / TO_UNITS


def estimate(sigma=SURE, clarity=12.0, rival=np.inf, witnesses=(), **units) -> Estimate:
    covariance = np.diag((np.asarray(sigma) / TO_UNITS) ** 2)
    return Estimate(unknowns(**units), covariance, PRIOR, clarity, rival, witnesses)


def test_nothing_off_fits():
    judgement = judge(estimate(), CONFIG)
    assert judgement.verdict is Verdict.FITS
    assert judgement.states == (State.GOOD,) * 7


@pytest.mark.parametrize(
    ("units", "reason"),
    [
        ({"yaw": 0.5}, "yaw +0.50 +- 0.06 deg: beyond what fits"),
        ({"y": -5.0}, "y -5.00 +- 0.80 cm: beyond what fits"),
        ({"offset": 50.0}, "offset +50.00 +- 8.00 ms: beyond what fits"),
    ],
)
def test_one_unknown_beyond_what_fits(units, reason):
    judgement = judge(estimate(**units), CONFIG)
    assert judgement.verdict is Verdict.DOES_NOT_FIT
    assert judgement.reasons == (reason,)


def test_small_corrections_fit_however_sure_they_are():
    judgement = judge(estimate(yaw=0.2, y=2.0, offset=20.0), CONFIG)
    assert judgement.verdict is Verdict.FITS


def test_a_turn_that_is_not_sure_cannot_tell():
    sigma = SURE.copy()
    sigma[1] = 0.4
    judgement = judge(estimate(sigma, pitch=0.3), CONFIG)
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert judgement.reasons == ("pitch +0.30 +- 0.40 deg: not sure enough",)


def test_a_shift_that_nobody_sees_does_not_stand_in_the_way():
    sigma = SURE.copy()
    sigma[3] = 7.8  # of 8 cm of the prior
    judgement = judge(estimate(sigma, x=1.0), CONFIG)
    assert judgement.verdict is Verdict.FITS
    assert judgement.states[3] is State.NOT_OBSERVABLE


def test_a_likely_shift_is_not_left_unsaid():
    sigma = SURE.copy()
    sigma[3] = 4.0
    assert judge(estimate(sigma, x=11.0), CONFIG).verdict is Verdict.CANNOT_TELL
    assert judge(estimate(sigma, x=9.0), CONFIG).verdict is Verdict.FITS


def test_an_offset_that_was_not_looked_for_is_not_observable():
    sigma = SURE.copy()
    sigma[6] = 0.0
    assert judge(estimate(sigma), CONFIG).states[6] is State.NOT_OBSERVABLE


def test_a_score_that_chance_reaches_cannot_tell_even_of_a_large_correction():
    judgement = judge(estimate(clarity=3.0, yaw=2.0), CONFIG)
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert "by chance" in judgement.reasons[0]
    assert judgement.states == (State.UNSURE,) * 7


def test_a_rival_cannot_tell():
    judgement = judge(estimate(rival=1.0, roll=1.2), CONFIG)
    assert judgement.verdict is Verdict.CANNOT_TELL
    (reason,) = judgement.reasons
    assert reason == "quite another correction scores nearly as well (1.0 deviations less, 1.9 are needed)"
    assert judgement.states == (State.UNSURE,) * 7
    assert judge(estimate(rival=4.0, roll=1.2), CONFIG).verdict is Verdict.DOES_NOT_FIT


def test_outlines_of_one_direction_that_ask_for_something_else_cannot_tell():
    """0.9 +- 0.1 degrees are more than three deviations and 0.25 degrees; of z, 5 +- 1 cm are not more than 3 and 3."""
    upright = Witness("upright", unknowns(roll=-0.9, z=-5.0), np.array([0.1, 0.1, 0.1, 5.0, 1.0, 1.0, 8.0]) / TO_UNITS)
    judgement = judge(estimate(roll=1.2, witnesses=(upright,)), CONFIG)
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert judgement.reasons == ("upright outlines alone say roll +0.30 +- 0.10 deg, all together +1.20",)
    assert judgement.states == (State.UNSURE,) * 7


def test_what_one_direction_hardly_sees_is_no_objection():
    level = Witness("level", unknowns(y=-30.0, yaw=0.5), np.array([0.1, 0.1, 0.2, 5.0, 7.0, 1.0, 8.0]) / TO_UNITS)
    assert judge(estimate(witnesses=(level,)), CONFIG).verdict is Verdict.FITS
