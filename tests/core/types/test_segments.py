"""Label images and masks refuse what cannot be one."""

import numpy as np
import pytest

from perception_core.errors import ImageError
from perception_core.types.segments import SEGMENT_INDEX, SEGMENTS, InstanceMasks, Segmentation


def test_an_image_nobody_wrote_is_unknown():
    assert SEGMENTS[0] == "unknown"
    assert [SEGMENT_INDEX[name] for name in SEGMENTS] == list(range(len(SEGMENTS)))


def test_labels_are_read_only_and_the_callers_array_is_not():
    mine = np.zeros((2, 3), np.uint8)
    segmentation = Segmentation(5, "c", mine)
    mine[0, 0] = 1
    assert segmentation.labels[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        segmentation.labels[0, 0] = 2


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.zeros((2, 3), np.int64), r"expected uint8 \(H, W\) with H, W > 0, got int64 \(2, 3\)"),
        (np.zeros((2, 3, 1), np.uint8), r"got uint8 \(2, 3, 1\)"),
        (np.zeros((0, 3), np.uint8), r"got uint8 \(0, 3\)"),
        (np.full((2, 3), 8, np.uint8), r"8 is no class of pixels, expected 0\.\.7"),
    ],
)
def test_labels_that_are_none_are_named(labels, reason):
    with pytest.raises(ImageError, match=rf"segmentation\.labels: .*{reason}"):
        Segmentation(0, "c", labels)


def test_the_mask_of_a_detection():
    masks = InstanceMasks(0, "c", np.array([[0, 1, 2], [2, 2, 1]], np.uint16))
    assert masks.mask(0).tolist() == [[False, True, False], [False, False, True]]
    assert masks.mask(5).sum() == 0
    with pytest.raises(ImageError, match=r"masks\.instances: expected uint16"):
        InstanceMasks(0, "c", np.zeros((2, 3), np.uint8))
