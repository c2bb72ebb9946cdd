"""Tracking scores of scans small enough to be counted on one's fingers."""

import numpy as np
import pytest

from perception_core.evaluation.mot_average import average_scores
from perception_core.evaluation.mot_clear import clear_scores
from perception_core.evaluation.mot_hota import ALPHAS, hota_scores
from perception_core.evaluation.mot_identity import identity_scores
from perception_core.evaluation.mot_scans import MotScan


def scan(truth, tracks, pairs, scores=None) -> MotScan:
    """Objects and tracks; ``pairs`` {(object, track): similarity}, 0 for the others."""
    truth, tracks = list(truth), list(tracks)
    similarity = np.zeros((len(truth), len(tracks)))
    for (i, j), value in pairs.items():
        similarity[truth.index(i), tracks.index(j)] = value
    weights = np.ones(len(tracks)) if scores is None else np.array(scores, dtype=np.float64)
    return MotScan(np.array(truth, dtype=np.int64), np.array(tracks, dtype=np.int64), similarity, weights)


HANDED_OVER = [scan([0], [k // 2], {(0, k // 2): 0.8}) for k in range(4)]
"""One object, four scans, two of track 0 and two of track 1."""


def test_nothing_at_all():
    for scans in ([], [scan([], [], {})]):
        clear = clear_scores(scans)
        assert (clear.objects, clear.hits, clear.false_positives) == (0, 0, 0)
        assert np.isnan([clear.mota, clear.motp, clear.recall, clear.precision, clear.mostly_tracked]).all()
        assert np.isnan(identity_scores(scans).idf1)
        assert np.isnan(hota_scores(scans).hota)
        assert np.isnan(average_scores(scans).amota)


def test_perfect():
    scans = [scan([0, 1], [1, 0], {(0, 1): 1.0, (1, 0): 1.0})] * 3
    clear, hota, average = clear_scores(scans), hota_scores(scans), average_scores(scans)
    assert (clear.mota, clear.motp, clear.switches, clear.fragmentations) == (1.0, 1.0, 0, 0)
    assert (clear.mostly_tracked, clear.mostly_lost) == (1.0, 0.0)
    assert identity_scores(scans).idf1 == 1.0
    assert (hota.hota, hota.deta, hota.assa, hota.loca) == pytest.approx((1.0, 1.0, 1.0, 1.0))
    assert (average.amota, average.amotp) == pytest.approx((1.0, 1.0))


def test_nothing_found_and_only_false():
    scans = [scan([0], [], {}), scan([], [0], {})]
    clear = clear_scores(scans)
    assert (clear.misses, clear.false_positives, clear.mota, clear.mostly_lost) == (1, 1, -1.0, 1.0)
    assert np.isnan(clear.motp)
    assert identity_scores(scans).idf1 == 0.0
    assert hota_scores(scans).hota == 0.0
    assert average_scores(scans).amota == 0.0


def test_a_track_handed_over():
    """MOTA 1 - 1/4; IDTP 2 of 4 + 4; TPA 2, FNA 2, FPA 0 for each hit: AssA 1/2 at the 16 alphas up to 0.8."""
    clear = clear_scores(HANDED_OVER)
    assert (clear.switches, clear.mota, clear.fragmentations) == (1, 0.75, 0)
    assert clear.motp == pytest.approx(0.8)
    assert identity_scores(HANDED_OVER).idf1 == pytest.approx(0.5)
    hota, share = hota_scores(HANDED_OVER), 16 / 19
    assert hota.deta == pytest.approx(share)
    assert hota.assa == pytest.approx(0.5 * share)
    assert hota.hota == pytest.approx(np.sqrt(0.5) * share)
    assert hota.loca == pytest.approx((16 * 0.8 + 3 * 1.0) / 19)


def test_who_was_paired_before_stays_so_while_he_may():
    """In the second scan the other pairing is closer, 0.9 and 0.9 against 0.6 and 0.6: no switch all the same."""
    scans = [
        scan([0, 1], [0, 1], {(0, 0): 1.0, (1, 1): 1.0}),
        scan([0, 1], [0, 1], {(0, 0): 0.6, (1, 1): 0.6, (0, 1): 0.9, (1, 0): 0.9}),
    ]
    assert clear_scores(scans).switches == 0
    assert clear_scores(scans).motp == pytest.approx((1.0 + 1.0 + 0.6 + 0.6) / 4)


def test_below_the_threshold_is_a_miss_and_a_false_positive():
    clear = clear_scores([scan([0], [0], {(0, 0): 0.49})])
    assert (clear.hits, clear.misses, clear.false_positives, clear.mota) == (0, 1, 1, -1.0)
    assert clear_scores([scan([0], [0], {(0, 0): 0.5})]).hits == 1


def test_lost_and_found_again_is_a_fragmentation_but_not_behind_a_wall():
    seen, missed = scan([0], [0], {(0, 0): 1.0}), scan([0], [], {})
    hidden = scan([], [], {})
    assert clear_scores([seen, missed, seen]).fragmentations == 1
    assert clear_scores([missed, seen, seen]).fragmentations == 0
    assert clear_scores([seen, hidden, seen]).fragmentations == 0


def test_another_id_after_an_occlusion_is_a_switch():
    scans = [scan([0], [0], {(0, 0): 1.0}), scan([], [], {}), scan([0], [1], {(0, 1): 1.0})]
    assert clear_scores(scans).switches == 1


def test_the_best_assignment_over_all_scans_not_the_first():
    """Track 0 holds object 0 once and object 1 three times: it is object 1's, and IDTP is 3 of 4."""
    scans = [scan([0], [0], {(0, 0): 1.0})] + [scan([1], [0], {(1, 0): 1.0})] * 3
    scores = identity_scores(scans)
    assert (scores.true_positives, scores.objects, scores.tracks) == (3, 4, 4)
    assert (scores.recall, scores.precision) == (0.75, 0.75)


def test_confidence_sorts_the_false_tracks_out():
    """One object, four scans, track 0 (0.9) is right; track 1 (0.2) is false in all: MOTA 0, AMOTA 1."""
    scans = [scan([0], [0, 1], {(0, 0): 1.0}, [0.9, 0.2])] * 4
    assert clear_scores(scans).mota == 0.0
    assert average_scores(scans).amota == pytest.approx(1.0)


def test_false_tracks_that_are_as_sure_cost_amota():
    """At the only level 4 hits and 4 false positives: 1 - 4/4 = 0; with 2 false ones 1 - 2/4."""
    scans = [scan([0], [0, 1], {(0, 0): 1.0})] * 4
    assert average_scores(scans).amota == 0.0
    scans = [scan([0], [0, 1], {(0, 0): 1.0})] * 2 + [scan([0], [0], {(0, 0): 1.0})] * 2
    assert average_scores(scans).amota == pytest.approx(0.5)


def test_a_recall_never_reached_counts_zero():
    """Half of the scans are hit, without anything wrong: 20 of 40 levels."""
    scans = [scan([0], [0], {(0, 0): 0.8}), scan([0], [], {})]
    scores = average_scores(scans)
    assert scores.amota == pytest.approx(0.5)
    assert scores.amotp == pytest.approx(0.4)


def test_alphas_are_those_of_the_paper():
    assert np.allclose(ALPHAS, [0.05 * k for k in range(1, 20)])


def test_assignment_over_groups_that_never_meet():
    """Objects 0 and 1 share tracks 0 and 1: 3 + 2 beats 1 + 1; object 2 has track 2 once; track 3 has nobody."""
    scans = (
        [scan([0], [0], {(0, 0): 1.0})] * 3
        + [scan([1], [1], {(1, 1): 1.0})] * 2
        + [scan([0, 1], [1, 0], {(0, 1): 1.0, (1, 0): 1.0})]
        + [scan([2], [2, 3], {(2, 2): 1.0})]
    )
    assert identity_scores(scans).true_positives == 3 + 2 + 1
