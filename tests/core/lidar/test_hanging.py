"""What hangs: in the way of the robot it is an obstacle, above its clearance of 2.5 m it is none, but to what flies."""

from collections.abc import Callable

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.geometry.transforms import from_yaw
from perception_core.lidar import LidarProcessor
from perception_core.lidar.config import ClusterConfig, LidarConfig
from perception_core.lidar.processor import LidarResult
from perception_core.simulation.lidar_scenes import LabelledScan, LidarScene, Surface
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import box
from perception_core.simulation.scene_kinds import Setting
from perception_core.simulation.scene_land import Land
from perception_core.simulation.scene_parts import Parts
from perception_core.types import PointClass

Seen = tuple[LabelledScan, LidarResult]
Build = Callable[[Parts], None]


@pytest.fixture(name="look")
def _look(processor: LidarProcessor) -> Callable[..., Seen]:
    """Put things on a flat street with the LiDAR 1.8 m above it, and process one scan."""

    def look(build: Build, sensor: str = "hdl64", by: LidarProcessor = processor) -> Seen:
        parts = Parts(Land(outside=Material.ASPHALT), np.random.default_rng(3))
        build(parts)
        scan = LidarScene("own", 1, Setting(parts, np.eye(4), from_yaw(0.0, (0.0, 0.0, 1.8)))).scan(sensor)
        return scan, by.process(scan.cloud, scan.T_base_lidar)

    return look


def share(seen: Seen, surface: Surface, point_class: PointClass) -> float:
    """Of the points on ``surface`` that the crop kept, those that became ``point_class``."""
    scan, result = seen
    asked = (scan.surface == surface) & (result.point_class != PointClass.DROPPED)
    assert asked.sum() > 20
    return float((result.point_class[asked] == point_class).mean())


@pytest.mark.parametrize("sensor", ["hdl64", "ouster128"])
@pytest.mark.parametrize("s", [6.0, 12.0, 20.0])
def test_a_gates_beam_at_head_height_is_an_obstacle(look, s: float, sensor: str) -> None:
    seen = look(lambda parts: parts.beam(s, 1.6, 0.3, (-3.0, 3.0)), sensor)
    assert share(seen, Surface.OBJECT, PointClass.OBSTACLE) > 0.9
    assert seen[1].clusters.bottom.min() == pytest.approx(1.6, abs=0.25)


@pytest.mark.parametrize("sensor", ["hdl64", "ouster128"])
@pytest.mark.parametrize("s", [4.0, 6.0, 8.0])
def test_a_rope_is_an_obstacle_to_its_ends(look, s: float, sensor: str) -> None:
    # 3 cm thick and hanging 0.3 m through, it crosses several beams.
    scan, result = look(lambda parts: parts.wire(s, (-2.0, 2.0), 1.2, 0.015, 0.3), sensor)
    rope = scan.objects == 0
    assert rope.sum() > 20
    kept = rope & (result.point_class == PointClass.OBSTACLE)
    y = scan.cloud.xyz[:, 1]
    assert kept.sum() > 0.8 * rope.sum()
    assert y[kept].max() > y[rope].max() - 0.2
    assert y[kept].min() < y[rope].min() + 0.2


def test_a_gates_beam_and_a_bridge_above_the_clearance_are_none(look) -> None:
    def build(parts: Parts) -> None:
        parts.beam(12.0, 4.0, 0.3, (-4.0, 4.0))
        parts.bridge(30.0, 4.5, 4.0, (-6.0, 6.0))

    seen = look(build, "ouster128")
    # The deck is in one column with the piers where it lies on them.
    assert share(seen, Surface.OVERHEAD, PointClass.OVERHEAD) > 0.8
    assert share(seen, Surface.STRUCTURE, PointClass.OBSTACLE) > 0.8
    assert (np.abs(seen[1].clusters.centre[:, 1]) > 5.0).all()


def test_a_sign_above_a_person_leaves_the_person_alone(look) -> None:
    def build(parts: Parts) -> None:
        parts.person(8.0, 0.0)
        sign = box((0.1, 2.0, 0.6), (8.0, 0.0, 2.9), Material.METAL, (0.5, 0.5, 0.5))
        parts.add(sign, Surface.OVERHEAD)

    seen = look(build, "ouster128")
    assert share(seen, Surface.OVERHEAD, PointClass.OVERHEAD) > 0.95
    assert share(seen, Surface.OBJECT, PointClass.OBSTACLE) > 0.9
    assert len(seen[1].clusters) == 1
    assert seen[1].clusters.top[0] < 2.0
    assert seen[1].clusters.size[0, :2].max() < 1.0


def test_branches_over_a_car_are_not_its_roof(look) -> None:
    def build(parts: Parts) -> None:
        parts.vehicle("sedan", 9.0, 0.0)
        for x in (8.0, 9.0, 10.0):
            parts.add(box((0.4, 5.0, 0.4), (x, 0.0, 3.0), Material.LEAVES, (0.2, 0.5, 0.2)), Surface.OVERHEAD)

    seen = look(build, "ouster128")
    assert share(seen, Surface.OVERHEAD, PointClass.OVERHEAD) > 0.95
    assert len(seen[1].clusters) == 1
    assert seen[1].clusters.top[0] < 2.0
    assert (seen[1].clusters.size[0] < [5.2, 2.2, 2.0]).all()


