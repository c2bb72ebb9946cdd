"""The whole way from images to boxes and classes of pixels where the GPU prepares the images.

TensorRT and CUDA are fake ones on the host's memory, and the kernel is ours, compiled for the host.
"""

import numpy as np
import pytest

from perception_core.camera import CameraConfig, build_networks
from perception_core.errors import ModelError
from perception_core.evaluation.detections import overlaps
from perception_core.inference import InferenceConfig
from perception_core.simulation import load_scenario
from perception_core.simulation.camera import Camera, camera_model
from perception_core.simulation.rig import camera_pose
from perception_core.simulation.world import build_world
from perception_core.types import Image

MODEL = "simulated_street"


@pytest.fixture(scope="module")
def street():
    """An image of a street."""
    scenario = load_scenario("city")
    config = scenario.config
    camera = Camera(config.camera, config.light, camera_model(config.camera), camera_pose(config.camera))
    picture = camera.render(build_world(scenario, config.seed), 1.0, np.random.default_rng(0))
    return Image(picture.pixels, 0, "camera")


@pytest.fixture
def on_gpu(fake_tensorrt, host_kernel, monkeypatch, tmp_path):
    """The network on the fake GPU, for two images at once."""
    host_kernel.install(monkeypatch, fake_tensorrt.install(monkeypatch))
    inference = InferenceConfig(
        backend="tensorrt", precision="fp32", engine_folder=str(tmp_path / "engines"), serve_while_building=False
    )
    networks = build_networks(CameraConfig(model=MODEL, inference=inference), images=2)
    networks.warm_up()
    yield networks
    networks.close()


def test_boxes_and_pixels_are_those_of_images_that_the_cpu_prepared(on_gpu, street):
    assert str(on_gpu.parts["network"].backend.preprocessing) == "GPU"
    on_cpu = build_networks(CameraConfig(model=MODEL, inference=InferenceConfig(backend="onnxruntime")))
    small = Image(np.ascontiguousarray(street.pixels[40:340, 100:700]), 1, "camera")
    results = on_gpu.perceive_batch([street, small])
    assert set(on_gpu.timings) == {"preprocess", "inference", "postprocess"}
    for image, found in zip((street, small), results, strict=True):
        expected = on_cpu.perceive(image)
        assert len(found.detections) == len(expected.detections) > 0
        np.testing.assert_array_equal(found.detections.class_ids, expected.detections.class_ids)
        apart = np.abs(found.detections.boxes - expected.detections.boxes)
        assert np.median(apart) < 0.3
        nearest = np.sort(overlaps(found.detections.boxes, expected.detections.boxes).max(axis=1))
        assert nearest[1] > 0.99
        assert nearest[0] > 0.5, "of two cells that score alike either may win, no more"
        np.testing.assert_allclose(found.detections.scores, expected.detections.scores, atol=0.03)
        assert np.mean(found.segmentation.labels == expected.segmentation.labels) > 0.998
    on_cpu.close()


def test_a_run_takes_one_image_or_as_many_as_the_engine_is_built_for(on_gpu, street):
    for count in (1, 2, 1):
        assert len(on_gpu.perceive_batch([street] * count)) == count
    with pytest.raises(ModelError, match=r"input images of shape \[3, 3, 192, 448\] is refused"):
        on_gpu.perceive_batch([street] * 3)
