import struct

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from perception_core.errors import PerceptionError
from perception_nodes.conversions.cdr import CdrReader, CdrWriter, rows, to_msg

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**9 - 1), TEXT, st.tuples(*[st.floats(allow_nan=False)] * 7))
def test_rclpy_reads_what_was_written(sec, nanosec, frame, pose):
    out = CdrWriter()
    out.time(sec, nanosec)
    out.text(frame)
    out.align(8)
    out.raw(struct.pack("<7d", *pose))
    msg = to_msg(out.message(), PoseStamped)
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec, msg.header.frame_id) == (sec, nanosec, frame)
    p, q = msg.pose.position, msg.pose.orientation
    assert (p.x, p.y, p.z, q.x, q.y, q.z, q.w) == pose


@given(st.integers(0, 2**31 - 1), TEXT, st.floats(allow_nan=False))
def test_what_rclpy_wrote_is_read(sec, frame, z):
    msg = PoseStamped()
    msg.header.stamp.sec, msg.header.frame_id, msg.pose.position.z = sec, frame, z
    read = CdrReader(bytes(serialize_message(msg)), PoseStamped)
    assert read.time() == (sec, 0)
    assert read.text() == frame
    read.align(8)
    assert read.take(struct.Struct("<7d")) == (0.0, 0.0, z, 0.0, 0.0, 0.0, 1.0)


def test_padding_is_zero_and_counts_from_behind_the_header():
    out = CdrWriter()
    out.raw(b"\xff")
    out.align(4)
    assert out.message() == b"\x00\x01\x00\x00\xff\x00\x00\x00"


def test_big_endian_bytes_of_another_machine_are_converted():
    data = b"\x00\x00\x00\x00" + struct.pack(">I", 3) + b"hi\x00"
    assert CdrReader(data, String).text() == "hi"


@pytest.mark.parametrize("cut", range(4, 12))
def test_a_message_that_ends_early_is_an_error(cut):
    data = (b"\x00\x01\x00\x00" + struct.pack("<I", 8) + b"perceiv\x00")[:cut]
    with pytest.raises(PerceptionError, match="String"):
        CdrReader(data, String).text()


def test_a_string_that_is_no_utf8_is_an_error():
    with pytest.raises(PerceptionError, match="UTF-8"):
        CdrReader(b"\x00\x01\x00\x00" + struct.pack("<I", 2) + b"\xff\x00", String).text()


@given(st.integers(0, 9), TEXT, st.sampled_from([1, 4, 8]))
def test_a_name_is_a_string_with_its_padding_behind(begin, text, size):
    one, other = CdrWriter(), CdrWriter()
    for out in (one, other):
        out.raw(bytes(begin))
    one.name(text, size)
    other.text(text)
    other.align(size)
    assert one.message() == other.message()


def test_content_and_rows_by_hand():
    out = CdrWriter()
    out.text("ab")
    assert out.content() == b"\x03\x00\x00\x00ab\x00"
    assert rows(np.array([[1, 2], [3, 4]], np.uint8)) == [b"\x01\x02", b"\x03\x04"]
    assert rows(np.empty((0, 7))) == []
    assert rows(np.empty((2, 0))) == [b"", b""]


def test_bytes_are_taken_up_to_the_end_and_no_farther():
    read = CdrReader(b"\x00\x01\x00\x00abc", String)
    assert read.raw(3) == b"abc"
    with pytest.raises(PerceptionError, match="7 bytes end inside a field of 1"):
        read.raw(1)
