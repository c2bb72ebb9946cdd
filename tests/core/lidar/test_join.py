"""Joining scans of several LiDARs by stamp, on clocks worked out by hand. Times in milliseconds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.lidar.join import JoinConfig, JoinedScan, ScanJoin

MS = 1_000_000
NAMES = ("front", "left", "rear")


class Feed:
    """Scans are named after their LiDAR and stamp: ``front100``."""

    def __init__(self, names: tuple[str, ...] = NAMES, **config: float) -> None:
        self.join: ScanJoin[str] = ScanJoin(names, JoinConfig(**config))

    def send(self, name: str, stamp: int, at: int | None = None) -> list[tuple[int, str]]:
        return told(self.join.add(name, stamp * MS, f"{name}{stamp}", (stamp if at is None else at) * MS))

    def wait(self, until: int) -> list[tuple[int, str]]:
        return told(self.join.due(until * MS))


def told(joined: list[JoinedScan[str]]) -> list[tuple[int, str]]:
    return [(scan.stamp_ns // MS, " ".join(scan.scans.values())) for scan in joined]


def started(feed: Feed, names: tuple[str, ...] = NAMES, until: int = 300) -> None:
    """Bring the LiDARs to a steady 10 Hz, the last stamp ``until`` - 100."""
    for stamp in range(0, until, 100):
        for name in names:
            feed.send(name, stamp)
        feed.wait(stamp + 60)


def test_one_lidar_passes_as_it_comes() -> None:
    feed = Feed(("top",))
    assert feed.send("top", 100, 150) == [(100, "top100")]
    assert feed.send("top", 50, 160) == [(50, "top50")]  # order is the gate's business
    assert feed.wait(1000) == []


def test_scans_of_one_stamp_go_when_the_last_of_them_has_come_whatever_the_order() -> None:
    feed = Feed()
    started(feed)
    assert feed.send("rear", 300, 301) == []
    assert feed.send("front", 300, 305) == []
    assert feed.send("left", 300, 309) == [(300, "front300 left300 rear300")]


def test_stamps_that_lie_apart_join_at_the_stamp_of_the_first() -> None:
    feed = Feed(("front", "rear"))
    for k in range(3):
        feed.send("rear", 100 * k - 40 + 1000)
        feed.send("front", 100 * k + 1000)
    assert feed.send("rear", 1260) == []
    assert feed.send("front", 1300) == [(1300, "front1300 rear1260")]  # 1360 lies farther and too late to wait for


def test_a_scan_that_is_late_is_waited_for_and_no_longer() -> None:
    feed = Feed(("front", "rear"), wait=0.03)
    started(feed, ("front", "rear"))
    assert feed.send("front", 300) == []
    assert feed.wait(329) == []
    assert feed.wait(330) == [(300, "front300")]
    assert feed.send("rear", 300, 335) == []
    assert feed.send("front", 400) == []
    assert feed.send("rear", 400, 401) == [(400, "front400 rear400")]


def test_one_that_stopped_is_not_waited_for_and_is_missing() -> None:
    feed = Feed(("front", "rear"))
    started(feed, ("front", "rear"))  # rear's last stamp is 200
    feed.send("front", 300)
    assert feed.wait(330) == [(300, "front300")]
    (joined,) = feed.join.add("front", 400 * MS, "front400", 400 * MS)
    assert (dict(joined.scans), joined.missing) == ({"front": "front400"}, ("rear",))
    assert feed.send("rear", 500) == []
    assert feed.send("front", 500, 501) == [(500, "front500 rear500")]


def test_when_the_leading_one_stops_the_next_leads_without_losing_a_scan() -> None:
    feed = Feed()
    started(feed)  # the last stamps are 200
    assert feed.send("left", 300) == []
    assert feed.send("rear", 300) == []
    assert feed.wait(329) == []
    assert feed.wait(331) == [(300, "left300 rear300")]  # 130 ms after front's last
    assert feed.send("left", 400) == []
    assert feed.send("rear", 400, 402) == [(400, "left400 rear400")]
    assert feed.send("rear", 500) == []
    assert feed.send("left", 500, 501) == [(500, "left500 rear500")]
    # It is back: it leads again.
    feed.send("front", 600)
    feed.send("left", 600)
    assert feed.send("rear", 600, 603) == [(600, "front600 left600 rear600")]


def test_all_but_one_may_stop() -> None:
    feed = Feed()
    started(feed)
    got = []
    for stamp in range(300, 1000, 100):
        got += feed.send("rear", stamp)
        got += feed.wait(stamp + 50)
    assert got == [(stamp, f"rear{stamp}") for stamp in range(300, 1000, 100)]


def test_a_slower_one_adds_its_scan_to_those_near_it() -> None:
    feed = Feed(("front", "rear"), window=0.03)
    got = []
    for stamp in range(0, 400, 50):
        if stamp % 100 == 0:
            got += feed.send("rear", stamp)
        got += feed.send("front", stamp)
        got += feed.wait(stamp + 40)
    assert got[-4:] == [(200, "front200 rear200"), (250, "front250"), (300, "front300 rear300"), (350, "front350")]


def test_time_set_back_begins_anew() -> None:
    feed = Feed(("front", "rear"))
    for stamp in (5000, 5100):
        feed.send("front", stamp)
        feed.send("rear", stamp)
    assert feed.send("front", 100, 5200) == [(100, "front100")]
    assert feed.send("rear", 100, 5201) == []
    feed.send("front", 200, 5300)
    assert feed.send("rear", 200, 5301) == [(200, "front200 rear200")]


def test_a_stamp_twice_or_behind_is_left_out() -> None:
    feed = Feed(("front", "rear"))
    assert feed.send("front", 100) == [(100, "front100")]
    assert feed.send("front", 100, 101) == []
    assert feed.send("front", 50, 102) == []


@pytest.mark.parametrize("wait", [0.0, 0.03])
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 60), st.integers(0, 200)), max_size=60))
def test_whatever_comes_stamps_rise_and_no_scan_is_far_from_its_stamp(
    wait: float, messages: list[tuple[str, int, int]]
) -> None:
    join: ScanJoin[int] = ScanJoin(NAMES, JoinConfig(wait=wait))
    now, stamps = 0, dict.fromkeys(NAMES, 0)
    joined = []
    for name, gap, stamp_gap in messages:
        now += gap * MS
        stamps[name] += stamp_gap * MS
        joined += join.add(name, stamps[name], stamps[name], now)
        joined += join.due(now)
    joined += join.due(now + 1000 * MS)
    assert all(a.stamp_ns < b.stamp_ns for a, b in pairwise(joined))
    for scan in joined:
        assert scan.scans
        assert next(iter(scan.scans.values())) == scan.stamp_ns
        assert all(abs(stamp - scan.stamp_ns) <= 60 * MS for stamp in scan.scans.values())
        assert set(scan.scans) | set(scan.missing) == set(NAMES)
