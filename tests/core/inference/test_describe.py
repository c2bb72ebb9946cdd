"""What describe says of each family, how surely, and what it leaves to the card."""

import numpy as np
import onnx
import pytest

from perception_core.camera import CameraConfig, build_detector
from perception_core.errors import ModelError
from perception_core.inference import create_backend
from perception_core.inference.describe import card_from_description, card_template, describe
from perception_core.inference.description import ModelDescription, Sureness
from perception_core.inference.model_card import load_card
from perception_core.inference.registry import packaged_cards
from perception_core.types import CLASSES, SEGMENTS, Image

NAMES = {0: "person", 1: "bicycle", 2: "car"}
YOLOV5 = {"stride": 32, "names": NAMES}
PACKAGE = YOLOV5 | {"task": "detect", "imgsz": [64, 64], "description": "Ultralytics YOLO11n model", "args": {}}
SEGMENT = PACKAGE | {"task": "segment"}
DETR = PACKAGE | {"description": "Ultralytics rtdetr-l model"}
NEW_DETR = PACKAGE | {"head": "RTDETRDecoder", "end2end": False}
FINISHED = {"labels": (1, 300), "boxes": (1, 300, 4), "scores": (1, 300)}

# family, task, end-to-end, sureness of the family, names, outputs, metadata; the input is 64 x 64
FAMILIES = [
    ("yolox", "detection", False, "likely", 5, {"output": (1, 84, 10)}, None),
    ("yolov5", "detection", False, "certain", 3, {"output0": (1, 252, 8)}, YOLOV5),
    ("yolov5", "detection", False, "likely", 3, {"output": (1, 252, 8)}, None),
    (
        "yolov5",
        "detection",
        False,
        "likely",
        3,
        {"a": (1, 3, 8, 8, 8), "b": (1, 3, 4, 4, 8), "c": (1, 3, 2, 2, 8)},
        None,
    ),
    ("yolov5", "instances", False, "certain", 3, {"output0": (1, 252, 40), "output1": (1, 32, 16, 16)}, YOLOV5),
    ("yolov8", "detection", False, "certain", 3, {"output0": (1, 7, 84)}, PACKAGE),
    ("yolov8", "detection", False, "certain", 3, {"output0": (1, 84, 7)}, PACKAGE),
    ("yolov8", "detection", False, "likely", 3, {"output0": (1, 7, 84)}, None),
    ("yolov8", "instances", False, "certain", 3, {"output0": (1, 39, 84), "output1": (1, 32, 16, 16)}, SEGMENT),
    ("yolov8", "instances", False, "likely", 3, {"output0": (1, 39, 84), "output1": (1, 32, 16, 16)}, None),
    ("yolo_end2end", "detection", True, "certain", 3, {"output0": (1, 300, 6)}, PACKAGE | {"end2end": True}),
    ("yolo_end2end", "detection", True, "certain", 3, {"output0": (1, 300, 6)}, PACKAGE | {"args": {"nms": True}}),
    ("yolo_end2end", "detection", True, "certain", 3, {"output0": (1, 300, 6)}, PACKAGE),
    ("yolo_end2end", "detection", True, "likely", None, {"output0": (1, 300, 6)}, None),
    ("yolo_end2end", "instances", True, "certain", 3, {"output0": (1, 300, 38), "output1": (1, 32, 16, 16)}, SEGMENT),
    ("rtdetr", "detection", True, "certain", 3, {"output0": (1, 300, 7)}, DETR),
    ("rtdetr", "detection", True, "certain", 3, {"output0": (1, 300, 6)}, NEW_DETR),
    ("rtdetr", "detection", True, "likely", 80, {"output0": (1, 300, 84)}, None),
    ("rtdetr", "detection", True, "likely", 80, {"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)}, None),
    ("rtdetr", "detection", True, "certain", None, FINISHED, None),
    ("rfdetr", "detection", True, "certain", 90, {"dets": (1, 300, 4), "labels": (1, 300, 91)}, None),
    (
        "rfdetr",
        "instances",
        True,
        "certain",
        2,
        {"dets": (1, 9, 4), "labels": (1, 9, 3), "masks": (1, 9, 16, 16)},
        None,
    ),
    ("nanodet", "detection", False, "likely", 80, {"output": (1, 85, 112)}, None),
    ("nanodet", "detection", False, "likely", 80, {"output": (1, 84, 112)}, None),
    ("fastestdet", "detection", False, "likely", 80, {"758": (1, 85, 4, 4)}, None),
]


def description_of(tmp_path, networks, shapes, metadata=None, **keys) -> ModelDescription:
    outputs = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return describe(networks.write(tmp_path / "tiny.onnx", outputs, metadata=metadata, **keys))


@pytest.mark.parametrize(("family", "task", "end_to_end", "sureness", "count", "shapes", "metadata"), FAMILIES)
def test_every_family_is_told(tmp_path, networks, family, task, end_to_end, sureness, count, shapes, metadata):
    found = description_of(tmp_path, networks, shapes, metadata)
    assert (found.family.value, found.family.sureness) == (family, sureness)
    assert (found.task.value, found.end_to_end.value) == (task, end_to_end)
    assert found.class_count.value == count
    assert (found.width.value, found.height.value, found.batch.value) == (64, 64, 1)
    assert (found.layout.value, found.dtype.value) == ("nchw", "float32")
    assert found.colour.value in ("bgr", "rgb")
    if metadata is None:
        assert found.classes.sureness is Sureness.UNKNOWN
        assert found.colour.sureness is Sureness.LIKELY
        assert found.questions
    else:
        assert found.classes.value == ("person", "bicycle", "car")


@pytest.mark.parametrize(("family", "task", "_end", "sureness", "_count", "shapes", "metadata"), FAMILIES)
def test_the_head_of_the_family_reads_what_was_told(
    tmp_path, networks, family, task, _end, sureness, _count, shapes, metadata
):
    if metadata is None or sureness != "certain":
        return
    found = description_of(tmp_path, networks, shapes, metadata)
    card = card_from_description(found, "tiny", "tiny.onnx")
    assert (card.family, card.task, card.labels) == (family, task, ("person", "bicycle", "car"))
    (tmp_path / "tiny.yaml").unlink(missing_ok=True)
    detector = build_detector(CameraConfig(model=str(tmp_path / "tiny.onnx")))
    detector.warm_up()
    assert detector.card == card


def test_a_signed_file_needs_no_card(tmp_path, networks):
    raw = np.zeros((1, 7, 84), np.float32)
    raw[0, :, 5] = [32, 32, 16, 8, 0, 0, 0.9]
    networks.write(tmp_path / "mine.onnx", {"output0": raw}, metadata=PACKAGE)
    found = build_detector(CameraConfig(model=str(tmp_path / "mine.onnx"))).detect(
        Image(np.zeros((32, 64, 3), np.uint8), 0, "c")
    )
    # A centred letterbox: the image lies in rows 16 to 48.
    np.testing.assert_allclose(found.boxes, [[24, 12, 40, 20]])
    assert [CLASSES[c] for c in found.class_ids] == ["car"]


def test_the_conventions_of_a_signed_file_are_certain(tmp_path, networks):
    found = description_of(tmp_path, networks, {"output0": (1, 7, 84)}, PACKAGE)
    assert found.questions == ()
    assert (found.colour.value, found.letterbox.value, found.pad.value) == ("rgb", "centre", 114.0)
    assert found.scale.value == pytest.approx(1 / 255)
    assert found.strides.value == (8, 16, 32)
    assert "certain" in str(found)


def test_rt_detr_of_ultralytics_stretches(tmp_path, networks):
    assert description_of(tmp_path, networks, {"output0": (1, 300, 7)}, DETR).letterbox.value == "stretch"


def test_two_classes_of_rt_detr_are_not_finished_boxes(tmp_path, networks):
    two = {"names": {0: "car", 1: "person"}}
    assert description_of(tmp_path, networks, {"output0": (1, 300, 6)}, DETR | two).family.value == "rtdetr"
    assert description_of(tmp_path, networks, {"output0": (1, 300, 6)}, PACKAGE | two).family.value == "yolo_end2end"


def test_an_exponential_in_the_graph_means_that_yolox_is_decoded(tmp_path, networks):
    path = networks.write(tmp_path / "tiny.onnx", {"output": np.zeros((1, 84, 10), np.float32)})
    model = onnx.load(path)
    model.graph.node.append(onnx.helper.make_node("Exp", ["mean"], ["unused"]))
    onnx.save(model, path)
    assert describe(path).family.value == "yolov5"


@pytest.mark.parametrize(
    ("array", "sureness", "count"),
    [
        (np.zeros((1, 64, 64), np.int64), "certain", None),
        (np.zeros((1, 1, 64, 64), np.uint8), "certain", None),
        (np.zeros((1, 64, 64), np.float32), "likely", None),
        (np.zeros((1, 19, 16, 16), np.float32), "likely", 19),
        (np.zeros((1, 8, 8, 6), np.float32), "likely", 6),
    ],
)
def test_class_maps(tmp_path, networks, array, sureness, count):
    found = describe(networks.write(tmp_path / "map.onnx", {"out": array}))
    assert (found.family.value, found.family.sureness, found.task.value) == ("class_map", sureness, "segmentation")
    assert f"{count} names" in found.segments.reason if count else "names" not in found.segments.reason
    assert any(question.startswith("colour") for question in found.questions)


def test_several_tasks(tmp_path, networks):
    found = description_of(tmp_path, networks, {"boxes": (1, 7, 84), "map": (1, 6, 32, 32)})
    assert (found.family.value, found.task.value) == ("yolov8", "multitask")
    assert found.segmentation_output.value == "map"
    assert any(question.startswith("segments: 6 names are needed") for question in found.questions)


def test_open_sizes_come_from_metadata_or_the_card(tmp_path, networks):
    open_input, declared = ("batch", 3, "height", "width"), {"output0": ["batch", 7, "anchors"]}
    shapes = {"output0": (1, 7, 84)}
    signed = description_of(tmp_path, networks, shapes, PACKAGE, input_shape=open_input, declared=declared)
    assert (signed.width.value, signed.batch.value, signed.family.value) == (64, "any", "yolov8")
    assert (signed.strides.value, signed.strides.sureness) == ((8, 16, 32), "likely")
    assert signed.questions == ()
    plain = description_of(tmp_path, networks, shapes, None, input_shape=open_input, declared=declared)
    assert (plain.width.value, plain.family.value, plain.family.sureness) == (None, "yolov8", "likely")
    assert any(q.startswith("width, height: the input is open") for q in plain.questions)


@pytest.mark.parametrize(
    ("metadata", "family", "task"),
    [
        (PACKAGE, "yolov8", "detection"),
        (PACKAGE | {"end2end": True}, "yolo_end2end", "detection"),
        (NEW_DETR, "rtdetr", "detection"),
        (SEGMENT, "yolov8", "instances"),
    ],
)
def test_open_outputs_of_the_package_are_what_metadata_says(tmp_path, networks, metadata, family, task):
    shapes = {"yolov8": (1, 7, 84), "yolo_end2end": (1, 300, 6), "rtdetr": (1, 300, 6)}
    outputs = (
        {"output0": shapes[family]} if task == "detection" else {"output0": (1, 39, 84), "output1": (1, 32, 16, 16)}
    )
    declared = {name: [f"{name}_{i}" for i in range(len(shape))] for name, shape in outputs.items()}
    found = description_of(tmp_path, networks, outputs, metadata, declared=declared)
    assert (found.family.value, found.family.sureness, found.task.value) == (family, "certain", task)
    assert found.questions == ()
    build_detector(CameraConfig(model=str(tmp_path / "tiny.onnx"))).warm_up()


def test_semantic_segmentation_of_the_package(tmp_path, networks):
    metadata = PACKAGE | {"task": "semantic", "names": {0: "road", 1: "sky", 2: "bird"}}
    numbers = np.zeros((1, 64, 64), np.uint8)
    numbers[0, 32:] = 1
    path = networks.write(tmp_path / "sem.onnx", {"output0": numbers}, metadata=metadata)
    found = describe(path)
    assert (found.family.value, found.task.value, found.questions) == ("class_map", "segmentation", ())
    detector = build_detector(CameraConfig(model=str(path)))
    assert detector.card.segment_labels == ("ground", "sky", "")
    labels = detector.perceive(Image(np.zeros((64, 64, 3), np.uint8), 0, "c")).segmentation.labels
    assert (SEGMENTS[labels[0, 0]], SEGMENTS[labels[63, 63]]) == ("ground", "sky")


def test_channels_last_and_nowhere(tmp_path, networks):
    shapes = {"output0": (1, 7, 84)}
    last = description_of(tmp_path, networks, shapes, PACKAGE, input_shape=(1, 64, 64, 3))
    assert (last.layout.value, last.width.value) == ("nhwc", 64)
    nowhere = description_of(tmp_path, networks, shapes, None, input_shape=("b", "c", "h", "w"))
    assert (nowhere.layout.value, nowhere.layout.sureness) == ("nchw", "likely")


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 64, 64, 1), (64,)])
def test_an_input_of_the_wrong_rank_is_named(tmp_path, networks, shape):
    with pytest.raises(ModelError, match=r"tiny\.onnx: expected .*image.* got images float32"):
        description_of(tmp_path, networks, {"o": (1, 7, 84)}, None, input_shape=shape)


