from hypothesis import given, settings
from rclpy.serialization import serialize_message
from strategies import obstacles
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
