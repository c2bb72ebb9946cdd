"""When a replay says that it is blind."""

from perception_tools.silence import SilenceWatch

MS = 1_000_000
START = 1_700_000_000_000 * MS


def looks(watch, now_ms):
    """Milliseconds after the start of the looks that found silence before a message."""
    return [(ns - START) / MS for ns in watch.looks(START + now_ms * MS)]


def test_it_looks_at_every_period_from_the_first_message_and_speaks_after_the_timeout():
    """Nothing was heard since 0: 0.3 s are not longer than 0.3 s, 0.4 s are; the look of 0.6 s is not before 0.6 s."""
    watch = SilenceWatch(0.3, 0.1)
    assert looks(watch, 0) == []
    assert looks(watch, 250) == []
    assert looks(watch, 600) == [400, 500]
    assert looks(watch, 601) == [600]


def test_objects_end_the_silence_also_between_two_looks():
    watch = SilenceWatch(0.3, 0.1)
    assert looks(watch, 0) == []
    watch.heard(START + 250 * MS)
    assert looks(watch, 620) == [600]
    found = []
    for ns in watch.looks(START + 1500 * MS):
        found.append((ns - START) / MS)
        if found[-1] == 800:
            watch.heard(ns)
    assert found == [700, 800, 1200, 1300, 1400]


def test_a_hole_of_the_recording_is_told_for_a_minute():
    """And a clock that begins at 0 does not make millions of them."""
    watch = SilenceWatch(0.3, 0.5)
    assert list(watch.looks(0)) == []
    assert len(list(watch.looks(START))) == 119  # 0.5 s, 1 s .. 59.5 s
    assert looks(watch, 0) == []
    assert looks(watch, 501) == [0, 500]


def test_a_message_from_before_changes_nothing():
    watch = SilenceWatch(0.3, 0.1)
    assert looks(watch, 0) == []
    assert looks(watch, 450) == [400]
    assert looks(watch, 100) == []
    assert looks(watch, 501) == [500]
