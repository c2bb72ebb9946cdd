"""The same figures as the references: TrackEval, nuscenes-devkit and pycocotools, each where it computes the same."""

import contextlib
import dataclasses
import io

import numpy as np
import pytest
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.common.utils import center_distance
from nuscenes.eval.detection.algo import accumulate, calc_ap, calc_tp
from nuscenes.eval.detection.data_classes import DetectionBox
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pyquaternion import Quaternion
from trackeval.metrics import CLEAR, HOTA, Identity

from perception_core.evaluation.config import EvaluationConfig
from perception_core.evaluation.detection_centre import centre_scores
from perception_core.evaluation.detection_overlap import overlap_scores
from perception_core.evaluation.mot_clear import clear_scores
from perception_core.evaluation.mot_hota import hota_scores
from perception_core.evaluation.mot_identity import identity_scores
from perception_core.evaluation.mot_scans import MotScan, mot_scans, object_count, track_count
from perception_core.evaluation.scans import judge, judge_all
from perception_core.types.classes import CAR, INDEX, PERSON

CONFIG = EvaluationConfig()
SEEDS = range(6)


def tracked_drive(frame, thing, seed, appear=1.0, scans=40):
    """Six objects 4 m apart that wander, found 8 times of 10 with noise and changing ids; false ones beside."""
    rng = np.random.default_rng(seed)
    places = np.column_stack([4.0 * np.arange(6.0), rng.uniform(-2, 2, 6)])
    frames, ids = [], np.arange(1, 7)
    for k in range(scans):
        places += rng.normal(0, 0.3, places.shape)
        there = [i for i in range(6) if rng.random() < appear]
        ids = np.where(rng.random(6) < 0.05, 100 + 6 * k + np.arange(6), ids)
        found = [i for i in range(6) if rng.random() < 0.8] or [0]
        noise = places + rng.normal(0, 0.6, places.shape)
        truth = [thing(i + 1, x=places[i, 0], y=places[i, 1]) for i in there]
        said = [thing(int(ids[i]), x=noise[i, 0], y=noise[i, 1]) for i in found]
        said += [thing(5000 + k // 4, x=rng.uniform(-5, 25), y=rng.uniform(-5, 5))] * int(rng.random() < 0.4)
        frames.append(frame(0.1 * k, truth, said))
    return frames


def for_trackeval(scans: list[MotScan]) -> dict:
    """What TrackEval's metrics take."""
    return {
        "num_timesteps": len(scans),
        "num_gt_ids": object_count(scans),
        "num_tracker_ids": track_count(scans),
        "num_gt_dets": sum(len(s.truth) for s in scans),
        "num_tracker_dets": sum(len(s.tracks) for s in scans),
        "gt_ids": [s.truth for s in scans],
        "tracker_ids": [s.tracks for s in scans],
        "similarity_scores": [s.similarity for s in scans],
    }


def quiet(metric):
    """A metric of TrackEval, which prints its configuration unless told not to."""
    with contextlib.redirect_stdout(io.StringIO()):
        return metric({"PRINT_CONFIG": False}) if metric is not HOTA else metric()


def assert_same_tracking(ours: list[MotScan], clear: dict, identity: dict, hota: dict) -> None:
    mine = clear_scores(ours)
    counts = (mine.hits, mine.misses, mine.false_positives, mine.switches)
    assert counts == tuple(int(clear[key]) for key in ("CLR_TP", "CLR_FN", "CLR_FP", "IDSW"))
    assert (mine.mota, mine.motp) == pytest.approx((clear["MOTA"], clear["MOTP"]))
    assert (mine.recall, mine.precision) == pytest.approx((clear["CLR_Re"], clear["CLR_Pr"]))
    assert identity_scores(ours).idf1 == pytest.approx(identity["IDF1"])
    assert identity_scores(ours).true_positives == identity["IDTP"]
    theirs = [float(np.mean(hota[key])) for key in ("HOTA", "DetA", "AssA", "LocA")]
    scores = hota_scores(ours)
    assert [scores.hota, scores.deta, scores.assa, scores.loca] == pytest.approx(theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_trackeval(frame, thing, seed):
    ours = mot_scans(judge(tracked_drive(frame, thing, seed), CONFIG))
    data = for_trackeval(ours)
    clear = quiet(CLEAR).eval_sequence(data)
    assert_same_tracking(ours, clear, quiet(Identity).eval_sequence(data), quiet(HOTA).eval_sequence(data))
    mine = clear_scores(ours)
    assert mine.switches > 0
    assert mine.fragmentations == clear["Frag"] > 0
    assert (mine.mostly_tracked, mine.mostly_lost) == pytest.approx((clear["MTR"], clear["MLR"]))


def test_trackeval_with_objects_that_come_and_go(frame, thing):
    """Only fragmentations differ: TrackEval counts those of an object that was not there, too."""
    ours = mot_scans(judge(tracked_drive(frame, thing, 11, appear=0.7), CONFIG))
    data = for_trackeval(ours)
    clear = quiet(CLEAR).eval_sequence(data)
    assert_same_tracking(ours, clear, quiet(Identity).eval_sequence(data), quiet(HOTA).eval_sequence(data))
    assert clear_scores(ours).fragmentations < clear["Frag"]


def test_trackeval_over_several_drives(frame, thing):
    drives = [tracked_drive(frame, thing, seed, scans=15) for seed in (21, 22, 23)]
    parts = {str(k): for_trackeval(mot_scans(judge(drive, CONFIG))) for k, drive in enumerate(drives)}
    joined = []
    for metric in (CLEAR, Identity, HOTA):
        theirs = quiet(metric)
        joined.append(theirs.combine_sequences({name: theirs.eval_sequence(data) for name, data in parts.items()}))
    assert_same_tracking(mot_scans(judge_all(drives, CONFIG)), *joined)


def detected_drive(frame, thing, seed, scans=12, off=0.7):
    """Cars and people, found with errors of all kinds and all confidences; false ones beside; no two scores alike."""
    rng = np.random.default_rng(seed)
    sizes = {CAR: (4.2, 1.9, 1.6), PERSON: (0.7, 0.6, 1.7)}
    frames = []
    for k in range(scans):
        there, said = [], []
        for i in range(int(rng.integers(1, 8))):
            kind = CAR if rng.random() < 0.6 else PERSON
            x, y, yaw = *rng.uniform(-30, 30, 2), rng.uniform(-np.pi, np.pi)
            velocity = tuple(rng.uniform(-5, 5, 3))
            there.append(thing(i + 1, x=x, y=y, kind=kind, size=sizes[kind], yaw=yaw, velocity=velocity))
            if rng.random() < 0.8:
                dx, dy = rng.normal(0, off, 2)
                size = tuple(np.array(sizes[kind]) * rng.uniform(0.7, 1.3, 3))
                speed = tuple(velocity + rng.normal(0, 0.5, 3))
                named = kind if rng.random() < 0.9 else PERSON
                said.append(
                    thing(i + 1, x=x + dx, y=y + dy, kind=named, size=size, yaw=yaw + rng.normal(0, 0.5),
                          velocity=speed, score=float(rng.uniform(0.05, 1.0)))
                )  # fmt: skip
        for n in range(int(rng.integers(0, 4))):
            kind = CAR if rng.random() < 0.5 else PERSON
            x, y = rng.uniform(-30, 30, 2)
            said.append(thing(50 + n, x=x, y=y, kind=kind, score=float(rng.uniform(0.05, 0.8))))
        frames.append(frame(0.5 * k, there, said))
    return frames


def for_nuscenes(columns, row, token, score, names) -> DetectionBox:
    """One box; nuScenes' sizes are width, length, height."""
    length, width, height = columns.size[row]
    return DetectionBox(
        sample_token=token,
        translation=tuple(columns.centre[row].tolist()),
        size=(width, length, height),
        rotation=tuple(Quaternion(axis=(0, 0, 1), radians=float(columns.yaw[row])).elements),
        velocity=tuple(columns.velocity[row, :2].tolist()),
        detection_name=names[row],
        detection_score=score,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_nuscenes_devkit(frame, thing, seed):
    frames = detected_drive(frame, thing, seed)
    names = {INDEX[CAR]: "car", INDEX[PERSON]: "pedestrian"}
    true, found = EvalBoxes(), EvalBoxes()
    for k, f in enumerate(frames):
        kinds = [names[i] for i in f.truth.class_ids.tolist()]
        said = [names[i] for i in f.result.class_probabilities.argmax(axis=1).tolist()]
        true.add_boxes(str(k), [for_nuscenes(f.truth, i, str(k), -1.0, kinds) for i in range(len(kinds))])
        scores = f.result.existence.tolist()
        found.add_boxes(str(k), [for_nuscenes(f.result, i, str(k), scores[i], said) for i in range(len(said))])
    scans = judge(frames, CONFIG)
    for class_id, name in names.items():
        ours = centre_scores(scans, class_id)
        at = {d: accumulate(true, found, name, center_distance, d) for d in (0.5, 1.0, 2.0, 4.0)}
        theirs = [calc_ap(data, 0.1, 0.1) for data in at.values()]
        assert [ours.ap_050, ours.ap_100, ours.ap_200, ours.ap_400] == pytest.approx(theirs)
        assert 0.0 < ours.ap < 1.0
        errors = [calc_tp(at[2.0], 0.1, key) for key in ("trans_err", "scale_err", "orient_err", "vel_err")]
        assert [ours.ate, ours.ase, ours.aoe, ours.ave] == pytest.approx(errors)


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_over_forty_recalls(frame, thing, seed):
    """Boxes that are not turned, seen from above, are boxes in an image: x, y, length, width."""
    frames = [
        dataclasses.replace(
            f,
            truth=dataclasses.replace(f.truth, yaw=0.0 * f.truth.yaw),
            result=dataclasses.replace(f.result, yaw=0.0 * f.result.yaw),
        )
        for f in detected_drive(frame, thing, seed + 100, scans=20, off=0.1)
    ]
    true, found = [], []
    for k, f in enumerate(frames):
        for rows, columns, kinds in (
            (true, f.truth, f.truth.class_ids),
            (found, f.result, f.result.class_probabilities.argmax(axis=1)),
        ):
            for i in range(len(columns)):
                (x, y), (w, h) = columns.centre[i, :2] - columns.size[i, :2] / 2 + 100.0, columns.size[i, :2]
                row = {"id": len(rows) + 1, "image_id": k, "category_id": int(kinds[i]), "bbox": [x, y, w, h]}
                row |= {"area": w * h, "iscrowd": 0}
                rows.append(row | ({} if rows is true else {"score": float(f.result.existence[i])}))
    scans = judge(frames, CONFIG)
    for class_id, least in ((INDEX[CAR], 0.7), (INDEX[PERSON], 0.5)):
        ours = overlap_scores(scans, class_id).bev
        assert ours == pytest.approx(coco_precision(true, found, class_id, least))
        assert 0.0 < ours < 1.0


def coco_precision(true, found, class_id, least) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        images = sorted({row["image_id"] for row in true})
        coco.dataset = {
            "images": [{"id": i} for i in images],
            "annotations": true,
            "categories": [{"id": i} for i in range(10)],
        }
        coco.createIndex()
        check = COCOeval(coco, coco.loadRes(found), "bbox")
        check.params.catIds, check.params.imgIds, check.params.maxDets = [class_id], images, [100]
        check.params.iouThrs, check.params.recThrs = np.array([least]), np.arange(1, 41) / 40.0
        check.params.areaRng, check.params.areaRngLbl = [[0, 1e10]], ["all"]
        check.evaluate()
        check.accumulate()
    return float(check.eval["precision"].mean())
