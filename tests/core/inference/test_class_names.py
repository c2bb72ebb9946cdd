"""Names of data sets in the stack's words."""

import pytest

from perception_core.inference.class_names import object_label, segment_label
from perception_core.inference.registry import packaged_cards
from perception_core.types.classes import CLASSES
from perception_core.types.segments import SEGMENTS


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("car", "car"),
        ("Pedestrian", "person"),
        ("MOTORBIKE", "motorcycle"),
        ("Person_sitting", "person"),
        ("construction-vehicle", "truck"),
        ("tram", "train"),
        ("dog", "animal"),
        ("toothbrush", ""),
        ("", ""),
    ],
)
def test_objects(name, label):
    assert object_label(name) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("road", "ground"),
        ("Guard Rail", "structure"),
        ("sky", "sky"),
        ("rider", "person"),
        ("bicycle", "vehicle"),
        ("unlabeled", ""),
        ("ground", "ground"),
    ],
)
def test_segments(name, label):
    assert segment_label(name) == label


def test_coco_s_names_mean_what_the_packaged_card_says():
    card = packaged_cards()["yolox_nano"]
    assert tuple(object_label(name) for name in card.classes) == card.labels


def test_the_vocabularies_keep_their_own_words():
    assert all(object_label(name) == name for name in CLASSES)
    assert all(segment_label(name) == name for name in SEGMENTS)