@pytest.mark.parametrize("task", ["pose", "obb", "classify", "depth"])
def test_other_tasks_of_ultralytics_are_named(tmp_path, networks, task):
    found = description_of(tmp_path, networks, {"output0": (1, 56, 84)}, PACKAGE | {"task": task})
    assert found.family.value is None
    with pytest.raises(ModelError, match=f"task, family: metadata says task '{task}', which cannot be read"):
        card_from_description(found, "tiny", "tiny.onnx")


def test_mmdeploy_s_names_are_not_rf_detr(tmp_path, networks):
    found = description_of(tmp_path, networks, {"dets": (1, 100, 5), "labels": (1, 100)})
    assert found.family.sureness is Sureness.UNKNOWN


def test_outputs_of_no_known_family(tmp_path, networks):
    found = description_of(tmp_path, networks, {"features": (1, 512)})
    assert found.family.sureness is Sureness.UNKNOWN
    with pytest.raises(ModelError, match="the outputs are of no family known here"):
        card_from_description(found, "tiny", "tiny.onnx")


def test_names_that_do_not_fit_the_outputs_are_named(tmp_path, networks):
    found = description_of(tmp_path, networks, {"output0": (1, 300, 9)}, DETR)
    with pytest.raises(ModelError, match="metadata has 3 names, the outputs have 5 classes"):
        card_from_description(found, "tiny", "tiny.onnx")


