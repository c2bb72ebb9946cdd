"""The ring of camera results: nearest in time, never beyond the limit, fresh after a loop."""

import numpy as np

from perception_core.fusion import CameraBuffer, FusionConfig
from perception_core.types import Detections2D

MS = 1_000_000


def result(stamp_ns: int) -> Detections2D:
    """An empty camera result."""
    return Detections2D(stamp_ns, "front", np.empty((0, 4)), np.empty(0), np.empty(0), (640, 480))


def filled(*stamps_ms: int) -> CameraBuffer[Detections2D]:
    """A buffer of 4 that takes results up to 60 ms away."""
    buffer: CameraBuffer[Detections2D] = CameraBuffer(FusionConfig(max_camera_offset=0.06, buffer_length=4))
    for stamp in stamps_ms:
        buffer.add("front", result(stamp * MS))
    return buffer


def stamp_of(found: Detections2D | None) -> int | None:
    """Stamp in milliseconds."""
    return None if found is None else found.stamp_ns // MS


def test_an_empty_buffer_has_nothing() -> None:
    assert filled().nearest("front", 0) is None
    assert filled().newest_stamp_ns("front") is None


def test_the_nearest_wins_and_the_earlier_on_a_tie() -> None:
    buffer = filled(100, 200, 300)
    assert stamp_of(buffer.nearest("front", 210 * MS)) == 200
    assert stamp_of(buffer.nearest("front", 250 * MS)) == 200


def test_the_limit_is_inclusive_and_other_cameras_do_not_help() -> None:
    buffer = filled(100)
    assert stamp_of(buffer.nearest("front", 160 * MS)) == 100
    assert buffer.nearest("front", 161 * MS) is None
    assert buffer.nearest("rear", 100 * MS) is None


def test_what_belongs_to_an_image_has_its_very_stamp() -> None:
    buffer = filled(100, 200)
    assert stamp_of(buffer.at("front", 200 * MS)) == 200
    assert buffer.at("front", 200 * MS + 1) is None
    assert buffer.at("rear", 200 * MS) is None


def test_late_results_are_sorted_in_and_doubles_replaced() -> None:
    buffer = filled(300, 100, 200, 200)
    assert stamp_of(buffer.nearest("front", 110 * MS)) == 100
    assert buffer.newest_stamp_ns("front") == 300 * MS


def test_only_the_newest_are_kept() -> None:
    buffer = filled(100, 200, 300, 400, 500)
    assert buffer.nearest("front", 100 * MS) is None
    assert stamp_of(buffer.nearest("front", 200 * MS)) == 200


def test_time_set_back_starts_over() -> None:
    buffer = filled(5_000, 5_100, 50)
    assert stamp_of(buffer.nearest("front", 50 * MS)) == 50
    assert buffer.nearest("front", 5_000 * MS) is None


def test_a_scan_waits_only_for_a_camera_that_lives_and_has_not_answered() -> None:
    buffer = filled(1_000, 1_100)
    cameras = ("front", "never seen")
    assert buffer.waiting_for(cameras, 1_200 * MS) == ("front",)
    assert buffer.waiting_for(cameras, 1_100 * MS) == ()
    assert buffer.waiting_for(cameras, 1_600 * MS) == ("front",)
    assert buffer.waiting_for(cameras, 1_601 * MS) == ()
