"""Label images to and from their messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception_core.errors import ImageError
from perception_core.types import SEGMENTS, InstanceMasks, Segmentation
from perception_nodes.conversions.segmentation import (
    label_info_to_msg,
    masks_from_msg,
    masks_to_msg,
    segmentation_from_msg,
    segmentation_to_msg,
)

LABELS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 7))


@given(LABELS, st.integers(0, 2**31 * 10**9 - 1))
def test_there_and_back(labels, stamp_ns):
    back = segmentation_from_msg(segmentation_to_msg(Segmentation(stamp_ns, "front", labels)))
    assert (back.stamp_ns, back.frame) == (stamp_ns, "front")
    np.testing.assert_array_equal(back.labels, labels)


def message(labels=((0, 1), (2, 3))):
    return segmentation_to_msg(Segmentation(5, "front", np.array(labels, np.uint8)))


def test_it_is_mono8():
    msg = message()
    assert (msg.encoding, msg.width, msg.height, msg.step, bytes(msg.data)) == ("mono8", 2, 2, 2, b"\x00\x01\x02\x03")


def test_rows_may_be_padded():
    msg = message()
    msg.step = 3
    del msg.data[:]
    msg.data.frombytes(b"\x00\x01\xff\x02\x03\xff")
    np.testing.assert_array_equal(segmentation_from_msg(msg).labels, [[0, 1], [2, 3]])


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("encoding", "bgr8", "encoding 'bgr8' is none of mono8, 8UC1"),
        ("step", 1, "label image 2x2: step 1, 4 bytes"),
        ("step", 3, "label image 2x2: step 3, 4 bytes"),
        ("height", 3, "label image 2x3: step 2, 4 bytes"),
        ("height", 0, "label image 2x0"),
        ("width", 2**31, "label image 2147483648x2"),
    ],
)
def test_what_is_no_label_image_is_named(field, value, text):
    msg = message()
    setattr(msg, field, value)
    with pytest.raises(ImageError, match=text):
        segmentation_from_msg(msg)


def test_an_id_that_is_no_class_is_named():
    msg = message()
    msg.data[2] = 200
    with pytest.raises(ImageError, match=r"200 is no class of pixels, expected 0\.\.7"):
        segmentation_from_msg(msg)


def test_the_ids_have_names():
    msg = label_info_to_msg(5, "front")
    assert [(c.class_id, c.class_name) for c in msg.class_map] == list(enumerate(SEGMENTS))
    assert (msg.header.frame_id, msg.header.stamp.nanosec) == ("front", 5)


MASKS = hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 65535))


@given(MASKS, st.integers(0, 2**31 * 10**9 - 1))
def test_masks_there_and_back(instances, stamp_ns):
    msg = masks_to_msg(InstanceMasks(stamp_ns, "front", instances))
    assert (msg.encoding, msg.step) == ("mono16", 2 * instances.shape[1])
    back = masks_from_msg(msg)
    assert (back.stamp_ns, back.frame) == (stamp_ns, "front")
    np.testing.assert_array_equal(back.instances, instances)


def test_masks_of_another_byte_order_are_read():
    msg = masks_to_msg(InstanceMasks(5, "front", np.array([[1, 258]], np.uint16)))
    assert bytes(msg.data) == b"\x01\x00\x02\x01"
    msg.is_bigendian = 1
    np.testing.assert_array_equal(masks_from_msg(msg).instances, [[256, 513]])


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("encoding", "mono8", "masks: encoding 'mono8' is none of mono16, 16UC1"),
        ("step", 3, "masks 2x1: step 3, 4 bytes"),
        ("height", 2, "masks 2x2: step 4, 4 bytes"),
    ],
)
def test_what_are_no_masks_is_named(field, value, text):
    msg = masks_to_msg(InstanceMasks(5, "front", np.array([[1, 2]], np.uint16)))
    setattr(msg, field, value)
    with pytest.raises(ImageError, match=text):
        masks_from_msg(msg)
