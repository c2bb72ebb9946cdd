"""From an image to boxes in its own pixels, through real networks."""

import numpy as np
import pytest

from perception_core.camera import CameraConfig, CameraDetector, build_detector
from perception_core.camera.detector import class_table
from perception_core.config import specs
from perception_core.errors import ConfigError, ModelError
from perception_core.inference import InferenceConfig, create_backend, load_card
from perception_core.types import CLASSES, Image
from perception_core.types.classes import INDEX

PERSON, BICYCLE, MOTORCYCLE, CAR, TRAFFIC_LIGHT = range(5, 10)
"""Columns of the tiny network's classes in its output."""


@pytest.fixture
def build(tmp_path, networks):
    """Build a detector around a network that always returns ``output``."""

    def build_around(output, config=None, card=networks.CARD, **network) -> CameraDetector:
        networks.constant_network(tmp_path / "tiny.onnx", output, **network)
        (tmp_path / "tiny.yaml").write_text(card)
        return build_detector(config or CameraConfig(model="tiny"), [tmp_path])

    return build_around


def put(output: np.ndarray, cell: tuple[int, int], size: tuple[float, float], column: int, score: float = 0.8) -> None:
    """Write a box of ``size`` pixels around the corner of a cell (column, row) of stride 8 on 64 x 64."""
    anchor = cell[1] * 8 + cell[0]
    output[0, anchor, :5] = [0, 0, np.log(size[0] / 8), np.log(size[1] / 8), 1.0]
    output[0, anchor, column] = score


def image(width: int, height: int) -> Image:
    return Image(np.zeros((height, width, 3), np.uint8), 123_456_789, "front_optical")


def named(found) -> list[str]:
    return [CLASSES[c] for c in found.class_ids]


def test_nothing_is_an_empty_result_with_the_image_s_stamp_frame_and_size(build, networks):
    found = build(networks.empty_output()).detect(image(128, 32))
    assert len(found) == 0
    assert (found.stamp_ns, found.frame, found.image_size) == (123_456_789, "front_optical", (128, 32))


def test_a_box_comes_back_in_pixels_of_the_image(build, networks):
    output = networks.empty_output()
    put(output, (4, 1), (16, 8), CAR)  # centre (32, 8) on 64 x 64
    found = build(output).detect(image(256, 128))  # scale 1/4
    np.testing.assert_allclose(found.boxes, [[96, 16, 160, 48]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.8], atol=1e-6)
    assert named(found) == ["car"]


def test_a_centred_letterbox_is_taken_off(build, networks):
    output = networks.empty_output()
    put(output, (4, 4), (16, 8), CAR)  # centre (32, 32)
    card = networks.CARD.replace("top_left", "centre")
    found = build(output, card=card).detect(image(256, 128))  # 64 x 32 at (0, 16)
    np.testing.assert_allclose(found.boxes, [[96, 48, 160, 80]], atol=1e-4)


def test_boxes_are_clipped_and_those_in_the_padding_vanish(build, networks):
    output = networks.empty_output()
    put(output, (0, 0), (16, 16), CAR)
    put(output, (4, 6), (8, 8), CAR)  # centre (32, 48): below the image, which ends at 32
    found = build(output).detect(image(64, 32))
    np.testing.assert_allclose(found.boxes, [[0, 0, 8, 8]], atol=1e-5)


def test_classes_outside_the_vocabulary_are_dropped(build, networks):
    output = networks.empty_output()
    put(output, (4, 4), (16, 8), TRAFFIC_LIGHT, 0.99)
    assert len(build(output).detect(image(64, 64))) == 0


def test_a_person_on_a_bicycle_is_a_cyclist(build, networks):
    output = networks.empty_output()
    put(output, (4, 4), (16, 10), BICYCLE, 0.6)  # 24..40, 27..37
    put(output, (4, 3), (8, 18), PERSON, 0.9)  # 28..36, 15..33: overlap 48 of 144
    found = build(output).detect(image(64, 64))
    assert named(found) == ["cyclist"]
    np.testing.assert_allclose(found.boxes, [[24, 15, 40, 37]], atol=1e-4)


