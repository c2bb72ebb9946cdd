"""What of a frame is compared: what the camera sees."""

import dataclasses

import numpy as np

from perception_core.calibration.frames import prepare
from perception_core.calibration.image_edges import LEVEL, UPRIGHT
from perception_core.geometry.camera_model import CameraModel


def test_outlines_at_the_sides_are_upright_and_above_level(drive):
    prepared = prepare(drive[0], 8)
    assert set(np.unique(prepared.edges.channel)) == {UPRIGHT, LEVEL}
    sideways = np.abs(prepared.edges.outward[:, 2]) < 0.5
    assert (prepared.edges.channel[sideways] == UPRIGHT).all()
    assert (prepared.edges.channel[~sideways] == LEVEL).all()
    assert prepared.sector.min() >= 0
    assert prepared.sector.max() <= 7


def test_outlines_behind_what_stands_nearer_are_left_out(drive):
    frame = drive[0]
    y, z = np.meshgrid(np.arange(-3.0, 3.0, 0.01), np.arange(0.0, 3.5, 0.01))
    wall = np.column_stack([np.full(y.size, 2.5), y.ravel(), z.ravel()]).astype(np.float32)
    hidden = dataclasses.replace(frame, points=np.vstack([frame.points, wall]))
    assert len(prepare(frame, 8).edges) > 200
    assert len(prepare(hidden, 8).edges) < 20


def test_a_wide_image_is_scaled_down_and_its_camera_with_it(drive):
    frame, k = drive[0], 4
    wide = np.repeat(np.repeat(frame.pixels, k, axis=0), k, axis=1)
    K = frame.camera.matrix * np.array([[k], [k], [1.0]])
    K[:2, 2] += (k - 1) / 2.0
    camera = CameraModel(640 * k, 320 * k, K, frame="camera")
    prepared = prepare(dataclasses.replace(frame, pixels=wide, camera=camera), 8)
    assert prepared.strength.shape == (2, 640, 1280)
    expected = frame.camera.matrix[0, 2] * 2 + 0.5  # twice as wide: pixel c lies at 2 c + 0.5
    assert np.isclose(prepared.K[0, 2], expected)
    assert np.isclose(prepared.K[0, 0], 840.0)


def test_a_distorted_image_is_straightened(drive):
    frame = drive[0]
    bent = CameraModel(640, 320, frame.camera.matrix, (-0.2, 0.05, 0.0, 0.0), "plumb_bob", "camera")
    straight, curved = (prepare(f, 8) for f in (frame, dataclasses.replace(frame, camera=bent)))
    assert np.array_equal(straight.K, curved.K)
    assert (straight.strength != curved.strength).any()


def test_a_frame_without_outlines_is_empty(drive):
    frame = drive[0]
    nothing = type(frame.steps)(np.empty((0, 3)), np.empty((0, 3)), np.empty(0), np.empty(0, np.uint8))
    prepared = prepare(dataclasses.replace(frame, steps=nothing), 8)
    assert len(prepared.edges) == 0
    assert prepared.contrast > 10.0
