"""Messages of a drive: when they are measured, what becomes of them on the way, and in which order they arrive."""

import numpy as np
import pytest

from perception_core.simulation import Simulation, load_scenario
from perception_core.simulation.scenario import parse_scenario
from perception_core.simulation.sensors import moments
from perception_core.types import Image, PointCloud

SMALL = {"width": 32, "height": 16, "focal": 20.0, "centre": [15.5, 7.5]}
BEAMS = {"columns": 256, "elevations": [-15.0, 5.0, 4]}
DRIVE = {
    "duration": 1.0,
    "street": {"centreline": [[0, 0], [60, 0]], "buildings": False, "parked_fraction": 0.0},
    "lidar": BEAMS,
    "camera": SMALL,
    "ego": {"path": [[5, -1.75], [60, -1.75]], "speed": [[0, 5.0]]},
    "actors": [{"path": [[15, -1.75], [60, -1.75]], "speed": [[0, 5.0]]}],
}
SECOND = 10**9


def drive(disturbances=None, **more) -> Simulation:
    return Simulation(parse_scenario("x", {**DRIVE, **more, "disturbances": disturbances or {}}))


def stamps(simulation: Simulation, sensor: str) -> list[float]:
    start = simulation.stamp_ns(0.0)
    return [
        (message.content.stamp_ns - start) / SECOND for message in simulation.messages() if message.sensor == sensor
    ]


@pytest.fixture(scope="module")
def plain() -> Simulation:
    return drive()


@pytest.mark.parametrize(
    ("rate", "delay", "after", "until", "expected"),
    [
        (10.0, 0.0, 0.0, 0.1, [(1, 0.1)]),
        (30.0, 0.0, 0.0, 0.1, [(1, 1 / 30), (2, 2 / 30), (3, 0.1)]),
        (5.0, 0.04, 0.2, 0.3, [(1, 0.24)]),
        (5.0, 0.04, 0.3, 0.4, []),
        (10.0, 0.0, -0.1, 0.0, []),
        (10.0, 0.0, 0.1, 0.2, [(2, 0.2)]),
    ],
)
def test_a_sensor_measures_at_its_rate_and_phase(rate, delay, after, until, expected):
    assert list(moments(rate, delay, after, until)) == [(n, pytest.approx(time)) for n, time in expected]


def test_every_measurement_is_made_once():
    found = [n for k in range(100) for n, _ in moments(7.0, 0.013, k * 0.1, (k + 1) * 0.1)]
    assert found == list(range(1, 70))


def test_an_undisturbed_message_arrives_at_its_stamp_images_first(plain):
    frame = plain.frame(2)
    assert [message.sensor for message in frame.messages] == ["camera_front", "lidar_top"]
    assert {message.arrival_ns for message in frame.messages} == {frame.stamp_ns}
    assert frame.clouds["top"] is frame.cloud
    assert frame.images["front"] is frame.image


def test_cameras_take_pictures_at_their_own_rates():
    simulation = drive(cameras={"rear": {**SMALL, "yaw": 180.0, "rate": 25.0, "delay": 0.01}})
    assert stamps(simulation, "camera_rear") == pytest.approx([k / 25.0 + 0.01 for k in range(1, 25)])
    assert stamps(simulation, "camera_front") == pytest.approx([k / 10.0 for k in range(1, 11)])
    frame = simulation.frame(3)  # up to 0.4 s: the last of three pictures is that of 9 / 25 + 0.01 s
    assert frame.images["rear"].stamp_ns == simulation.stamp_ns(0.37)
    assert frame.images["rear"].frame == "camera_rear"
    assert frame.images["rear"].pixels.tobytes() != frame.images["front"].pixels.tobytes()


def test_late_messages_come_late_and_in_order(plain):
    late = drive({"camera_delay": 0.25})
    messages = list(late.messages())
    arrivals = [message.arrival_ns for message in messages]
    assert arrivals == sorted(arrivals)
    for message in messages:
        delay = 250_000_000 if isinstance(message.content, Image) else 0
        assert message.arrival_ns - message.content.stamp_ns == delay
    assert len(messages) == 20
    same = [m.content.pixels.tobytes() for m in plain.messages() if isinstance(m.content, Image)]
    assert [m.content.pixels.tobytes() for m in messages if isinstance(m.content, Image)] == same


