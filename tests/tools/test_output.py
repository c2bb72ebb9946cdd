"""Tables and JSON."""

import json

import numpy as np

from perception_tools.output import print_json, table


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_to_the_right():
    text = table(("name", "ms"), [("a", 1.5), ("longer", 12.25), ("none", None)])
    assert text.splitlines() == ["name       ms", "------  -----", "a        1.50", "longer  12.25", "none        -"]


def test_no_rows_give_nothing():
    assert table(("a", "b"), []) == ""


def test_json_is_one_line_and_plain(capsys):
    print_json({"a": float("nan"), "b": np.float32(1.5), "c": (np.int64(3), None), 4: {"d": np.array([1.0, np.inf])}})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": None, "b": 1.5, "c": [3, None], "4": {"d": [1.0, None]}}
