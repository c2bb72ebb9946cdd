"""Known disturbances of a hand-made world are found again, with an uncertainty that holds them."""

import dataclasses

import numpy as np
import pytest

from perception_core.calibration.check import check
from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.verdict import TO_UNITS, State, Verdict
from perception_core.errors import ImageError, PerceptionError


def correction(**units: float) -> np.ndarray:
    names = ("roll", "pitch", "yaw", "x", "y", "z", "offset")
    return np.array([units.get(name, 0.0) for name in names]) / TO_UNITS


def test_what_is_right_fits(drive):
    result = check(drive)
    assert result.judgement.verdict is Verdict.FITS
    assert result.correction is result.estimate
    assert np.abs(result.estimate.x[:3]).max() < np.radians(0.1)
    assert np.abs(result.estimate.x[3:6]).max() < 0.02
    assert abs(result.estimate.x[6]) < 0.02
    assert result.no_offset == ""
    assert all(frame.calibrated > 0.3 for frame in result.frames)


@pytest.mark.parametrize(
    "true",
    [
        correction(roll=0.5),
        correction(pitch=-1.0),
        correction(yaw=2.0),
        correction(y=10.0),
        correction(z=-5.0),
        correction(offset=100.0),
        correction(roll=-0.7, pitch=0.6, yaw=1.2, x=3.0, y=-4.0, z=4.0, offset=-50.0),
    ],
    ids=["roll", "pitch", "yaw", "y", "z", "offset", "all"],
)
def test_a_known_disturbance_is_found_again(drive, disturbed, true):
    result = check([disturbed(frame, true) for frame in drive])
    error = result.estimate.x - true
    assert result.judgement.verdict is Verdict.DOES_NOT_FIT
    assert np.abs(error[:3]).max() < np.radians(0.12)
    assert np.abs(error[4:6]).max() < 0.025
    assert abs(error[6]) < 0.02
    assert (np.abs(error) < 3.0 * result.estimate.sigma).all()
    before, after = (np.mean([getattr(f, name) for f in result.frames]) for name in ("calibrated", "corrected"))
    assert after > before + 0.02


def test_in_a_steady_drive_a_shift_along_the_view_looks_like_a_late_stamp(drive):
    steady = [dataclasses.replace(frame, twist=np.array([8.0, 0.0, 0.0, 0.0, 0.0, 0.0])) for frame in drive]
    estimate = check(steady).estimate
    assert estimate.sigma[3] > 4.0 * estimate.sigma[4]
    assert estimate.sigma[3] > 4.0 * estimate.sigma[5]
    # 8 cm of the prior at 8 m/s are 10 ms; one grows as the other does
    assert 0.006 < estimate.sigma[6] < 0.011
    assert abs(estimate.covariance[3, 6]) > 0.9 * estimate.sigma[3] * estimate.sigma[6]


def test_a_robot_that_stands_has_no_time_offset(drive):
    still = [dataclasses.replace(frame, twist=np.zeros(6)) for frame in drive]
    result = check(still)
    assert result.judgement.states[6] is State.NOT_OBSERVABLE
    assert "hardly moves" in result.no_offset
    assert result.estimate.sigma[6] == 0.0
    assert result.judgement.verdict is Verdict.FITS


def test_without_ego_motion_there_is_no_time_offset(drive):
    result = check([dataclasses.replace(frame, twist=None) for frame in drive])
    assert result.no_offset == "the motion of the robot is not known"


def test_black_images_cannot_tell(drive):
    result = check([dataclasses.replace(frame, pixels=np.zeros_like(frame.pixels)) for frame in drive])
    assert result.judgement.verdict is Verdict.CANNOT_TELL
    assert "the images show nothing" in result.judgement.reasons[0]
    assert result.estimate is None


def test_an_image_of_something_else_cannot_tell(drive):
    noise = np.random.default_rng(3).integers(0, 255, drive[0].pixels.shape, np.uint8)
    result = check([dataclasses.replace(frame, pixels=noise) for frame in drive])
    assert result.judgement.verdict is Verdict.CANNOT_TELL
    assert "by chance" in result.judgement.reasons[0]
    assert result.judgement.states == (State.UNSURE,) * 7
    assert result.correction is None
    assert all(np.isfinite(frame.calibrated) and np.isnan(frame.corrected) for frame in result.frames)


def test_too_few_depth_steps_cannot_tell(drive):
    result = check(drive[:1], CalibrationCheckConfig(min_edges=100_000))
    assert result.judgement.verdict is Verdict.CANNOT_TELL
    assert result.judgement.reasons[0].endswith("100000 are needed")
    assert np.isnan(result.frames[0].calibrated)


def test_fewer_frames_are_less_sure(drive):
    one, all_ = (check(frames).estimate.sigma for frames in (drive[:1], drive))
    assert (one[:6] >= all_[:6]).mean() > 0.8
    assert one[:3].max() > all_[:3].max()


def test_the_same_frames_give_the_same_answer(drive):
    first, second = check(drive[:3]), check(drive[:3])
    assert first.estimate.x.tobytes() == second.estimate.x.tobytes()
    assert first.estimate.covariance.tobytes() == second.estimate.covariance.tobytes()
    assert first.frames == second.frames


def test_the_covariance_is_symmetric_and_positive(drive):
    covariance = check(drive).estimate.covariance
    assert np.array_equal(covariance, covariance.T)
    assert (np.linalg.eigvalsh(covariance) > 0.0).all()


def test_labels_count_as_edges_where_the_image_has_none(drive, disturbed):
    flat = []
    for frame in drive:
        labels = (frame.pixels[..., 0] // 16).astype(np.uint8)
        grey = np.full_like(frame.pixels, 90)
        grey[:8] = 200  # a picture of something, but not of the boards
        flat.append(dataclasses.replace(disturbed(frame, correction(yaw=1.0)), pixels=grey, labels=labels))
    result = check(flat)
    assert result.judgement.verdict is Verdict.DOES_NOT_FIT
    assert abs(result.estimate.x[2] - np.radians(1.0)) < np.radians(0.15)


def test_no_frame_is_refused():
    with pytest.raises(PerceptionError, match="no frame"):
        check([])


def test_an_image_of_another_size_is_refused(drive):
    with pytest.raises(ImageError, match="image of 320x160 pixels, the calibration is of 640x320"):
        dataclasses.replace(drive[0], pixels=np.zeros((160, 320, 3), np.uint8))