def test_an_ambiguous_file_says_what_its_card_has_to_say(tmp_path, networks):
    found = description_of(tmp_path, networks, {"output": (1, 84, 10)})
    with pytest.raises(ModelError) as caught:
        card_from_description(found, "tiny", "tiny.onnx")
    message = str(caught.value)
    assert "tiny.onnx: the file does not tell enough" in message
    assert "family: probably yolox (an anchor for each of 84 cells" in message
    assert "colour, scale, mean, std, letterbox, pad: probably bgr, 1, " in message
    assert "classes: 5 names are needed" in message
    assert "\n" not in message


@pytest.mark.parametrize(("family", "task", "_end", "_sureness", "count", "shapes", "metadata"), FAMILIES)
def test_the_template_is_a_card_once_the_names_are_filled_in(
    tmp_path, networks, family, task, _end, _sureness, count, shapes, metadata
):
    found = description_of(tmp_path, networks, shapes, metadata)
    text = card_template(found, "tiny", "tiny.onnx").replace("- NAME: LABEL", "- car: car")
    (tmp_path / "card.yaml").write_text(text)
    card = load_card(tmp_path / "card.yaml")
    assert (card.family, card.task) == (family, task)
    assert (len(card.classes) == count) is (metadata is not None)


def test_the_template_quotes_odd_names(tmp_path, networks):
    odd = PACKAGE | {"names": {0: "no: 1", 1: "it's", 2: "yes"}}
    found = description_of(tmp_path, networks, {"output0": (1, 7, 84)}, odd)
    (tmp_path / "card.yaml").write_text(card_template(found, "tiny", "tiny.onnx"))
    assert load_card(tmp_path / "card.yaml").classes == ("no: 1", "it's", "yes")


def test_a_backend_is_described_too(tmp_path, networks):
    path = networks.write(tmp_path / "tiny.onnx", {"output0": np.zeros((1, 7, 84), np.float32)}, metadata=PACKAGE)
    assert describe(create_backend(path)) == describe(path) == describe(str(path))


def test_the_real_network_is_what_its_card_says(perception_models):
    found, card = describe(perception_models / "yolox_nano.onnx"), packaged_cards()["yolox_nano"]
    assert (found.family.value, found.class_count.value, found.strides.value) == (card.family, 80, card.strides)
    for name in ("width", "height", "colour", "scale", "mean", "std", "letterbox", "pad", "layout"):
        assert getattr(found, name).value == getattr(card.input, name)
