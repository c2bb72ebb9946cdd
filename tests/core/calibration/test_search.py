"""Tops of the score that can be worked out by hand: one, one beside it, and one too far away."""

import numpy as np
import pytest

from perception_core.calibration.config import CalibrationCheckConfig
from perception_core.calibration.image_edges import UPRIGHT
from perception_core.calibration.objective import Objective
from perception_core.calibration.problem import EdgePoints, Views
from perception_core.calibration.search import Found, find

F, DEPTH = 400.0, 10.0
K = np.array([[F, 0.0, 319.5], [0.0, F, 99.5], [0.0, 0.0, 1.0]])
FORWARD = np.eye(4)
FORWARD[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
PRIOR = np.array([0.03, 0.03, 0.03, 0.1, 0.1, 0.1, 0.1])
CONFIG = CalibrationCheckConfig()
COLUMNS = (50, 130, 245, 310, 405, 490, 560)
YAW = np.array([0, 0, 1, 0, 0, 0, 0], np.bool_)


def posts(frames: int) -> Objective:
    """Seven posts at 10 m, 30 points each, a stripe each, seen again and again at places farther and farther on."""
    v = np.tile(np.linspace(40.0, 160.0, 30), 7)
    u = np.repeat(np.asarray(COLUMNS, np.float64), 30)
    every = np.column_stack([np.full(210, DEPTH), -(u - K[0, 2]) / F * DEPTH, -(v - K[1, 2]) / F * DEPTH])
    outward, step = np.tile([0.0, 1.0, 0.0], (210, 1)), np.full(210, 0.003)
    edges = EdgePoints(every, outward, step, np.full(210, UPRIGHT, np.uint8), np.zeros(210, np.int64))
    stripe = np.repeat(np.arange(7), 30)
    views = Views(np.tile(FORWARD, (frames, 1, 1)), np.tile(K, (frames, 1, 1)), np.zeros((frames, 6)))
    return Objective(views, [edges] * frames, [stripe + 7 * k for k in range(frames)], [stripe] * frames)


def found(frames: int, *lines: tuple[int, dict[int, int]]) -> Found:
    """Search with lines in the image so many mrad to the right of the posts, as strong as said by number, 255 else."""
    strength = np.zeros((2, 200, 640), np.uint8)
    for beside, weaker in lines:
        for k, column in enumerate(COLUMNS):
            u = K[0, 2] + F * np.tan(np.arctan((column - K[0, 2]) / F) + 1e-3 * beside)
            strength[UPRIGHT][:, round(u)] = weaker.get(k, 255)
    return find(posts(frames), [strength] * frames, YAW, PRIOR, CONFIG)


def test_one_top_has_no_rival():
    one = found(2, (0, {}))
    assert one.tops[0][0][2] == pytest.approx(0.0, abs=1e-3)
    assert not one.tops[0][0][[0, 1, 3, 4, 5, 6]].any()
    assert len(one.tops) == 1


def test_lines_to_both_sides_of_each_post_are_rivals_as_good():
    """A camera turned to the left by 10 mrad sees all of them that much farther to the right."""
    both = found(2, (-10, {}), (10, {}))
    assert sorted(x[2] for x, _ in both.tops[:2]) == pytest.approx([-0.01, 0.01], abs=2e-3)
    assert 0.0 <= both.lead(0, 1) < 1.9


def test_a_rival_is_no_less_likely_for_being_seen_longer():
    """Half the posts miss a line beside them: the same ones in every frame, so that more frames tell nothing new."""
    faint = {0: 30, 2: 30, 4: 30}
    short, long = found(1, (0, {}), (20, faint)), found(20, (0, {}), (20, faint))
    for seen in (short, long):
        assert [x[2] for x, _ in seen.tops] == pytest.approx([0.0, 0.02], abs=2e-3)
    assert 1.0 < short.lead(0, 1) < 4.0
    assert long.lead(0, 1) == pytest.approx(short.lead(0, 1), rel=0.25)


def test_the_calibration_itself_is_never_blurred_away():
    """Strong lines beside draw every coarse start away; on fine edges the post's own faint ones are a top."""
    faint = dict.fromkeys(range(7), 140)
    both = found(2, (0, faint), (20, {}))
    tops = [x[2] for x, _ in both.tops]
    assert min(abs(x) for x in tops) < 2e-3
    assert min(abs(x - 0.02) for x in tops) < 2e-3


def test_what_lies_beyond_the_reach_is_no_top():
    """A turn by 8.6 degrees, where 2.6 are searched."""
    far = found(1, (-150, {}))
    limit = max(1.25 * np.radians(CONFIG.reach), 4.0 * PRIOR[2])
    assert all(np.abs(x[2]) <= limit for x, _ in far.tops)
    assert len(far.tops) >= 1
