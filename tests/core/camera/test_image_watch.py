"""Images of 8 x 10 pixels, every 0.1 s."""

import numpy as np
import pytest

from perception_core.camera.image_watch import ImageWatch, ImageWatchConfig
from perception_core.errors import ImageError
from perception_core.types import Image

MS = 1_000_000


def image(value: int | np.ndarray, ms: int = 0, shape: tuple[int, int] = (8, 10)) -> Image:
    pixels = np.empty((*shape, 3), np.uint8)
    pixels[:] = value
    return Image(pixels, ms * MS, "camera")


@pytest.fixture
def watch() -> ImageWatch:
    return ImageWatch(ImageWatchConfig())


@pytest.mark.parametrize(("value", "reason"), [(0, "black"), (10, "black"), (251, "overexposed"), (255, "overexposed")])
def test_no_view_at_all(watch: ImageWatch, value: int, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        watch.check(image(value))


def test_dim_bright_and_one_coloured_images_pass(watch: ImageWatch) -> None:
    for ms, value in enumerate((11, 128, 250)):
        watch.check(image(value, ms))
    watch.check(image(np.array([0, 0, 255], np.uint8), 10))
    with pytest.raises(ImageError, match="black"):  # the same watch, one step darker
        watch.check(image(10, 20))


def test_a_lamp_in_the_night_and_a_sun_are_views(watch: ImageWatch) -> None:
    """One pixel of 80, and 72 of them bright with 8 in the shade... of which nine tenths are too many."""
    night = np.zeros((8, 10, 3), np.uint8)
    night[3, 4] = 200
    watch.check(image(night, 1))
    snow = np.full((8, 10, 3), 255, np.uint8)
    snow[0] = 90
    watch.check(image(snow, 2))
    snow[0, 1:] = 255
    with pytest.raises(ImageError, match="overexposed: 90%"):
        watch.check(image(snow, 3))


def test_the_same_image_for_two_seconds_is_frozen_until_it_changes(watch: ImageWatch) -> None:
    picture = np.random.default_rng(0).integers(30, 200, (8, 10, 3)).astype(np.uint8)
    for ms in range(0, 2001, 100):
        watch.check(image(picture, ms))
    with pytest.raises(ImageError, match="frozen: the same image for more than 2 s"):
        watch.check(image(picture, 2100))
    watch.check(image(picture + np.uint8(1), 2200))
    watch.check(image(picture + np.uint8(1), 4200))
    with pytest.raises(ImageError, match="frozen"):
        watch.check(image(picture + np.uint8(1), 4300))


def test_a_camera_without_noise_that_stands_before_a_wall_is_not_frozen(watch: ImageWatch) -> None:
    """A simulated camera, or a coded video: one value of 240 changed, and all others did not."""
    picture = np.random.default_rng(0).integers(30, 200, (8, 10, 3)).astype(np.uint8)
    watch.check(image(picture, 0))
    picture[5, 5, 1] += 1
    for ms in range(100, 10000, 100):
        watch.check(image(picture, ms))
    picture += 1
    watch.check(image(picture, 10000))
    with pytest.raises(ImageError, match="frozen"):
        watch.check(image(picture, 12100))


def test_time_set_back_is_another_drive(watch: ImageWatch) -> None:
    watch.check(image(90, 9000))
    watch.check(image(90, 0))
    watch.check(image(90, 2000))
    with pytest.raises(ImageError, match="frozen"):  # counted from the time set back
        watch.check(image(90, 2100))


def test_all_of_it_can_be_turned_off(watch: ImageWatch) -> None:
    off = ImageWatch(ImageWatchConfig(black_level=-1, bright_level=255, frozen_after=0.0))
    for ms, value in enumerate((0, 255)):
        off.check(image(value, ms))
        with pytest.raises(ImageError):
            watch.check(image(value, ms))
    for ms in (1000, 10000):
        off.check(image(90, ms))
    watch.check(image(90, 1000))
    with pytest.raises(ImageError, match="frozen"):
        watch.check(image(90, 10000))


def test_large_images_are_sampled_over_their_whole_area(watch: ImageWatch) -> None:
    half = np.zeros((1080, 1920, 3), np.uint8)
    half[:, 1000:] = 120
    watch.check(image(half, shape=(1080, 1920)))
    half[:, 1000:] = 0
    with pytest.raises(ImageError, match="black"):
        watch.check(image(half, shape=(1080, 1920)))
