"""Scores of clusters against objects, on scans small enough to be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.evaluation.clusters import (
    BANDS,
    LabelledPoints,
    TrueObjects,
    by_band,
    cluster_scores,
    join,
    points_in_box,
    summarise,
)
from perception_core.types.clusters import Clusters

CAR, PERSON = 0, 6
LENGTH, WIDTH = 4.0, 2.0


def found_boxes(*boxes, **changes) -> Clusters:
    """Clusters with boxes (x, y, yaw) of a car's size; ``size`` to change it. Their points do not matter here."""
    rows = np.array(boxes, dtype=np.float64).reshape(-1, 3)
    size = np.tile(changes.get("size", (LENGTH, WIDTH, 1.5)), (len(rows), 1))
    columns = {
        "stamp_ns": 0,
        "frame": "base_link",
        "centre": np.column_stack([rows[:, :2], np.full(len(rows), 0.75)]),
        "size": size,
        "yaw": rows[:, 2],
        "covariance": np.tile(np.eye(3), (len(rows), 1, 1)),
        "point_count": np.full(len(rows), 20),
        "points": np.empty((0, 3)),
        "labels": np.empty(0),
    }
    # Whatever else describes a cluster is left empty of meaning.
    for name in ("hull", "hull_start", "bottom", "top"):
        if name in Clusters.__dataclass_fields__:
            m = len(rows)
            columns[name] = {
                "hull": np.zeros((3 * m, 2)),
                "hull_start": 3 * np.arange(m + 1),
                "bottom": np.zeros(m),
                "top": np.ones(m),
            }[name]
    return Clusters(**columns)


def objects(*boxes, kind=CAR) -> TrueObjects:
    rows = np.array(boxes, dtype=np.float64).reshape(-1, 3)
    return TrueObjects(
        np.full(len(rows), kind, dtype=np.int32),
        np.column_stack([rows[:, :2], np.full(len(rows), 0.75)]),
        np.tile((LENGTH, WIDTH, 1.5), (len(rows), 1)),
        rows[:, 2],
    )


def scan(*groups) -> LabelledPoints:
    """Points from (how many, object, cluster, solid); those of an object lie on the corners of its box by turns."""
    of = np.concatenate([np.full(n, o, dtype=np.int32) for n, o, _, _ in groups] or [np.empty(0, np.int32)])
    to = np.concatenate([np.full(n, c, dtype=np.int32) for n, _, c, _ in groups] or [np.empty(0, np.int32)])
    solid = np.concatenate([np.full(n, s, dtype=bool) for n, _, _, s in groups] or [np.empty(0, bool)])
    turn = np.arange(len(of)) % 4
    x, y = np.where(turn < 2, -LENGTH / 2, LENGTH / 2), np.where(turn % 2, -WIDTH / 2, WIDTH / 2)
    return LabelledPoints(np.column_stack([10.0 + x, y, np.full(len(of), 0.5)]), of, solid, to)


ONE = objects((10.0, 0.0, 0.0))


def rates(result):
    return summarise(result.objects)


