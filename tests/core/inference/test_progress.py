"""Nested phases become one share that only grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.inference.progress import PhaseTree, Progress


def test_a_report_reads_as_one_line():
    assert str(Progress("build", 0.417, "Tactic selection")) == "build 42 %: Tactic selection"
    assert str(Progress("wait", None, "for another process")) == "wait: for another process"


def test_nothing_is_done_at_first():
    assert PhaseTree().state() == (0.0, "")


def test_steps_of_a_phase_within_a_step_of_its_parent_are_its_parts():
    tree = PhaseTree()
    tree.start("build", None, 4)
    assert tree.state() == (0.0, "build")
    tree.step("build", 0)
    assert tree.state() == (0.25, "build")
    tree.start("tactics", "build", 10)
    tree.step("tactics", 4)  # five of ten, within the second of four: 1/4 + 1/4 * 5/10
    assert tree.state() == (0.375, "tactics")
    tree.finish("tactics")  # the whole second step
    assert tree.state()[0] == 0.5
    tree.step("build", 1)
    assert tree.state()[0] == 0.5
    tree.finish("build")
    assert tree.state()[0] == 1.0


def test_a_name_may_come_again_and_the_share_does_not_go_back():
    tree = PhaseTree()
    tree.start("build", None, 2)
    tree.start("inner", "build", 2)
    tree.step("inner", 1)
    assert tree.state()[0] == 0.5
    tree.start("inner", "build", 2)
    assert tree.state()[0] == 0.5


def test_phases_nobody_announced_are_no_error():
    tree = PhaseTree()
    tree.step("lost", 3)
    tree.finish("lost")
    tree.start("own parent", "own parent", 1)
    assert tree.state()[0] == 0.0


_NAMES = st.sampled_from(["a", "b", "c", "d"])
_CALLS = st.one_of(
    st.tuples(st.just("start"), _NAMES, st.none() | st.just(""), st.integers(-1, 5)),
    st.tuples(st.just("step"), _NAMES, st.integers(-2, 9)),
    st.tuples(st.just("finish"), _NAMES),
)


@given(st.lists(_CALLS, max_size=30))
def test_whatever_is_called_the_share_is_in_range_and_grows(calls):
    tree = PhaseTree()
    last = 0.0
    for name, *arguments in calls:
        getattr(tree, name)(*arguments)
        share = tree.state()[0]
        assert last <= share <= 1.0
        last = share


@pytest.mark.parametrize("depth", [1, 5])
def test_deep_nesting_is_counted(depth):
    tree = PhaseTree()
    parent = None
    for level in range(depth):
        tree.start(f"level {level}", parent, 2)
        parent = f"level {level}"
    tree.step(parent, 0)
    assert tree.state()[0] == pytest.approx(0.5**depth)
