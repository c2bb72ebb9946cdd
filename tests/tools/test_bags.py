"""Writing and reading recordings."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import StoragePlugin, Writer
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from perception_core.errors import BagError
from perception_interfaces.msg import Obstacle, ObstacleArray
from perception_nodes.bag_reader import BagReader, header_stamp_ns
from perception_tools.bags import LATCHED, BagWriter, typestore_for

TYPE = "std_msgs/msg/String"


def write_strings(path, texts, topic="/words"):
    with BagWriter(path) as bag:
        bag.add_topic(topic, TYPE, (LATCHED,))
        for k, text in enumerate(texts):
            bag.write(topic, 10 + k, String(data=text))
    return path


@pytest.mark.parametrize("texts", [[], ["one"], [f"word {k}" for k in range(500)]])
def test_what_is_written_is_read(tmp_path, texts):
    with BagReader(write_strings(tmp_path / "a.mcap", texts)) as bag:
        read = [(m.log_ns, deserialize_message(m.data, String).data) for m in bag.messages()]
        assert bag.topics["/words"].count == len(texts)
        assert (bag.start_ns, bag.end_ns) == ((10, 9 + len(texts)) if texts else (0, 0))
    assert read == [(10 + k, text) for k, text in enumerate(texts)]


def test_the_quality_of_service_is_kept(tmp_path):
    with BagReader(write_strings(tmp_path / "a.mcap", ["x"])) as bag:
        assert bag.topics["/words"].qos[0].durability == QosDurability.TRANSIENT_LOCAL


def test_messages_come_in_order_of_time_whatever_order_they_were_written_in(tmp_path):
    with BagWriter(tmp_path / "a.mcap") as bag:
        bag.add_topic("/image", "sensor_msgs/msg/Image")
        for log_ns in (30, 10, 20):  # 2 MB each: a chunk each
            bag.write("/image", log_ns, Image(data=bytes(2_000_000)))
    with BagReader(tmp_path / "a.mcap") as bag:
        assert [m.log_ns for m in bag.messages()] == [10, 20, 30]
        assert [m.log_ns for m in bag.messages(start_ns=20)] == [20, 30]
        assert [m.log_ns for m in bag.messages(stop_ns=20)] == [10]
        assert list(bag.messages(["/nothing"])) == []


def test_other_tools_find_the_definition_of_our_own_types_in_the_file(tmp_path):
    with BagWriter(tmp_path / "a.mcap") as bag:
        bag.add_topic("/obstacles", "perception_interfaces/msg/ObstacleArray")
        bag.write("/obstacles", 5, ObstacleArray(mode=3, obstacles=[Obstacle(existence_probability=0.5)]))
    with AnyReader([tmp_path / "a.mcap"]) as reader:
        connection, _, data = next(reader.messages())
        message = reader.deserialize(data, connection.msgtype)
    assert message.mode == 3
    assert message.obstacles[0].existence_probability == 0.5


def test_the_same_messages_give_the_same_bytes_under_any_name(tmp_path):
    one = write_strings(tmp_path / "one.mcap", ["a", "bcd"])
    two = write_strings(tmp_path / "two.mcap", ["a", "bcd"])
    assert one.read_bytes() == two.read_bytes()


def test_nothing_is_left_of_a_recording_that_failed(tmp_path):
    def fail():
        with BagWriter(tmp_path / "a.mcap") as bag:
            bag.add_topic("/words", TYPE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_is_replaced(tmp_path):
    write_strings(tmp_path / "a.mcap", ["old"])
    with BagReader(write_strings(tmp_path / "a.mcap", ["new", "newer"])) as bag:
        assert bag.topics["/words"].count == 2


def test_cdr_bytes_are_written_as_they_are(tmp_path):
    data = serialize_message(String(data="raw"))
    with BagWriter(tmp_path / "a.mcap") as bag:
        bag.add_topic("/words", TYPE)
        bag.write("/words", 1, data)
    with BagReader(tmp_path / "a.mcap") as bag:
        assert next(bag.messages()).data == data


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_folders_of_rosbag2_are_read(tmp_path, plugin):
    with Writer(tmp_path / "bag", version=9, storage_plugin=plugin) as writer:
        connection = writer.add_connection("/words", TYPE, typestore=typestore_for(TYPE))
        writer.write(connection, 7, serialize_message(String(data="hello")))
    suffix = {StoragePlugin.MCAP: ".mcap", StoragePlugin.SQLITE3: ".db3"}[plugin]
    for path in (tmp_path / "bag", tmp_path / "bag" / f"bag{suffix}"):
        with BagReader(path) as bag:
            assert [(m.topic, m.type, m.log_ns) for m in bag.messages()] == [("/words", TYPE, 7)]


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(BagError, match=r"none\.mcap: no such bag"):
        BagReader(tmp_path / "none.mcap")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_named_as_such(tmp_path, kept):
    path = write_strings(tmp_path / "a.mcap", ["x" * 1000] * 100)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(BagError, match=r"a\.mcap: (truncated MCAP|not an MCAP file)"):
        BagReader(path)


def test_damage_in_the_middle_is_an_error_where_it_is(tmp_path):
    path = write_strings(tmp_path / "a.mcap", ["x" * 1000] * 3000)
    data = bytearray(path.read_bytes())
    data[1000:3000] = b"\xff" * 2000  # over the heads of two messages
    path.write_bytes(bytes(data))
    with pytest.raises(BagError, match=r"a\.mcap"), BagReader(path) as bag:
        list(bag.messages())


def test_what_is_no_recording_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.mcap").write_text("this is no MCAP file at all")
    (tmp_path / "text.db3").write_text("this is no database either, but long enough to be one" * 20)
    for name, text in (("notes.txt", "not a bag"), ("folder", "metadata.yaml"), ("text.mcap", "not an MCAP"),
                       ("text.db3", "SQLite")):  # fmt: skip
        with pytest.raises(BagError, match=text):
            BagReader(tmp_path / name)


def test_missing_topics_are_named_with_those_that_are_there(tmp_path):
    with BagReader(write_strings(tmp_path / "a.mcap", ["x", "y"])) as bag:
        bag.require(["/words"])
        with pytest.raises(BagError, match=r"no messages on /points; recorded: /words \(2\)"):
            bag.require(["/words", "/points"])


def test_bad_names_of_new_recordings_are_refused(tmp_path):
    (tmp_path / "folder.mcap").mkdir()
    (tmp_path / "file").write_text("")
    for name, text in (
        ("a.bag", "must end in .mcap"),
        ("folder.mcap", "a folder of that name"),
        ("file/a.mcap", "cannot"),
    ):
        with pytest.raises(BagError, match=text):
            BagWriter(tmp_path / name)


def test_unknown_types_and_topics_are_refused(tmp_path):
    with BagWriter(tmp_path / "a.mcap") as bag:
        with pytest.raises(BagError, match="no such message type"):
            bag.add_topic("/x", "no_such_package/msg/Thing")
        with pytest.raises(BagError, match="/y was not announced"):
            bag.write("/y", 0, b"")


def test_the_stamp_is_read_from_the_bytes():
    header = Header(frame_id="lidar")
    header.stamp.sec, header.stamp.nanosec = 12, 345_678_901
    assert (
        header_stamp_ns(serialize_message(Image(header=header, data=np.zeros(3, np.uint8).tobytes()))) == 12_345_678_901
    )
    assert header_stamp_ns(bytes([0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3])) == 2_000_000_003  # big-endian
    with pytest.raises(BagError, match="11 bytes"):
        header_stamp_ns(bytes(11))