def test_a_perfect_cluster():
    result = cluster_scores(found_boxes((10.0, 0.0, 0.0)), scan((40, 0, 0, True)), ONE)
    s = rates(result)
    assert (s.objects, s.seen, s.recall, s.itself, s.split, s.merged, s.walled) == (1, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    assert s.iou == pytest.approx(1.0)
    assert s.iou_visible == pytest.approx(1.0)
    assert s.centre[0] == pytest.approx(0.0)
    assert s.yaw_deg[0] == pytest.approx(0.0)
    assert (result.clusters, len(result.false_clusters)) == (1, 0)


def test_two_boxes_that_share_half_of_each_have_an_iou_of_one_third():
    # 4 x 2 shifted by 2 along x: they share 2 x 2 = 4 of 8 + 8 - 4 = 12 square metres.
    s = rates(cluster_scores(found_boxes((12.0, 0.0, 0.0)), scan((40, 0, 0, True)), ONE))
    assert s.iou == pytest.approx(1.0 / 3.0)
    assert s.centre[0] == pytest.approx(2.0)


def test_a_box_across_is_right_modulo_a_quarter_turn_only():
    # 4 x 2 across 4 x 2: they share 2 x 2 = 4 of 12 square metres.
    s = rates(cluster_scores(found_boxes((10.0, 0.0, np.pi / 2)), scan((40, 0, 0, True)), ONE))
    assert s.iou == pytest.approx(1.0 / 3.0)
    assert s.yaw_deg[0] == pytest.approx(90.0)
    assert s.yaw_quarter_deg[0] == pytest.approx(0.0, abs=1e-12)


def test_a_box_turned_about_is_the_same_box():
    s = rates(cluster_scores(found_boxes((10.0, 0.0, np.pi - 0.1)), scan((40, 0, 0, True)), ONE))
    assert s.yaw_deg[0] == pytest.approx(np.degrees(0.1))


def test_what_has_no_direction_has_no_error_of_yaw():
    round_ = TrueObjects(ONE.class_ids, ONE.centre, np.array([[1.0, 0.8, 1.8]]), ONE.yaw)
    s = rates(cluster_scores(found_boxes((10.0, 0.0, 1.0)), scan((40, 0, 0, True)), round_))
    assert np.isnan(s.yaw_deg).all()


def test_the_visible_part_is_the_box_around_the_hits():
    # Only the rear of the car was hit: a line of 2 m across at x = 8, and a box that encloses just that.
    points = scan((40, 0, 0, True))
    rear = LabelledPoints(points.xyz * [0.0, 1.0, 1.0] + [8.0, 0.0, 0.0], points.objects, points.solid, points.clusters)
    box = found_boxes((8.0, 0.0, np.pi / 2), size=(2.0, 0.1, 1.0))
    s = rates(cluster_scores(box, rear, ONE))
    assert s.centre[0] == pytest.approx(2.0)
    assert s.centre_visible[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("hits", "takes_part"), [(9, 0), (10, 1)])
def test_an_object_takes_part_from_ten_points_on(hits, takes_part):
    result = cluster_scores(found_boxes((10.0, 0.0, 0.0)), scan((hits, 0, 0, True)), ONE)
    assert len(result.objects) == takes_part


def test_half_of_the_points_make_it_found():
    half = scan((20, 0, 0, True), (20, 0, -1, True))
    less = scan((19, 0, 0, True), (21, 0, -1, True))
    boxes = found_boxes((10.0, 0.0, 0.0))
    assert rates(cluster_scores(boxes, half, ONE)).recall == 1.0
    lost = cluster_scores(boxes, less, ONE)
    assert (rates(lost).seen, rates(lost).recall) == (0.0, 0.0)
    assert np.isnan(lost.objects.iou).all()


def test_two_thirds_in_pieces_are_seen_but_not_found():
    result = cluster_scores(
        found_boxes((9.0, 0.0, 0.0), (11.0, 0.0, 0.0)), scan((14, 0, 0, True), (14, 0, 1, True), (12, 0, -1, True)), ONE
    )
    s = rates(result)
    assert (s.seen, s.recall, s.split) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(("piece", "split"), [(4, 0.0), (5, 1.0)])
def test_a_piece_has_five_points_and_a_tenth(piece, split):
    boxes = found_boxes((10.0, 0.0, 0.0), (12.0, 0.0, 0.0))
    assert rates(cluster_scores(boxes, scan((30, 0, 0, True), (piece, 0, 1, True)), ONE)).split == split
    small = scan((100, 0, 0, True), (piece, 0, 1, True))  # less than a tenth of 104
    assert rates(cluster_scores(boxes, small, ONE)).split == 0.0


def test_two_objects_in_one_cluster_are_merged_and_one_of_them_is_it_itself():
    two = objects((10.0, 0.0, 0.0), (10.0, 3.0, 0.0))
    s = rates(cluster_scores(found_boxes((10.0, 1.0, 0.0)), scan((60, 0, 0, True), (20, 1, 0, True)), two))
    assert (s.recall, s.merged) == (1.0, 1.0)
    assert s.itself == 0.5  # 60 of 80 against 20 of 80


@pytest.mark.parametrize(("wall", "walled"), [(10, 0.0), (20, 1.0)])
def test_structure_that_is_more_than_a_quarter_of_the_cluster_spoils_it(wall, walled):
    s = rates(cluster_scores(found_boxes((10.0, 0.0, 0.0)), scan((40, 0, 0, True), (wall, -1, 0, True)), ONE))
    assert (s.recall, s.walled) == (1.0, walled)


@pytest.mark.parametrize(("ground", "false"), [(20, 0), (21, 1)])
def test_a_cluster_of_mostly_ground_is_false_and_a_wall_is_not(ground, false):
    boxes = found_boxes((10.0, 0.0, 0.0), (20.0, 0.0, 0.0), (70.0, 0.0, 0.0))
    points = scan((20, -1, 0, True), (ground, -1, 0, False), (50, -1, 1, True), (50, -1, 2, False))
    result = cluster_scores(boxes, points, objects())
    assert result.false_clusters.tolist() == [0] * false  # the third is beyond the last band
    assert result.clusters == 2


def test_nothing_found_and_nothing_there():
    lost = cluster_scores(found_boxes(), scan((40, 0, -1, True)), ONE)
    assert (rates(lost).objects, rates(lost).recall, lost.clusters) == (1, 0.0, 0)
    empty = cluster_scores(found_boxes(), scan(), objects())
    assert rates(empty).objects == 0
    assert np.isnan(rates(empty).recall)
    assert len(join([])) == 0
    assert len(join([lost, empty])) == 1


def test_bands_part_the_objects_by_range():
    there = objects((10.0, 0.0, 0.0), (20.0, 0.0, 0.0), (0.0, 59.9, 0.0), (60.0, 0.0, 0.0))
    points = scan(*((12, m, m, True) for m in range(4)))
    boxes = found_boxes((10.0, 0.0, 0.0), (20.0, 0.0, 0.0), (0.0, 59.9, 0.0), (60.0, 0.0, 0.0))
    parts = by_band(cluster_scores(boxes, points, there).objects)
    assert [(low, high, len(part)) for low, high, part in parts] == [
        (BANDS[0], BANDS[1], 1), (BANDS[1], BANDS[2], 1), (BANDS[2], BANDS[3], 1),
    ]  # fmt: skip


def test_points_in_a_turned_box():
    # 4 x 2 turned by 90 degrees: 2 wide in x, 4 long in y.
    xyz = np.array([[0.9, 1.9, 0.0], [1.1, 0.0, 0.0], [0.0, 2.1, 0.0], [0.0, 0.0, 0.8]])
    inside = points_in_box(xyz, np.zeros(3), np.array([4.0, 2.0, 1.5]), np.pi / 2)
    assert inside.tolist() == [True, False, False, False]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-1, 2), st.integers(-1, 3), st.booleans()), max_size=8))
def test_any_labelling_gives_shares(groups):
    there = objects((10.0, 0.0, 0.0), (15.0, 3.0, 1.0), (30.0, 0.0, 2.0))
    boxes = found_boxes((10.0, 0.0, 0.0), (15.0, 3.0, 1.0), (30.0, 0.0, 2.0), (70.0, 0.0, 0.0))
    result = cluster_scores(boxes, scan(*groups), there)
    rows = result.objects
    assert ((rows.share >= 0.0) & (rows.share <= 1.0)).all()
    assert not (rows.found & ~rows.seen).any()
    assert not (rows.itself & ~rows.found).any()
    assert (np.isfinite(rows.iou) == rows.found).all()
    assert len(result.false_clusters) <= result.clusters <= 4
