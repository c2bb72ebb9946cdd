"""Model cards: everything is stated, nothing is guessed, every mistake is named."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import ConfigError, ModelError
from perception_core.inference.model_card import ModelCard, load_card, parse_card
from perception_core.inference.registry import packaged_cards
from perception_core.types.classes import CLASSES


@pytest.fixture
def write(tmp_path, networks):
    """Write the tiny card with one text replaced by another."""

    def write_card(old: str = "", new: str = "") -> Path:
        assert old in networks.CARD
        path = tmp_path / "tiny.yaml"
        path.write_text(networks.CARD.replace(old, new, 1) if old else networks.CARD)
        return path

    return write_card


def test_a_card_is_read(write):
    card = load_card(write())
    assert card.classes == ("person", "bicycle", "motorcycle", "car", "traffic light")
    assert card.labels == ("person", "bicycle", "motorcycle", "car", "")
    assert (card.input.width, card.input.height, card.input.pad) == (64, 64, 114.0)
    assert card.strides == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("family: yolox", "family: yolo99", "family: 'yolo99' is none of yolox, yolov5"),
        ("task: detection", "task: poetry", "task: 'poetry' is none of detection, segmentation"),
        ("  colour: bgr", "  colour: grb", "colour: 'grb' is none of bgr, rgb"),
        ("  colour: bgr\n", "", "input.colour: missing"),
        ("nms_iou: 0.45\n", "", "nms_iou: missing"),
        ("nms_iou: 0.45", "nms_iou: 1.5", "nms_iou: 1.5 is out of range, expected 0 to 1"),
        ("nms_iou: 0.45", "nms_iou: high", "nms_iou: expected float, got 'high'"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nanchor: 5", "anchor: unknown parameter"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nnms_iou: 0.6", "repeated key"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nlabels: [car]", "labels: unknown parameter"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nsha256: [ABC]", "sha256: 'ABC' is not 64"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nstrides: [0]", "strides.*0 is out of range"),
        ("file: tiny.onnx", "file: ../tiny.onnx", "file: '../tiny.onnx' is not a plain name"),
        ("file: tiny.onnx", "file: a..onnx", "is not a plain name"),
        ("name: tiny", "name: ''", "name: '' is not a plain name"),
        ("  width: 64", "  width: 0", "width: 0 is out of range"),
        ("  std: [1.0, 1.0, 1.0]", "  std: [1.0, 0.0, 1.0]", r"std\[1\]: 0.0 is out of range"),
        ("  mean: [0.0, 0.0, 0.0]", "  mean: [0.0]", "mean: expected 3 values"),
        ("  - traffic light", "  - 7", r"classes\[4\]: expected a name or name: label, got 7"),
        ("  - car: car", "  - {car: car, truck: truck}", r"classes\[3\]"),
        ("input:\n", "input: 3\nrest:\n", "input: expected a group"),
    ],
)
def test_a_mistake_is_named_with_the_file(write, old, new, reason):
    with pytest.raises(ModelError, match=rf"(?s)tiny\.yaml: .*{reason}"):
        load_card(write(old, new))


@pytest.mark.parametrize(
    "content", ["", "- a\n- b\n", "just words", "a: [", "\x00\x01", "? [a]\n: b\n", "a: !!python/object:os.system {}"]
)
def test_a_file_that_is_no_card_is_named(tmp_path, content):
    path = tmp_path / "odd.yaml"
    path.write_text(content)
    with pytest.raises(ModelError, match=r"odd\.yaml: "):
        load_card(path)


def test_a_missing_file_and_bytes_that_are_no_text_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.yaml: cannot read"):
        load_card(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ModelError, match=r"bytes\.yaml: cannot read"):
        load_card(tmp_path / "bytes.yaml")


SEGMENTATION = """\
name: surfaces
task: segmentation
family: class_map
file: surfaces.onnx
input: {width: 64, height: 32, colour: rgb, scale: 1.0, mean: [0, 0, 0], std: [1, 1, 1], letterbox: stretch, pad: 0,
  layout: nhwc}
