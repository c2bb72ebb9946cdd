"""Kernels are compiled before the first message, and what is not is told."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.compiling import CompileWatch, frozen
from perception_core.planning.sectors import _along_ray


def test_a_new_type_of_argument_is_told_once() -> None:
    watch = CompileWatch()
    assert watch.late() == []
    _along_ray(np.int16(1), np.int16(0), np.int16(0), np.int16(1), 0.5)  # nobody else comes with these
    assert watch.late() == ["planning.sectors._along_ray"]
    _along_ray(np.int16(2), np.int16(0), np.int16(0), np.int16(1), 0.5)
    assert watch.late() == []


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["C", "F"]), st.booleans(), st.booleans())
def test_frozen_arrays_are_of_one_type(rows: int, columns: int, order: str, mirrored: bool, locked: bool) -> None:
    array = np.arange(rows * columns, dtype=np.float32).reshape((rows, columns), order=order)
    array = array[:, ::-1] if mirrored else array
    array.flags.writeable = not locked
    result = frozen(array)
    assert result.flags.c_contiguous
    assert not result.flags.writeable
    assert array.flags.writeable is not locked
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


@pytest.fixture(scope="module")
def rooms() -> dict:
    """What late_compilation.py prints."""
    script = Path(__file__).parent / "late_compilation.py"
    done = subprocess.run([sys.executable, str(script)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_after_its_warm_up_no_room_compiles_anything(rooms: dict) -> None:
    assert {name: kernels for name, kernels in rooms["late"].items() if kernels} == {}
    assert len(rooms["late"]) == 8
    assert rooms["objects"] > 0
    assert rooms["obstacles"] > 0
