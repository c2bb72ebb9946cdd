"""When cameras speak alone: timeout 0.3 s, each image waits 0.1 s for its scan."""

import pytest

from perception_core.fusion import FusionConfig, LidarWatch

MS = 1_000_000


@pytest.fixture
def watch() -> LidarWatch:
    """Two cameras, the front one more important."""
    return LidarWatch(FusionConfig(lidar_timeout=0.3, lidar_wait=0.1, camera_memory=0.5), ("front", "rear"))


def due_ms(watch: LidarWatch, now_ms: int) -> list[int]:
    """Stamps in milliseconds."""
    return [stamp // MS for stamp in watch.due(now_ms * MS)]


def test_while_scans_come_the_cameras_are_silent(watch: LidarWatch) -> None:
    for t in range(0, 1_000, 100):
        watch.image("front", t * MS, t * MS)
        watch.scan(t * MS, t * MS)
    assert due_ms(watch, 5_000) == []


def test_an_image_waits_for_the_scan_of_its_own_moment(watch: LidarWatch) -> None:
    """One frame a second, the image first: the scan 60 ms later takes it over."""
    watch.scan(0, 0)
    watch.image("front", 1_000 * MS, 1_000 * MS)
    assert due_ms(watch, 1_060) == []
    watch.scan(1_000 * MS, 1_060 * MS)
    assert due_ms(watch, 1_200) == []


def test_a_dead_lidar_leaves_the_cameras_alone_after_the_timeout(watch: LidarWatch) -> None:
    watch.scan(0, 0)
    for t in (100, 200, 300, 400, 500):
        watch.image("front", t * MS, t * MS)
    assert due_ms(watch, 499) == []
    assert due_ms(watch, 500) == [400]
    assert due_ms(watch, 600) == [500]


def test_without_any_scan_the_timeout_counts_from_the_first_image(watch: LidarWatch) -> None:
    for t in (0, 300, 301):
        watch.image("front", t * MS, t * MS)
    assert due_ms(watch, 1_000) == [301]


def test_the_first_camera_alive_gives_the_moments(watch: LidarWatch) -> None:
    watch.scan(0, 0)
    for t in (1_000, 1_100):
        watch.image("front", t * MS, t * MS)
        watch.image("rear", (t + 50) * MS, (t + 50) * MS)
    watch.image("rear", 1_700 * MS, 1_700 * MS)  # the front camera has been silent for 0.6 s
    assert due_ms(watch, 2_000) == [1_000, 1_100, 1_700]


def test_after_a_jump_everything_starts_anew(watch: LidarWatch) -> None:
    watch.scan(0, 0)
    watch.image("front", 9_000 * MS, 9_000 * MS)
    watch.clear()
    watch.image("front", 100 * MS, 9_100 * MS)
    assert due_ms(watch, 20_000) == []


def test_scans_that_come_late_still_come(watch: LidarWatch) -> None:
    """Their stamps lag by 0.5 s, but the last one arrived just now."""
    watch.image("front", 1_000 * MS, 1_000 * MS)
    watch.scan(500 * MS, 1_000 * MS)
    watch.image("front", 1_050 * MS, 1_050 * MS)
    assert due_ms(watch, 1_200) == []
