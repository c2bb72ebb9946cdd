"""The cards that come along: complete, free to use, and such that the published outputs can be read with them."""

import numpy as np
import pytest

from perception_core.camera.detector import CameraDetector, class_table, segment_table
from perception_core.errors import ConfigError, ModelError
from perception_core.inference import create_backend, packaged_cards
from perception_core.inference.model_card import parse_card
from perception_core.inference.registry import find_model, packaged_weights
from perception_core.types import Image

CARDS = packaged_cards()
FREE = {"Apache-2.0", "MIT", "BSD-3-Clause"}

UNCHECKED = {"yolop_road"}
"""Whose files nobody here has had: they are loaded only where that is said."""

OUTPUTS = {
    "yolox_nano": {"output": (1, 3549, 85)},  # 52 * 52 + 26 * 26 + 13 * 13
    "yolox_tiny": {"output": (1, 3549, 85)},
    "yolox_s": {"output": (1, 8400, 85)},  # 80 * 80 + 40 * 40 + 20 * 20
    "nanodet_plus_m": {"output": (1, 3598, 112)},  # and 7 * 7 of stride 64; 80 classes, 4 sides of 8
    "fastestdet": {"758": (1, 85, 22, 22)},
    "fcn_resnet50": {"out": (1, 21, 52, 52), "aux": (1, 21, 52, 52)},  # as few as will do
    "yolop_road": {
        "det_out": (1, 25200, 6),
        "drive_area_seg": (1, 2, 640, 640),
        "lane_line_seg": (1, 2, 640, 640),
    },
    "pp_humanseg": {"save_infer_model/scale_0.tmp_1": (1, 2, 192, 192)},
}


@pytest.mark.parametrize("card", CARDS.values(), ids=list(CARDS))
def test_a_card_says_where_from_under_which_licence_and_what_exactly(card):
    assert card.licence in FREE
    assert card.sha256 or card.name in UNCHECKED
    if not (packaged_weights() / card.file).is_file():
        assert all(url.startswith("https://") for url in (card.source, *card.mirrors))
    if card.detects:
        assert (class_table(card) >= 0).any()
    if card.segments_pixels:
        assert len(segment_table(card)) == 256


def test_there_is_a_choice_of_detectors_and_segmenters():
    tasks = [card.task for card in CARDS.values()]
    assert {"yolox_nano", "yolox_tiny", "yolox_s"} <= CARDS.keys()
    assert tasks.count("detection") >= 5
    assert tasks.count("segmentation") >= 3


@pytest.mark.parametrize("name", sorted(UNCHECKED))
def test_a_file_that_nobody_checked_is_refused_without_the_flag(name, tmp_path):
    (tmp_path / CARDS[name].file).write_bytes(b"content")
    with pytest.raises(ModelError, match=f"the sha256 of {name} was never checked"):
        find_model(name, [tmp_path])
    assert find_model(name, [tmp_path], unchecked=True)[1] == CARDS[name]


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_of_the_published_shapes_are_read(name, networks, tmp_path):
    card = CARDS[name]
    outputs = {output: np.full(shape, -9.0, np.float32) for output, shape in OUTPUTS[name].items()}
    if card.detects:
        outputs = {output: np.zeros_like(array) for output, array in outputs.items()}
    path = networks.write(tmp_path / card.file, outputs, (1, 3, card.input.height, card.input.width))
    result = CameraDetector(create_backend(path), card).perceive(Image(np.zeros((90, 160, 3), np.uint8), 7, "camera"))
    if card.detects:
        assert len(result.detections.boxes) == 0
    else:
        assert result.detections is None
        assert result.segmentation.labels.shape == (90, 160)


def test_a_segmenter_of_several_outputs_says_which_one():
    values = {"name": "a", "task": "segmentation", "family": "class_map", "file": "a.onnx", "segments": ["x", "y"]}
    spec = {"width": 8, "height": 8, "colour": "rgb", "scale": 1.0, "letterbox": "stretch", "pad": 0.0}
    spec |= {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    assert parse_card(values | {"input": spec, "segmentation_output": "out"}).segmentation_output == "out"
    values |= {"task": "detection", "family": "yolox", "classes": ["x"], "score_threshold": 0.3, "nms_iou": 0.5}
    with pytest.raises(ConfigError, match="segmentation_output: the task detection has none"):
        parse_card(values | {"input": spec, "segmentation_output": "out"})
