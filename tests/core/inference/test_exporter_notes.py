"""What Ultralytics' exporters write into a file."""

import pytest

from perception_core.errors import ModelError
from perception_core.inference.exporter_notes import read_notes

FULL = {
    "description": "Ultralytics YOLO26n model trained on coco.yaml",
    "author": "Ultralytics",
    "task": "detect",
    "stride": "32",
    "batch": "1",
    "imgsz": "[384, 640]",
    "names": "{0: 'person', 1: 'car'}",
    "args": "{'batch': 1, 'nms': True, 'half': False}",
    "end2end": "True",
}


def test_a_full_set():
    notes = read_notes(FULL)
    assert notes is not None
    assert (notes.package, notes.task, notes.names, notes.stride) == (True, "detect", ("person", "car"), 32)
    assert (notes.image_size, notes.end2end, notes.suppressed) == ((384, 640), True, True)
    assert not notes.transformer


@pytest.mark.parametrize("said", [{"head": "RTDETRDecoder"}, {"description": "Ultralytics RT-DETR-l model"}])
def test_rt_detr_is_named_by_its_head_or_for_people(said):
    notes = read_notes(FULL | said)
    assert notes is not None
    assert notes.transformer


def test_yolov5_writes_two():
    notes = read_notes({"stride": "32", "names": "['person', 'car']"})
    assert notes is not None
    assert (notes.package, notes.names, notes.image_size, notes.end2end) == (False, ("person", "car"), None, False)


@pytest.mark.parametrize("metadata", [{}, {"names": "[1]"}, {"producer": "me"}])
def test_others_write_nothing(metadata):
    assert read_notes(metadata) is None


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("names", "{0: 'person', 2: 'car'}", "names: the numbers of the classes are not 0..1"),
        ("names", "[]", "names: expected a list or a dictionary"),
        ("names", "'person'", "names: expected a list or a dictionary"),
        ("names", "__import__('os')", "no Python literal"),
        ("names", "(" * 5000, "no Python literal"),
        ("names", "", "no Python literal"),
        ("names", "1" * 600_000, "600000 bytes are too many"),
        ("stride", "nan", "stride: 'nan' is no Python literal"),
        ("args", "{", "args: '{' is no Python literal"),
    ],
)
def test_what_cannot_be_read_is_named(key, text, reason):
    with pytest.raises(ModelError, match=reason):
        read_notes(FULL | {key: text})


@pytest.mark.parametrize(("text", "size"), [("640", (640, 640)), ("[640]", None), ("[0, 640]", None), ("None", None)])
def test_sizes(text, size):
    notes = read_notes(FULL | {"imgsz": text})
    assert notes is not None
    assert notes.image_size == size