segments:
  - road: ground
  - hood
"""


def test_a_card_of_segmentation_needs_no_thresholds_and_no_classes(tmp_path):
    path = tmp_path / "surfaces.yaml"
    path.write_text(SEGMENTATION)
    card = load_card(path)
    assert (card.segments, card.segment_labels) == (("road", "hood"), ("ground", ""))
    assert (card.detects, card.segments_pixels, card.input.layout) == (False, True, "nhwc")


def test_a_card_of_several_tasks(write):
    card = load_card(write("task: detection\nfamily: yolox", MULTITASK))
    assert (card.task, card.box_units, card.segmentation_output) == ("multitask", "share", "map")
    assert card.segments == ("road",)
    assert card.detects
    assert card.segments_pixels


MULTITASK = """\
task: multitask
family: yolov8
box_units: share
segmentation_output: map
segments: [road: ground]"""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("family: yolox", "family: class_map", "family: 'class_map' is none for the task detection"),
        (
            "task: detection",
            "task: segmentation\nsegments: [road]",
            "family: 'yolox' is none for the task segmentation",
        ),
        ("task: detection", "task: segmentation", "segments: missing in the model card"),
        ("task: detection", "task: multitask", "segments: missing in the model card"),
        ("task: detection", "task: multitask\nsegments: [road]", "segmentation_output: needed for the task multitask"),
        ("task: detection", "task: multitask\nsegments: []", "segments: the list is empty"),
        (
            "task: detection",
            "task: detection\nsegmentation_output: map",
            "segmentation_output: the task detection has none",
        ),
        ("task: detection", "task: instances", "masks can be read, not of 'yolox'"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nanchors: [1, 2, 3]", "anchors: expected pairs of width and height, got 3"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nanchors: [-1, 2]", r"anchors\[0\]: -1.0 is out of range"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nbox_units: metres", "box_units: 'metres' is none of family, pixels, share"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nsegments: 5", "segments: expected a list, got 5"),
        ("nms_iou: 0.45", "nms_iou: 0.45\nsegment_labels: [a]", "segment_labels: unknown parameter; write them in"),
        ("  pad: 114.0", "  pad: 114.0\n  layout: chwn", "layout: 'chwn' is none of nchw, nhwc"),
    ],
)
def test_what_does_not_go_together_is_named(write, old, new, reason):
    with pytest.raises(ModelError, match=rf"tiny\.yaml: .*{reason}"):
        load_card(write(old, new))


def test_more_segments_than_a_byte_holds_are_refused():
    many = tuple(f"s{i}" for i in range(256))
    with pytest.raises(ConfigError, match="segments: 256 are more than 255"):
        ModelCard(
            name="a", file="a", task="segmentation", family="class_map", segments=many, segment_labels=("",) * 256
        )


def test_no_classes_are_refused():
    with pytest.raises(ConfigError, match="classes: the list is empty"):
        ModelCard(name="a", file="a.onnx")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(ModelCard.__dataclass_fields__)), value=_JSON)
def test_any_value_in_any_place_is_a_card_or_a_config_error(networks, key, value):
    content = yaml.safe_load(networks.CARD) | {key: value}
    try:
        card = parse_card(content)
    except ConfigError:
        return
    assert len(card.labels) == len(card.classes) > 0


def test_the_packaged_cards_load_and_keep_only_classes_of_the_vocabulary():
    cards = packaged_cards()
    assert "yolox_nano" in cards
    for card in cards.values():
        assert card.licence
        assert {label for label in card.labels if label} <= set(CLASSES)


def test_yolox_nano_keeps_road_users_and_drops_traffic_lights():
    card = packaged_cards()["yolox_nano"]
    labels = dict(zip(card.classes, card.labels, strict=True))
    assert len(card.classes) == 80
    assert (card.classes[0], card.classes[9], card.classes[79]) == ("person", "traffic light", "toothbrush")
    assert labels["truck"] == "truck"
    assert labels["dog"] == "animal"
    assert labels["traffic light"] == labels["boat"] == labels["toothbrush"] == ""