def test_one_thing_with_two_names_keeps_the_better(build, networks):
    output = networks.empty_output()
    put(output, (4, 4), (16, 16), CAR, 0.7)
    output[0, 4 * 8 + 5] = output[0, 4 * 8 + 4]
    output[0, 4 * 8 + 5, [0, CAR, MOTORCYCLE]] = [-1, 0, 0.8]
    assert named(build(output).detect(image(64, 64))) == ["motorcycle"]
    both = CameraConfig(model="tiny", duplicate_iou=1.0)
    assert named(build(output, both).detect(image(64, 64))) == ["motorcycle", "car"]


def test_thresholds_of_the_configuration_go_before_the_card_s(build, networks):
    output = networks.empty_output()
    for i in range(4):
        put(output, (2 * i, 4), (8, 8), CAR, 0.2 + 0.2 * i)
    picture = image(64, 64)
    assert build(output).detect(picture).scores.tolist() == pytest.approx([0.8, 0.6, 0.4])  # the card says 0.3
    assert len(build(output, CameraConfig(model="tiny", score_threshold=0.5)).detect(picture)) == 2
    assert len(build(output, CameraConfig(model="tiny", max_detections=1)).detect(picture)) == 1


def test_overlapping_boxes_of_a_class_are_one(build, networks):
    output = networks.empty_output()
    put(output, (4, 4), (32, 32), CAR, 0.7)
    put(output, (5, 4), (32, 32), CAR, 0.8)  # shifted by 8: 24 / 40 = 0.6
    assert len(build(output).detect(image(64, 64))) == 1
    assert len(build(output, CameraConfig(model="tiny", nms_iou=0.61)).detect(image(64, 64))) == 2


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8000, 6000), (2, 3000)])
def test_any_size_of_image_gives_finite_boxes_inside_it(build, networks, width, height):
    rng = np.random.default_rng(0)
    output = rng.normal(size=(1, networks.ANCHORS, 10)).astype(np.float32)
    output[..., 4:] = rng.uniform(size=(1, networks.ANCHORS, 6))
    found = build(output, CameraConfig(model="tiny", score_threshold=0.01)).detect(image(width, height))
    assert np.isfinite(found.boxes).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [width, height, width, height]).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


def test_the_network_sees_the_pixels_in_the_order_of_the_card(tmp_path, networks):
    # The output is the input: of 3 x 64 x 10 values only the first box's objectness is looked at.
    helper_nodes = [
        networks.helper.make_node("Slice", ["images", "starts", "ends"], ["part"]),
        networks.helper.make_node("Reshape", ["part", "shape"], ["pixel"]),
        networks.helper.make_node("Div", ["pixel", "hundred"], ["score"]),
        networks.helper.make_node("Add", ["known", "score"], ["output"]),
    ]
    known = np.zeros((1, networks.ANCHORS, 10), np.float32)
    constants = {
        "starts": np.array([0, 0, 0, 0], np.int64),
        "ends": np.array([1, 1, 1, 1], np.int64),
        "shape": np.array([1, 1, 1], np.int64),
        "hundred": np.array(100, np.float32),
        "known": known,
    }
    arrays = [networks.numpy_helper.from_array(value, name) for name, value in constants.items()]
    path = networks.save(tmp_path / "tiny.onnx", helper_nodes, arrays, (1, 3, 64, 64), list(known.shape))
    pixels = np.full((64, 64, 3), (40, 0, 90), np.uint8)  # blue 40, red 90: scores 0.4 and 0.9, squared 0.16, 0.81
    for colour, score in (("bgr", 0.16), ("rgb", 0.81)):
        (tmp_path / "tiny.yaml").write_text(networks.CARD.replace("bgr", colour))
        detector = build_detector(CameraConfig(model=str(path), score_threshold=0.1, nms_iou=1.0))
        assert detector.detect(Image(pixels, 0, "c")).scores[0] == pytest.approx(score, abs=1e-6)


def test_warming_up_runs_everything_and_leaves_no_timings(build, networks):
    detector = build(networks.empty_output())
    assert detector.timings == {}
    detector.warm_up()
    assert detector.timings == {}
    detector.detect(image(64, 64))
    assert set(detector.timings) == {"preprocess", "inference", "postprocess"}
    assert all(0 <= ms < 1000 for ms in detector.timings.values())


