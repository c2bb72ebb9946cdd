from perception_nodes.node.joining import StampJoin


def test_a_whole_needs_all_parts_in_any_order():
    join = StampJoin(("a", "b"))
    assert join.add(1, "b", "B") is None
    assert join.add(1, "a", "A") == {"a": "A", "b": "B"}
    assert join.lost == 0


def test_stamps_do_not_mix():
    join = StampJoin(("a", "b"))
    assert join.add(1, "a", "A1") is None
    assert join.add(2, "b", "B2") is None
    assert join.add(2, "a", "A2") == {"a": "A2", "b": "B2"}
    assert join.lost == 1  # the B of 1 cannot come any more


def test_a_repeated_part_replaces_the_first():
    join = StampJoin(("a", "b"))
    join.add(1, "a", "old")
    join.add(1, "a", "new")
    assert join.add(1, "b", "B") == {"a": "new", "b": "B"}


def test_the_oldest_goes_when_too_many_wait():
    join = StampJoin(("a", "b"), capacity=2)
    for stamp in (1, 2, 3):
        assert join.add(stamp, "a", stamp) is None
    assert join.lost == 1
    assert join.add(1, "b", "B") is None
    assert join.add(3, "b", "B") == {"a": 3, "b": "B"}


def test_after_time_was_set_back_nothing_waits():
    join = StampJoin(("a", "b"))
    join.add(5, "a", "A")
    join.clear()
    assert join.add(5, "b", "B") is None
