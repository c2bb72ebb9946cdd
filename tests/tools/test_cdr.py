"""CDR bytes without the crumbs of the process that made them."""

import functools

import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header, String
from visualization_msgs.msg import Marker, MarkerArray

from perception_core.errors import BagError
from perception_tools.bags import typestore_for
from perception_tools.cdr import PaddingCleaner

NAMES = st.text(max_size=9)


@functools.cache
def cleaner(type_name):
    return PaddingCleaner(store_for(type_name), type_name)


@functools.cache
def store_for(type_name):
    return typestore_for(type_name)


def dirty(message, type_name):
    """Serialise, and fill every byte of padding with 0xAA, using rosbags' own writer to know which they are."""
    store = store_for(type_name)
    data = serialize_message(message)
    clean = bytes(store.serialize_cdr(store.deserialize_cdr(data, type_name), type_name))
    return data, clean


@given(NAMES, NAMES, st.lists(st.tuples(NAMES, st.integers(0, 3)), max_size=3), st.integers(0, 2**31 - 1))
def test_a_nested_message_becomes_what_a_writer_with_zeros_writes(frame, name, fields, sec):
    header = Header(stamp=Time(sec=sec), frame_id=frame)
    points = [Point(x=float(count)) for _, count in fields]
    marker = Marker(header=header, ns=name, id=3, points=points, colors=[ColorRGBA(r=0.5)] * len(points), text=name)
    data, clean = dirty(MarkerArray(markers=[marker, Marker()]), "visualization_msgs/msg/MarkerArray")
    assert cleaner("visualization_msgs/msg/MarkerArray").clean(data) == clean


@given(NAMES, st.lists(NAMES, max_size=4), st.binary(max_size=9))
def test_sequences_of_every_kind(frame, names, payload):
    cloud = PointCloud2(
        header=Header(frame_id=frame), fields=[PointField(name=n, count=1) for n in names], data=payload
    )
    data, clean = dirty(cloud, "sensor_msgs/msg/PointCloud2")
    assert cleaner("sensor_msgs/msg/PointCloud2").clean(data) == clean
    info = CameraInfo(header=Header(frame_id=frame), distortion_model=frame, d=[0.5] * len(names))
    data, clean = dirty(info, "sensor_msgs/msg/CameraInfo")
    assert cleaner("sensor_msgs/msg/CameraInfo").clean(data) == clean


def test_padding_is_zeroed_and_nothing_else():
    # Header: stamp 8 bytes, string "a" (4 + 2), then PointCloud2.height at 16: two bytes of padding at 14 and 15
    data = bytearray(serialize_message(PointCloud2(header=Header(frame_id="a"), height=7)))
    data[4 + 14 : 4 + 16] = b"\xaa\xbb"
    cleaned = cleaner("sensor_msgs/msg/PointCloud2").clean(bytes(data))
    assert cleaned[4 + 14 : 4 + 16] == bytes(2)
    assert deserialize_message(cleaned, PointCloud2) == deserialize_message(bytes(data), PointCloud2)


def test_bytes_of_another_type_or_half_a_message_are_refused():
    data = serialize_message(String(data="hello"))
    for broken in (data[:6], data + bytes(40)):
        with pytest.raises(BagError, match="std_msgs/msg/String"):
            cleaner("std_msgs/msg/String").clean(broken)