def test_lost_messages_are_lost_for_each_sensor_by_itself(plain):
    simulation = drive({"lidar_lost": 0.5, "camera_lost": 0.5}, duration=4.0)
    scans, images = stamps(simulation, "lidar_top"), stamps(simulation, "camera_front")
    assert 8 <= len(scans) <= 32  # 40 messages, half of them: 4 sigma are 13
    assert 8 <= len(images) <= 32
    assert scans != images
    frame = next(frame for frame in simulation if not frame.clouds)
    assert len(frame.cloud) == len(frame.point_ids)
    assert len(frame.cloud) > 0


def test_a_dead_camera_sends_nothing_and_the_truth_does_not_know(plain):
    simulation = drive({"camera_dead": [0.45, 0.75]})
    assert stamps(simulation, "camera_front") == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.8, 0.9, 1.0])
    for ours, theirs in zip(simulation, plain, strict=True):
        assert ours.truth.visible_fraction.tobytes() == theirs.truth.visible_fraction.tobytes()


def test_wrong_stamps_are_of_the_same_pictures(plain):
    simulation = drive({"camera_stamp_offset": 0.04})
    for ours, theirs in zip(simulation, plain, strict=True):
        assert ours.image.stamp_ns - theirs.image.stamp_ns == 40_000_000
        assert ours.image.pixels.tobytes() == theirs.image.pixels.tobytes()
        assert ours.messages[0].arrival_ns == theirs.messages[0].arrival_ns


def test_points_that_drop_out_leave_the_others_as_they_were(plain):
    ours, theirs = drive({"lidar_dropout": 0.5}).frame(4), plain.frame(4)
    assert 0.35 * len(theirs.cloud) < len(ours.cloud) < 0.65 * len(theirs.cloud)
    assert {row.tobytes() for row in ours.cloud.xyz} <= {row.tobytes() for row in theirs.cloud.xyz}
    assert len(ours.point_ids) == len(ours.point_ground) == len(ours.point_speck) == len(ours.cloud)
    assert isinstance(ours.clouds["top"], PointCloud)
    assert ours.clouds["top"] is ours.cloud
    assert ours.truth.point_count.tobytes() == theirs.truth.point_count.tobytes()


def test_the_noise_is_the_same_with_and_without_disturbances(plain):
    ours, theirs = drive({"lidar_lost": 0.4, "camera_turn": [0, 0, 2.0]}).frame(1), plain.frame(1)
    assert ours.cloud.xyz.tobytes() == theirs.cloud.xyz.tobytes()
    assert ours.image.pixels.tobytes() == theirs.image.pixels.tobytes()


def test_points_of_all_lidars_and_the_best_camera_count(plain):
    # The car is ahead: a camera that looks back adds nothing, a second LiDAR as the first about as much again.
    ours = drive(lidars={"second": BEAMS}, cameras={"rear": {**SMALL, "yaw": 180.0}}).frame(4)
    theirs = plain.frame(4)
    assert theirs.truth.point_count[0] >= 5
    assert ours.truth.point_count[0] >= 1.5 * theirs.truth.point_count[0]
    assert ours.truth.visible_fraction[0] == theirs.truth.visible_fraction[0] > 0.9
    backwards = drive(camera={**SMALL, "yaw": 180.0}, cameras={"ahead": SMALL}).frame(4)
    assert backwards.truth.visible_fraction[0] > 0.9
    assert not np.any(backwards.truth.boxes_2d[0])  # boxes are the main camera's


@pytest.mark.parametrize("name", ["highway", "drone_yard"])
def test_a_drive_with_traffic_is_the_same_twice(name):
    coarse = {"lidar.columns": 90, "camera": SMALL, "duration": 0.2}
    first, again = (list(Simulation(load_scenario(name, coarse))) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert [m.content.frame for m in a.messages] == [m.content.frame for m in b.messages]
        assert a.cloud.xyz.tobytes() == b.cloud.xyz.tobytes()
        assert a.image.pixels.tobytes() == b.image.pixels.tobytes()
        assert a.truth.centre.tobytes() == b.truth.centre.tobytes()
