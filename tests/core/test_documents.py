"""YAML whose keys are unique."""

import contextlib

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
        ("1: x\n0x1: y\n", "'0x1'", "line 2, column 1"),
        ("1: x\n1.0: y\n", "'1.0'", "line 2, column 1"),
        ("{yes: x, true: y}\n", "'true'", "line 1, column 10"),
        ("{~: x, null: y}\n", "'null'", "line 1, column 8"),
        ("a: x\n!!str a: y\n", "'a'", "line 2, column 1"),
        ("&k a: x\n*k : y\n", "'a'", "line 1, column 1"),
        ("=: x\n'=': y\n", "'='", "line 2, column 1"),
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


@pytest.mark.parametrize(
    "text", ["&a {x: *a}", "&a [1, [*a]]", "b: &b {c: &c [{d: *b}]}", "&a {<<: *a}", "&a {? *a : 1}", "&a {? [*a] : 1}"]
)
def test_what_holds_itself_is_refused(text):
    with pytest.raises(yaml.YAMLError, match=r"'[ab]' holds itself"):
        load_yaml(text)


def test_what_is_finished_may_be_named_again():
    assert load_yaml("a: &a {x: &x [1]}\nb: [*a, *x, *a]\nc: &c 3\nd: *c\n=: 4") == {
        "a": {"x": [1]}, "b": [{"x": [1]}, [1], {"x": [1]}], "c": 3, "d": 3, "=": 4,
    }  # fmt: skip


NO_YAML = ("2001-99-99", "[" * 2000, "a: [", "!!python/object:os.system {}", "\t- x", "{[1]: 2}", "{!!seq x: 1}")
NO_VALUES = ('!!int ""', '!!float ""', "!!bool foo", "!!timestamp x", "!!binary ä", "{!!bool foo: 1}", "{!!int '': 1}")


@pytest.mark.parametrize("text", [*NO_YAML, *NO_VALUES])
def test_what_is_no_plain_yaml_is_one_kind_of_error(text):
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


@given(
    st.sampled_from(["int", "float", "bool", "timestamp", "binary", "null", "seq", "map", "set", "omap", "pairs", "x"]),
    st.text(alphabet="0123456789abfx:.-+_eT ~<=[]{},&*?'\n", max_size=12),
)
def test_any_text_under_any_tag_is_a_value_or_one_kind_of_error(tag, text):
    with contextlib.suppress(yaml.YAMLError):
        load_yaml(f"!!{tag} {text}")
    with contextlib.suppress(yaml.YAMLError):
        load_yaml(f"{{!!{tag} {text}: 1}}")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: (
    st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), x, max_size=3)
), max_leaves=10))  # fmt: skip
def test_what_was_written_is_read(document):
    assert load_yaml(yaml.safe_dump(document)) == document
