import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import table

from perception_core.errors import CloudError
from perception_nodes.conversions.view import view_from_msg, view_to_msg


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_view_comes_back(rows, columns, data):
    view = data.draw(table(rows, columns, elements=st.floats(0, 300, width=32), dtype=np.float32))
    msg = view_to_msg(view, 5, "base_link")
    assert (msg.height, msg.width, msg.step, msg.encoding) == (rows, columns, 4 * columns, "32FC1")
    np.testing.assert_array_equal(view_from_msg(msg), view)


@pytest.mark.parametrize(("field", "value"), [("encoding", "mono8"), ("width", 3), ("height", 0), ("is_bigendian", 1)])
def test_another_image_is_refused(field, value):
    msg = view_to_msg(np.ones((2, 2), np.float32), 0, "b")
    setattr(msg, field, value)
    with pytest.raises(CloudError, match="expected 32FC1"):
        view_from_msg(msg)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_ranges_that_are_none_are_refused(bad):
    with pytest.raises(CloudError, match="finite"):
        view_from_msg(view_to_msg(np.array([[1.0, bad]], np.float32), 0, "b"))
