"""YAML whose keys are unique."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perception_core.documents import load_yaml


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a'", "line 3, column 1"),
        ("a: {b: 1, 'b': 2}\n", "'b'", "line 1, column 11"),
        ("- {1: x, 1: y}\n", "'1'", "line 1, column 10"),
        ("base: &base {a: 1}\nc: {<<: *base, d: 1, d: 2}\n", "'d'", "line 2, column 22"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_and_its_place_is_told(text, key, place):
    with pytest.raises(yaml.YAMLError, match=f"repeated key {key}") as caught:
        load_yaml(text)
    assert place in str(caught.value)


def test_equal_keys_of_two_mappings_and_merged_ones_are_not_repeated():
    assert load_yaml("a: {x: 1}\nb: {x: 1}\n1: p\n'1': q\n") == {"a": {"x": 1}, "b": {"x": 1}, 1: "p", "1": "q"}
    merged = load_yaml("deep: [[&one {a: 1, b: 2}, &two {<<: *one, b: 3}]]\nlast: {<<: *two, a: 4}\n")
    assert merged["deep"][0][1] == {"a": 1, "b": 3}
    assert merged["last"] == {"a": 4, "b": 3}
    assert load_yaml("") is None


@pytest.mark.parametrize("text", ["2001-99-99", "[" * 2000, "a: [", "!!python/object:os.system {}", "\t- x"])
def test_what_is_no_plain_yaml_is_one_kind_of_error(text):
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: (
    st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), x, max_size=3)
), max_leaves=10))  # fmt: skip
def test_what_was_written_is_read(document):
    assert load_yaml(yaml.safe_dump(document)) == document
