"""Pixels of a known drawing: colours at the places where they belong."""

import numpy as np
import pytest

from perception_core.errors import ImageError
from perception_core.geometry.transforms import apply
from perception_tools.pictures.style import PAPER
from perception_tools.view import offscreen
from perception_tools.view.camera import viewpoint
from perception_tools.view.drawing import Caption, Dots, Drawing, Strokes, rgb
from perception_tools.view.picture import OWN, draw_picture, save
from perception_tools.view.splatting import splat

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
VIEWS = ("bird", "chase", "side")


def dots(places, colour, size=0.3):
    places = np.array(places, dtype=np.float32).reshape(-1, 3)
    return Dots(places, np.tile(np.array(colour, np.uint8), (len(places), 1)), size)


def line(a, b, colour, width=3):
    return Strokes(np.array([[a, b]], dtype=np.float64), np.array([colour], np.uint8), width)


def drawing(*parts, captions=()):
    return Drawing(
        tuple(p for p in parts if isinstance(p, Dots)),
        tuple(p for p in parts if isinstance(p, Strokes)),
        tuple(captions),
        ((RED, "red"), (GREEN, "green")),
        0.0,
    )


def colour_at(pixels, eye, place):
    uv, valid = eye.model.project(apply(eye.T_camera_base, np.array([place], dtype=np.float64)))
    assert valid.all()
    u, v = np.rint(uv[0]).astype(int)
    return tuple(pixels[v, u].tolist())


def test_the_birds_eye_has_x_to_the_right_y_up_and_the_same_scale_everywhere():
    eye = viewpoint("bird", 40.0, 0.0, 800, 500)  # 10 pixels a metre around (10, 0)
    places = np.array([[10.0, 0.0, 0.0], [30.0, 0.0, 0.0], [10.0, 20.0, 0.0]])
    uv, valid = eye.model.project(apply(eye.T_camera_base, places))
    assert valid.all()
    assert eye.scale == 10.0
    np.testing.assert_allclose(uv, [[399.5, 249.5], [599.5, 249.5], [399.5, 49.5]], atol=1e-6)


@pytest.mark.parametrize("view", VIEWS)
def test_colours_lie_where_their_points_are(view):
    eye = viewpoint(view, 40.0, 0.0, 800, 500)
    shown = drawing(dots([12.0, 2.0, 0.5], RED), dots([15.0, -4.0, 0.0], GREEN), line((5, 5, 0), (20, 5, 0), BLUE))
    pixels = splat(shown, eye)
    assert pixels.shape == (500, 800, 3)
    assert colour_at(pixels, eye, (12.0, 2.0, 0.5)) == RED
    assert colour_at(pixels, eye, (15.0, -4.0, 0.0)) == GREEN
    assert colour_at(pixels, eye, (7.0, 5.0, 0.0)) == BLUE
    assert colour_at(pixels, eye, (19.0, 5.0, 0.0)) == BLUE
    assert colour_at(pixels, eye, (14.0, 0.0, 0.0)) == rgb(PAPER)


def test_what_is_nearer_hides_what_is_behind_in_any_order():
    eye = viewpoint("bird", 40.0, 0.0, 800, 500)
    high, low = dots([12.0, 2.0, 3.0], RED), dots([12.0, 2.0, 0.0], GREEN)
    assert colour_at(splat(drawing(high, low), eye), eye, (12.0, 2.0, 0.0)) == RED
    assert colour_at(splat(drawing(low, high), eye), eye, (12.0, 2.0, 0.0)) == RED


def test_lines_that_leave_the_picture_or_pass_the_camera_are_cut():
    eye = viewpoint("chase", 40.0, 0.0, 800, 500)
    pixels = splat(drawing(line((-1e4, 0, 0), (1e4, 0, 0), BLUE), line((-100, 0, 3), (-90, 0, 3), RED)), eye)
    assert colour_at(pixels, eye, (12.0, 0.0, 0.0)) == BLUE
    assert not (pixels == RED).all(axis=2).any()


def test_nothing_gives_an_empty_picture_and_the_same_drawing_the_same_pixels():
    eye = viewpoint("side", 40.0, 0.0, 400, 250)
    assert (splat(drawing(), eye) == rgb(PAPER)).all()
    shown = drawing(dots(np.random.default_rng(3).uniform(-30, 30, (5000, 3)), RED, 0.05))
    assert splat(shown, eye).tobytes() == splat(shown, eye).tobytes()


def test_captions_legend_and_scale_are_written_and_no_caption_over_another():
    eye = viewpoint("bird", 40.0, 0.0, 800, 500)
    place = np.array([[10.0, 5.0, 0.0]])
    one = draw_picture(drawing(captions=[Caption(place, "one", RED)]), eye, "title", "own")
    two = draw_picture(drawing(captions=[Caption(place, "one", RED), Caption(place, "two", RED)]), eye, "title", "own")
    bare = splat(drawing(), eye)
    assert one.renderer == OWN
    assert (one.pixels == two.pixels).all()
    assert (one.pixels[180:205, 370:430] != bare[180:205, 370:430]).any()  # above (10, 5), which is (399.5, 199.5)
    assert (one.pixels == RED).all(axis=2).any()  # the legend
    assert (one.pixels[-20:-14, 14:114] == rgb("#e8ecf1")).all(axis=2).any()  # 10 m are 100 pixels


@pytest.mark.parametrize("status", [1, -6, 0])
def test_where_open3d_cannot_render_ours_does_or_one_error_says_so(status, monkeypatch):
    monkeypatch.setattr(offscreen.subprocess, "run", lambda *_, **__: offscreen.subprocess.CompletedProcess([], status))
    eye = viewpoint("bird", 40.0, 0.0, 400, 250)
    assert draw_picture(drawing(), eye, "", "auto").renderer == OWN
    with pytest.raises(ImageError, match="Open3D cannot render"):
        draw_picture(drawing(), eye, "", "open3d")


def test_a_picture_that_cannot_be_written_is_one_error(tmp_path):
    pixels = np.zeros((4, 4, 3), np.uint8)
    save(pixels, tmp_path / "new" / "a.png")
    assert (tmp_path / "new" / "a.png").is_file()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "a.nothing", tmp_path / "file" / "a.png"):
        with pytest.raises(ImageError, match="cannot be written"):
            save(pixels, path)


def test_open3d_where_it_can_puts_the_same_colours_at_the_same_places():
    eye = viewpoint("chase", 40.0, 0.0, 800, 500)
    pixels = offscreen.render(drawing(dots([12.0, 2.0, 0.5], RED), line((5, 5, 0), (20, 5, 0), BLUE)), eye)
    if pixels is None:
        pytest.skip("Open3D cannot render on this machine")
    assert pixels.shape == (500, 800, 3)
    for place, colour in (((12.0, 2.0, 0.5), RED), ((7.0, 5.0, 0.0), BLUE), ((14.0, 0.0, 0.0), rgb(PAPER))):
        uv, _ = eye.model.project(apply(eye.T_camera_base, np.array([place], dtype=np.float64)))
        u, v = np.rint(uv[0]).astype(int)
        patch = pixels[v - 2 : v + 3, u - 2 : u + 3].reshape(-1, 3).astype(int)
        assert np.abs(patch - colour).sum(axis=1).min() < 60, (place, patch)
