"""One network or two for the images of several cameras; what nobody asks for is not worked out."""

import numpy as np
import pytest
from onnx import helper

from perception_core.camera import CameraConfig, CameraNetworks, build_networks
from perception_core.camera.batching import Batching
from perception_core.errors import ModelError
from perception_core.inference import InferenceConfig
from perception_core.types import Image

INPUT = """\
input: {width: 64, height: 64, colour: bgr, scale: 1.0, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0],
        letterbox: stretch, pad: 0.0}
"""
SURFACES = f"""\
name: surfaces
task: segmentation
family: class_map
file: surfaces.onnx
{INPUT}segments: [road: ground, sky: sky]
"""
BOTH = f"""\
name: both
task: multitask
family: yolov8
file: both.onnx
{INPUT}score_threshold: 0.3
nms_iou: 0.45
classes: [car: car]
segments: [road: ground, sky: sky]
segmentation_output: map
"""


@pytest.fixture
def models(tmp_path, networks):
    """A folder with `tiny` (boxes), `surfaces` (sky over ground) and `both`, of which the last takes any batch."""
    networks.constant_network(tmp_path / "tiny.onnx", networks.empty_output())
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    scores = np.zeros((1, 2, 16, 16), np.float32)
    scores[:, 1, :8], scores[:, 0, 8:] = 1, 1
    boxes = np.zeros((1, 5, 84), np.float32)
    boxes[0, :, 0] = [32, 32, 16, 8, 0.9]
    networks.write(tmp_path / "surfaces.onnx", {"map": scores})
    (tmp_path / "surfaces.yaml").write_text(SURFACES)
    both = {"boxes": np.repeat(boxes, 2, 0), "map": np.repeat(scores, 2, 0)}
    networks.write(tmp_path / "both.onnx", both, ("batch", 3, 64, 64))
    (tmp_path / "both.yaml").write_text(BOTH)
    return tmp_path


def image(stamp_ns: int = 7) -> Image:
    return Image(np.full((128, 64, 3), 90, np.uint8), stamp_ns, "front")


def test_a_second_network_gives_the_pixels(models):
    made = build_networks(CameraConfig(model="tiny", segmentation_model="surfaces"), [models])
    made.warm_up()
    assert (made.detects, made.segments, made.fault) == (True, True, "")
    result = made.perceive(image())
    assert len(result.detections) == 0
    assert (result.segmentation.labels[:64] == 6).all()
    assert (result.segmentation.labels[64:] == 1).all()
    assert set(made.timings) >= {"inference", "segmenter.inference"}
    made.perceive(image(), pixels=False)
    assert not any(stage.startswith("segmenter") for stage in made.timings)


def test_pixels_that_nobody_asks_for_are_not_worked_out(models):
    made = build_networks(CameraConfig(model="tiny", segmentation_model="surfaces"), [models])
    assert made.perceive(image(), pixels=False).segmentation is None
    both = build_networks(CameraConfig(model="both"), [models])
    assert both.perceive(image(), pixels=False).segmentation is None
    assert len(both.perceive(image(), pixels=False).detections) == 1


def test_one_network_of_both_tasks_reads_several_images(models):
    made = build_networks(CameraConfig(model="both"), [models])
    results = made.perceive_batch([image(1), image(2)])
    assert [r.detections.stamp_ns for r in results] == [r.segmentation.stamp_ns for r in results] == [1, 2]
    np.testing.assert_allclose(results[1].detections.boxes, [[24, 56, 40, 72]])


def test_without_the_second_model_there_are_boxes_and_a_reason(models):
    made = build_networks(CameraConfig(model="tiny", segmentation_model="gone"), [models])
    assert "no classes of pixels: " in made.fault
    assert "'gone'" in made.fault
    assert not made.segments
    assert made.perceive(image()).detections is not None


def test_a_second_model_that_gives_no_pixels_is_named(models):
    made = build_networks(CameraConfig(model="tiny", segmentation_model="tiny"), [models])
    assert "segmentation_model: tiny is for detection" in made.fault


