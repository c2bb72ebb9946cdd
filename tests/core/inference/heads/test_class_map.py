"""Classes of pixels by hand, in each of the forms networks give them."""

import numpy as np
import pytest

from perception_core.errors import ModelError
from perception_core.inference import create_backend
from perception_core.inference.heads import NO_CLASS, create_class_map_head, create_head
from perception_core.inference.model_card import ModelCard

WANTED = np.array([[0, 1, 2, 1, 0], [2, 2, 1, 0, 1]], np.uint8)


def card(segments: int = 3) -> ModelCard:
    names = tuple(f"s{i}" for i in range(segments))
    return ModelCard(
        name="map", file="map.onnx", task="segmentation", family="class_map", segments=names, segment_labels=names
    )


def scores() -> np.ndarray:
    """Return scores (1, 3, 2, 5), any numbers, of which the wanted is the largest."""
    out = np.random.default_rng(0).normal(size=(3, 2, 5)).astype(np.float32)
    np.put_along_axis(out, WANTED[np.newaxis].astype(int), 9.0, axis=0)
    return out[np.newaxis]


FORMS = {
    "scores": scores(),
    "half precision": scores().astype(np.float16),
    "scores last": np.ascontiguousarray(scores().transpose(0, 2, 3, 1)),
    "numbers": WANTED[np.newaxis].astype(np.int64),
    "numbers with a channel": WANTED[np.newaxis, np.newaxis].astype(np.int32),
    "numbers with a channel last": WANTED[np.newaxis, :, :, np.newaxis].astype(np.uint8),
    "numbers as floats": WANTED[np.newaxis].astype(np.float32),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_numbers(tmp_path, networks, form):
    path = networks.write(tmp_path / "map.onnx", {"out": FORMS[form]})
    backend = create_backend(path)
    head = create_class_map_head(card())
    head.warm_up()
    head.check(backend.outputs)
    outputs = backend.run({"images": np.zeros((1, 3, 64, 64), np.float32)})
    np.testing.assert_array_equal(head.read(outputs), WANTED)


def test_the_second_image_of_a_batch():
    both = np.concatenate([scores(), scores()[:, ::-1]])
    np.testing.assert_array_equal(create_class_map_head(card()).read({"o": both}, 1), 2 - WANTED)


def test_a_single_class_holds_where_its_logit_is_positive():
    plane = np.array([[[[1, -1, 0]]]], np.float32)
    assert create_class_map_head(card(1)).read({"o": plane}).tolist() == [[0, NO_CLASS, NO_CLASS]]
    mask = np.array([[[1, 0, 1]]], np.uint8)  # what YOLO26-sem gives of a single class
    assert create_class_map_head(card(1)).read({"o": mask}).tolist() == [[0, NO_CLASS, 0]]


def test_no_class_is_kept():
    plane = np.array([[[0, 255, 2]]], np.uint8)
    assert create_class_map_head(card()).read({"o": plane}).tolist() == [[0, NO_CLASS, 2]]


@pytest.mark.parametrize("number", [3, -1, 0.5, np.nan, 254])
def test_a_number_that_is_no_class_is_an_error(number):
    plane = np.array([[[0, number, 2]]], np.float32)
    with pytest.raises(ModelError, match=f"class {number:g} in output o is none of the card's 3 segments"):
        create_class_map_head(card()).read({"o": plane})


def test_scores_that_are_no_numbers_are_an_error():
    wrong = scores()
    wrong[0, 1, 1, 1] = np.nan
    with pytest.raises(ModelError, match="1 scores of output o are not numbers"):
        create_class_map_head(card()).read({"o": wrong})


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (8, 8), (1, 2, 3, 8, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ModelError, match=r"expected \[1, 3, rows, columns\] or \[1, rows, columns\] for 3 segments"):
        create_class_map_head(card()).read({"o": np.zeros(shape, np.float32)})


def test_the_output_is_found_by_name_among_several(networks):
    multitask = networks.model_card(
        "yolov8", task="multitask", segments=("a", "b", "c"), segment_labels=("", "", ""), segmentation_output="map"
    )
    head = create_class_map_head(multitask)
    boxes = np.zeros((1, 7, 84), np.float32)
    np.testing.assert_array_equal(head.read({"boxes": boxes, "map": scores()}), WANTED)
    with pytest.raises(ModelError, match="no output 'map', got boxes float32"):
        head.read({"boxes": boxes})
    with pytest.raises(ModelError, match=r"one output of classes expected, got a float32 .*; b float32"):
        create_class_map_head(card()).read({"a": scores(), "b": scores()})


def test_heads_of_the_other_kind_are_refused(networks):
    with pytest.raises(ModelError, match="a network for segmentation gives no boxes"):
        create_head(card())
    with pytest.raises(ModelError, match="a network for detection gives no classes of pixels"):
        create_class_map_head(networks.model_card("yolov8"))
