import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from rclpy.serialization import serialize_message
from strategies import obstacles
from test_obstacles import one_obstacle
from visualization_msgs.msg import Marker

from perception_nodes.conversions.markers import markers_to_cdr, markers_to_msg, short_id


@settings(max_examples=25, deadline=None)
@given(obstacles())
def test_each_obstacle_has_a_box_and_an_id_and_the_old_ones_go_first(tracked):
    data, msg = markers_to_cdr(tracked), markers_to_msg(tracked)
    assert len(serialize_message(msg)) == len(data)
    first, *rest = msg.markers
    assert first.action == Marker.DELETEALL
    assert all(m.action == Marker.ADD and m.header == first.header for m in rest)
    boxes = [m for m in rest if m.ns == "boxes"]
    assert [(m.id, m.type, m.pose.position.x) for m in boxes] == [
        (i, Marker.CUBE, x) for i, x in enumerate(tracked.centre[:, 0].tolist())
    ]
    assert [m.text[:4] for m in rest if m.ns == "ids"] == [short_id(row.tobytes()) for row in tracked.ids]
    assert len({(m.ns, m.id) for m in rest}) == len(rest)
    for arrow in (m for m in rest if m.ns == "velocities"):
        start, end = arrow.points
        assert (end.x - start.x) ** 2 + (end.y - start.y) ** 2 > 0.29**2
    for outline in (m for m in rest if m.ns == "footprints"):
        assert outline.points[0] == outline.points[-1]
        assert len(outline.points) == len(tracked.footprints[outline.id]) + 1


def test_what_moves_has_a_path_with_an_ellipse_of_two_sigma_at_each_pose():
    by_ns = {m.ns: m for m in markers_to_msg(one_obstacle()).markers}
    path = by_ns["paths"]
    assert [(p.x, p.y, p.z) for p in path.points] == [(1.0, 2.0, 0.0), (2.5, 2.0, 0.0)]
    points = np.array([(p.x - 2.5, p.y - 2.0) for p in by_ns["path_ellipses"].points])
    np.testing.assert_allclose((points**2 / [0.5, 0.25]).sum(axis=1), 4.0)  # variances of one_obstacle
    assert np.abs(points).max(axis=0) == pytest.approx([2.0 * 0.5**0.5, 2.0 * 0.5])


def test_what_stands_has_no_path_and_an_unknown_covariance_no_ellipse():
    standing = dataclasses.replace(one_obstacle(), motion=[1])
    unknown = dataclasses.replace(one_obstacle(), predicted_covariance=np.empty((1, 0, 3, 3)))
    assert "paths" not in {m.ns for m in markers_to_msg(standing).markers}
    namespaces = {m.ns for m in markers_to_msg(unknown).markers}
    assert "paths" in namespaces
    assert "path_ellipses" not in namespaces
