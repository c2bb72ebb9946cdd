"""Latencies by hand-worked values."""

import numpy as np
import pytest

from perception_core.errors import BagError
from perception_tools.latency import Published, between_ms, by_stamp, lost, read_publish_log, recording_time


def test_milliseconds_between_what_both_have():
    assert between_ms({100: 1_000_000, 200: 2_000_000, 300: 0}, {200: 5_500_000, 100: 1_250_000}) == [0.25, 3.5]
    assert between_ms({}, {1: 1}) == []


def test_lost_is_what_was_published_and_never_came():
    assert lost({1: 0, 2: 0, 3: 0}, {2: 5, 9: 9}) == [1, 3]


def test_the_log_is_read_by_topic(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("topic,stamp_ns,monotonic_ns\n/b,20,2\n/a,10,1\n/b,30,3\n")
    log = read_publish_log(path)
    assert list(log) == ["/a", "/b"]
    assert by_stamp(log["/b"]) == {20: 2, 30: 3}
    assert len(log["/a"]) == 1


@pytest.mark.parametrize("text", ["nothing,of,this\n1,2,3\n", "topic,stamp_ns,monotonic_ns\n/a,x,1\n"])
def test_a_log_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(BagError, match=r"log\.csv"):
        read_publish_log(path)
    with pytest.raises(BagError, match=r"gone\.csv"):
        read_publish_log(tmp_path / "gone.csv")


def test_the_time_of_the_recording_follows_the_rate():
    # stamp 1000 went out at wall 50, stamp 2000 at wall 550: twice real time
    published = Published(np.array([1000, 2000]), np.array([50, 550]))
    assert recording_time(published, 50, 2.0) == 1000
    assert recording_time(published, 150, 2.0) == 1200
    assert recording_time(published, 650, 2.0) == 2200
    assert recording_time(published, 40, 2.0) == 980
