"""Real recordings: these tests are there where PERCEPTION_DATA and PERCEPTION_MODELS say where data and weights lie."""

import os

import pytest

collect_ignore = [] if os.environ.get("PERCEPTION_DATA") and os.environ.get("PERCEPTION_MODELS") else ["test_kitti.py"]


def pytest_report_header(config: pytest.Config) -> str:
    """Say at the top of the run whether the real recordings take part."""
    left_out = "left out: PERCEPTION_DATA and PERCEPTION_MODELS are not both set"
    return f"real recordings: {left_out if collect_ignore else os.environ['PERCEPTION_DATA']}"