def test_a_broken_output_of_open_shape_shows_at_warm_up(tmp_path, networks):
    # The number of anchors follows from the image's height, which the file leaves open: 64 + 19 = 83.
    nodes = [
        networks.helper.make_node("Shape", ["images"], ["height"], start=2, end=3),
        networks.helper.make_node("Add", ["height", "nineteen"], ["anchors"]),
        networks.helper.make_node("Slice", ["known", "zero", "anchors", "one"], ["output"]),
    ]
    constants = {"zero": [0], "one": [1], "nineteen": [19]}
    arrays = [networks.numpy_helper.from_array(np.array(v, np.int64), name) for name, v in constants.items()]
    arrays.append(networks.numpy_helper.from_array(networks.empty_output(), "known"))
    networks.save(tmp_path / "tiny.onnx", nodes, arrays, (1, 3, "height", "width"), [1, "anchors", 10])
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    detector = build_detector(CameraConfig(model="tiny"), [tmp_path])
    assert detector.backend.inputs[0].shape == (1, 3, None, None)
    with pytest.raises(ModelError, match="83 anchors fit no pyramid"):
        detector.warm_up()


@pytest.mark.parametrize(
    ("output", "network", "reason"),
    [
        ((1, 84, 85), {}, r"tiny\.onnx: tiny: expected an output \[1, anchors, 10\] for 5 classes"),
        ((84, 10), {}, r"tiny\.onnx: tiny: expected an output"),
        ((1, 84, 10), {"input_shape": (1, 3, 32, 64)}, r"the card says 64x64 \(width x height\), the file images"),
        ((1, 84, 10), {"input_shape": (3, 64, 64)}, r"expected an input float32 \[1, 3, H, W\]"),
        ((1, 84, 10), {"input_shape": (1, 1, 64, 64)}, r"expected an input float32 \[1, 3, H, W\]"),
    ],
)
def test_networks_that_do_not_fit_their_card_are_refused(build, output, network, reason):
    with pytest.raises(ModelError, match=reason):
        build(np.zeros(output, np.float32), **network)


def test_a_label_outside_the_vocabulary_is_named(build, networks):
    card = networks.CARD.replace("car: car", "car: automobile")
    with pytest.raises(ModelError, match="label 'automobile' of class 'car' is none of car, truck"):
        build(networks.empty_output(), card=card)


def test_no_weights_are_a_model_error(tmp_path):
    with pytest.raises(ModelError, match=r"no yolox_nano\.onnx in .*can be had from"):
        build_detector(CameraConfig(), [tmp_path])
    with pytest.raises(ModelError, match="any folder"):
        build_detector()


def test_a_file_that_is_no_network_is_a_model_error(tmp_path, networks):
    (tmp_path / "tiny.onnx").write_bytes(b"no network")
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    with pytest.raises(ModelError, match=r"tiny\.onnx: ONNX Runtime cannot load it"):
        build_detector(CameraConfig(model="tiny"), [tmp_path])


def test_an_engine_that_is_not_here_is_a_model_error(build, networks):
    config = CameraConfig(model="tiny", inference=InferenceConfig(backend="tensorrt"))
    with pytest.raises(ModelError, match="'tensorrt' is not available; available here: auto, onnxruntime"):
        build(networks.empty_output(), config)


def test_a_closed_detector_says_so(build, networks):
    detector = build(networks.empty_output())
    detector.close()
    with pytest.raises(ModelError, match="closed"):
        detector.detect(image(64, 64))


def test_backend_and_card_can_be_joined_by_hand(tmp_path, networks):
    path = networks.constant_network(tmp_path / "any.onnx", networks.empty_output())
    (tmp_path / "card.yaml").write_text(networks.CARD)
    card = load_card(tmp_path / "card.yaml")
    detector = CameraDetector(create_backend(path), card)
    assert detector.card is card
    assert detector.backend.path == str(path)
    assert class_table(card).tolist() == [INDEX["person"], INDEX["bicycle"], INDEX["motorcycle"], INDEX["car"], -1]


def test_parameters_are_listed_and_checked():
    assert {s.name for s in specs(CameraConfig)} >= {
        "model",
        "max_detections",
        "inference.backend",
        "inference.threads",
    }
    with pytest.raises(ConfigError, match=r"score_threshold: 1.5 is out of range, expected 0 to 1"):
        CameraConfig(score_threshold=1.5)