def test_the_walls_of_a_tunnel_stay_and_its_roof_goes(look) -> None:
    def build(parts: Parts) -> None:
        parts.slab((-30.0, 30.0), 5.5, 4.5)
        for d in (-5.0, 5.0):
            parts.wall((-30.0, 30.0), d, 4.5)

    seen = look(build, "ouster128")
    assert share(seen, Surface.STRUCTURE, PointClass.OBSTACLE) > 0.95
    assert share(seen, Surface.OVERHEAD, PointClass.OVERHEAD) > 0.9
    assert (np.abs(np.abs(seen[1].clusters.centre[:, 1]) - 5.0) < 0.5).all()


# -- to what flies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hanging_to", [0.01, 2.0, 2.5])
def test_a_limit_below_the_clearance_would_do_nothing_and_is_refused(hanging_to: float) -> None:
    with pytest.raises(ConfigError, match=rf"hanging_to: {hanging_to:g} m is not above the clearance of 2\.5 m"):
        ClusterConfig(hanging_to=hanging_to)


def test_none_and_a_limit_above_a_lower_clearance_are_taken() -> None:
    assert ClusterConfig(hanging_to=0.0).hanging_to == 0.0
    assert ClusterConfig(hanging_to=2.0, clearance=1.9).hanging_to == 2.0


FLYING = LidarProcessor(LidarConfig(cluster=ClusterConfig(hanging_to=30.0)))


def test_to_what_flies_a_wire_over_a_person_is_an_obstacle_and_no_part_of_the_person(look) -> None:
    def build(parts: Parts) -> None:
        parts.person(8.0, 0.0)
        parts.wire(8.0, (-3.0, 3.0), 3.6, 0.05, 0.0)

    _, result = look(build, "ouster128", FLYING)
    tall = result.clusters.top < 2.0
    assert tall.sum() == 1
    assert (result.clusters.size[tall, :2] < 1.0).all()
    assert (result.clusters.bottom[~tall] > 3.0).all()
    wire = ~tall
    assert wire.any()
    assert result.clusters.size[wire, 0].max() > 1.0
    assert (result.clusters.size[wire, 2] < 0.5).all()


def test_to_what_flies_a_car_under_branches_is_a_car_and_the_branches_are_there(look) -> None:
    def build(parts: Parts) -> None:
        parts.vehicle("sedan", 9.0, 0.0)
        for x in (8.0, 9.0, 10.0):
            parts.add(box((0.4, 5.0, 0.4), (x, 0.0, 3.0), Material.LEAVES, (0.2, 0.5, 0.2)), Surface.OVERHEAD)

    seen = look(build, "ouster128", FLYING)
    assert share(seen, Surface.OVERHEAD, PointClass.OBSTACLE) > 0.9
    clusters = seen[1].clusters
    car = clusters.bottom < 1.0
    assert car.sum() == 1
    assert clusters.top[car][0] < 2.0
    assert (clusters.bottom[~car] > 2.4).all()
    # Every point knows its cluster, and all of a cluster's are where it is.
    for k in range(len(clusters)):
        z = clusters.points[clusters.labels == k, 2]
        assert len(z) == clusters.point_count[k]
        assert clusters.centre[k, 2] - clusters.size[k, 2] / 2 == pytest.approx(z.min(), abs=1e-4)


def test_to_what_flies_where_nothing_hangs_all_is_as_it_was(look, processor: LidarProcessor) -> None:
    def build(parts: Parts) -> None:
        parts.vehicle("sedan", 9.0, 0.0)
        parts.person(7.0, 3.0)

    (_, flying), (_, driving) = look(build, "hdl64", FLYING), look(build, "hdl64", processor)
    np.testing.assert_array_equal(flying.clusters.centre, driving.clusters.centre)
    np.testing.assert_array_equal(flying.clusters.labels, driving.clusters.labels)


def test_what_hangs_higher_than_asked_for_is_nothing(look) -> None:
    low = LidarProcessor(LidarConfig(cluster=ClusterConfig(hanging_to=3.5)))
    seen = look(lambda parts: parts.beam(12.0, 4.0, 0.3, (-4.0, 4.0)), "ouster128", low)
    assert len(seen[1].clusters) == 0
    assert seen[1].dropped["overhead"] > 20


def test_to_what_flies_the_top_of_a_bus_stays_with_the_bus(look) -> None:
    """It stands higher than the clearance, and hangs nowhere: one thing, up to its roof."""
    _, result = look(lambda parts: parts.vehicle("bus", 12.0, 0.0), "ouster128", FLYING)
    assert len(result.clusters) == 1
    assert result.clusters.top[0] > 2.7