def test_without_the_first_model_there_is_nothing(models):
    with pytest.raises(ModelError, match="'gone'"):
        build_networks(CameraConfig(model="gone", segmentation_model="surfaces"), [models])


# -- batches -----------------------------------------------------------------------------------------------------------


class Clock:
    """Time that passes by ``first`` seconds a run and ``more`` for each further image in it."""

    def __init__(self, made: CameraNetworks, first: float, more: float) -> None:
        self.now = 0.0
        self.runs = 0
        run = made.perceive_batch

        def perceive_batch(images, pixels=True):
            self.runs += 1
            self.now += first + more * (len(images) - 1)
            return run(images, pixels)

        made.perceive_batch = perceive_batch

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("more", "size", "said"),
    [(0.2, 2, "up to 2 at once: 1.67 x"), (0.9, 1, "one by one: 2 at once are 1.05 x as fast")],
)
def test_a_batch_is_taken_where_it_gains(models, more, size, said):
    """A run of 1 s and 0.2 s for the second image: 2 images in 1.2 s, 2 / 1.2 = 1.67 times as many a second."""
    made = build_networks(CameraConfig(model="both"), [models])
    clock = Clock(made, 1.0, more)
    batching = Batching(made, 2, "auto", clock)
    assert batching.size() == size
    assert said in batching.reason
    runs = clock.runs
    assert batching.size() == size
    assert clock.runs == runs  # measured once


def test_another_engine_is_measured_again(models):
    made = build_networks(CameraConfig(model="both"), [models])
    clock = Clock(made, 1.0, 0.9)
    batching = Batching(made, 2, "auto", clock)
    assert batching.size() == 1
    runs = clock.runs
    made.parts["network"].backend._name = "a better engine"
    batching.size()
    assert clock.runs > runs


@pytest.mark.parametrize(
    ("model", "cameras", "mode", "size", "said"),
    [
        ("both", 1, "auto", 1, "there is one camera"),
        ("both", 2, "off", 1, "as asked"),
        ("both", 2, "on", 2, "as asked"),
        ("tiny", 2, "auto", 1, "tiny takes one image a run"),
        ("tiny", 2, "on", 1, "tiny takes one image a run"),
    ],
)
def test_a_batch_needs_cameras_a_network_and_leave(models, model, cameras, mode, size, said):
    batching = Batching(build_networks(CameraConfig(model=model), [models]), cameras, mode)
    assert (batching.size(), said in batching.reason) == (size, True)


def test_an_engine_that_refuses_the_batch_goes_one_by_one(models):
    """The graph answers with two entries, so three images cannot be read."""
    batching = Batching(build_networks(CameraConfig(model="both"), [models]), 3, "auto")
    assert batching.size() == 1
    assert "a run of 3 images failed" in batching.reason


def test_an_engine_is_built_for_as_many_images_as_are_asked_for_at_once(networks, tmp_path, fake_tensorrt, monkeypatch):
    fake_tensorrt.install(monkeypatch)
    node = helper.make_node("Identity", ["images"], ["output"])
    networks.save(tmp_path / "open.onnx", [node], [], ("batch", 3, 64, 64), ["batch", 3, 64, 64])
    (tmp_path / "open.yaml").write_text(
        f"{{name: open, task: segmentation, family: class_map, file: open.onnx, {INPUT.strip()}, "
        "segments: [road: ground, sky: sky, tree: vegetation]}"
    )
    for images, own, largest in ((1, 1, 1), (3, 1, 3), (2, 4, 4)):
        folder = str(tmp_path / f"engines {images}")
        inference = InferenceConfig(
            backend="tensorrt", precision="fp32", max_batch=own, engine_folder=folder, serve_while_building=False
        )
        build_networks(CameraConfig(model="open", inference=inference), [tmp_path], images).close()
        (profile,) = fake_tensorrt.Builder.last_config.profiles
        assert profile["images"] == ((1, 3, 64, 64), (largest, 3, 64, 64))
