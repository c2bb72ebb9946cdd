"""Scores of LiDAR clusters against exact objects: recall, splits, merges, false obstacles, boxes.

Every point of a scan is known to belong to an object, to something else that is solid (wall, pole, hedge, kerb-side
furniture) or to nothing that can be hit (ground, rain, reflections, what hangs above the robot). Clusters are compared
with that, point by point, because a LiDAR-only box encloses what was seen and not the whole object: matching by the
overlap of boxes (KITTI: Geiger, Lenz, Urtasun, CVPR 2012, 0.7 for cars and 0.5 for people and cyclists) or by the
distance of centres (nuScenes: Caesar et al., CVPR 2020, 0.5 to 4 m) would refuse a good cluster of a bus whose rear
alone is visible. The definitions:

- An object takes part when at least :data:`MIN_POINTS` points hit it and its centre is nearer than the last of
  :data:`BANDS`, horizontally from the base frame (the range of nuScenes; the number of points is that of the Waymo and
  nuScenes practice of not asking for what was not seen).
- It is **seen** when at least half of its points are in clusters, in however many: nobody runs into it.
- Its *main cluster* is the one that holds most of its points. It is **found**, which is what recall counts, when that
  one holds at least half of them, whatever else it holds; and found **as itself** when points of cluster and object
  have an intersection over union above one half, the matching of panoptic quality (Kirillov et al., CVPR 2019), which
  can hold for one pair only.
- A cluster holds a *piece* of an object when it has at least :data:`PIECE_SHARE` of its points and
  :data:`PIECE_POINTS`. An object is **split** when two clusters or more hold pieces of it. It is **merged** with
  another object when its main cluster holds a piece of that one, and **walled**, merged with structure, when solid
  things that are no object make up more than :data:`FOREIGN_SHARE` of the main cluster.
- A cluster is a **false obstacle** when solid points (of objects and structure) are less than half of it: a robot that
  brakes for it brakes for nothing. A wall, a pole or a hedge is no labelled object, but a true obstacle: whoever calls
  its cluster false teaches the method to overlook walls. Ground (kerbs included), rain, dust, reflections and
  what hangs above the robot are not solid.
- Boxes are scored for every object that was found, merged or not, in bird's-eye view, against the whole object and
  against its visible part, the tight box around its points along its axes. The error of yaw is modulo pi (a box has no
  front), and modulo pi/2 (nor a longer side, when one side alone was seen), for objects that have a direction, i.e. are
  at least :data:`ELONGATED` times as long as wide, as nuScenes leaves out the yaw of cones.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.boxes import iou_bev
from perception_core.types.clusters import Clusters

Floats = NDArray[np.float64]

MIN_POINTS = 10
"""Fewer hits, and nobody asks for the object."""
BANDS = (0.0, 20.0, 40.0, 60.0)
"""Edges of the range bands in metres."""
FOUND_SHARE = 0.5
PIECE_SHARE = 0.1
PIECE_POINTS = 5
FOREIGN_SHARE = 0.25
ELONGATED = 1.5


@dataclass(frozen=True, slots=True)
class TrueObjects:
    """M objects in the base frame at the stamp of the scan.

    Attributes:
        class_ids: int32 (M,) columns of ``types.classes.CLASSES``.
        centre: float64 (M, 3) metres.
        size: float64 (M, 3) length, width, height in metres.
        yaw: float64 (M,) radians, x along the length.
    """

    class_ids: NDArray[np.int32]
    centre: Floats
    size: Floats
    yaw: Floats

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.class_ids)


@dataclass(frozen=True, slots=True)
class LabelledPoints:
    """What each of the N points of a scan hit, and where the method put it.

    Attributes:
        xyz: float64 (N, 3) metres, base frame.
        objects: int32 (N,) index of the object, -1 for none.
        solid: bool (N,) the point lies on something that can be hit: an object, or structure within the robot's height.
        clusters: int32 (N,) index of the cluster, -1 for none.
    """

    xyz: Floats
    objects: NDArray[np.int32]
    solid: NDArray[np.bool_]
    clusters: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """One row for each object that takes part; NaN where an object that was not found has no value.

    Attributes:
        class_ids: int32 (K,).
        range: float64 (K,) metres of the centre from the base frame.
        points: int32 (K,) hits.
        share: float64 (K,) share of the points that the main cluster holds.
        seen: bool (K,).
        found: bool (K,).
        itself: bool (K,) found as itself.
        split: bool (K,).
        merged: bool (K,) with another object.
        walled: bool (K,) merged with structure.
        iou: float64 (K,) bird's-eye intersection over union with the whole object.
        iou_visible: float64 (K,) with its visible part.
        centre_error: float64 (K,) horizontal metres from the whole object's centre.
        centre_error_visible: float64 (K,) from the centre of its visible part.
        yaw_error: float64 (K,) radians in [0, pi/2], modulo pi; NaN for objects without a direction.
        yaw_error_quarter: float64 (K,) radians in [0, pi/4], modulo pi/2.
    """

    class_ids: NDArray[np.int32]
    range: Floats
    points: NDArray[np.int32]
    share: Floats
    seen: NDArray[np.bool_]
    found: NDArray[np.bool_]
    itself: NDArray[np.bool_]
    split: NDArray[np.bool_]
    merged: NDArray[np.bool_]
    walled: NDArray[np.bool_]
    iou: Floats
    iou_visible: Floats
    centre_error: Floats
    centre_error_visible: Floats
    yaw_error: Floats
    yaw_error_quarter: Floats

    def __len__(self) -> int:
        """Return the number of objects that took part."""
        return len(self.class_ids)

    def where(self, mask: NDArray[np.bool_]) -> "ObjectScores":
        """Return the rows of a mask (K,)."""
        return ObjectScores(*(getattr(self, field.name)[mask] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class ScanScores:
    """Scores of one scan.

    Attributes:
        objects: the objects that took part.
        clusters: number of clusters nearer than the last band.
        false_clusters: int (F,) indices of the false obstacles among them.
    """

    objects: ObjectScores
    clusters: int
    false_clusters: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Summary:
    """Rates over some objects; NaN where there are none to speak of. Metres and degrees.

    Attributes:
        objects: how many took part.
        seen: share seen.
        recall: share found.
        itself: share found as themselves.
        split: share of all split.
        merged: share of the found ones merged with another object.
        walled: share of the found ones merged with structure.
        iou, iou_visible: medians.
        centre, centre_visible, yaw_deg, yaw_quarter_deg: median and 90th percentile of the errors.
    """

    objects: int
    seen: float
    recall: float
    itself: float
    split: float
    merged: float
    walled: float
    iou: float
    iou_visible: float
    centre: tuple[float, float]
    centre_visible: tuple[float, float]
    yaw_deg: tuple[float, float]
    yaw_quarter_deg: tuple[float, float]


def cluster_scores(clusters: Clusters, points: LabelledPoints, truth: TrueObjects) -> ScanScores:
    """Score the clusters of one scan."""
    shared, of_object, of_cluster = _shared(points, len(truth), len(clusters))
    solid = np.bincount(points.clusters[points.solid & (points.clusters >= 0)], minlength=len(clusters))
    reach = np.hypot(truth.centre[:, 0], truth.centre[:, 1])
    chosen = np.flatnonzero((of_object >= MIN_POINTS) & (reach < BANDS[-1]))
    main, held = _largest(shared)
    share = held / np.maximum(of_object, 1)
    found = share >= FOUND_SHARE
    pieces = shared >= np.maximum(PIECE_SHARE * of_object[:, None], PIECE_POINTS)
    others = pieces[:, main].sum(axis=0) - pieces[np.arange(len(truth)), main] if len(clusters) else 0 * of_object
    whole = of_cluster[main] if len(clusters) else 0 * of_object
    structure = (solid - shared.sum(axis=0))[main] if len(clusters) else 0 * of_object
    boxes = np.full((len(truth), 6), np.nan)
    for m in chosen[found[chosen]]:
        boxes[m] = _box_errors(clusters, int(main[m]), truth, int(m), points.xyz[points.objects == m])
    rows = ObjectScores(
        truth.class_ids,
        reach,
        of_object.astype(np.int32),
        share,
        shared.sum(axis=1) >= FOUND_SHARE * np.maximum(of_object, 1),
        found,
        found & (held > 0.5 * (of_object + whole - held)),
        pieces.sum(axis=1) > 1,
        found & (others > 0),
        found & (structure > FOREIGN_SHARE * whole),
        *boxes.T,
    )
    mask = np.zeros(len(truth), dtype=np.bool_)
    mask[chosen] = True
    near = np.hypot(clusters.centre[:, 0], clusters.centre[:, 1]) < BANDS[-1]
    return ScanScores(rows.where(mask), int(near.sum()), np.flatnonzero(near & (2 * solid < of_cluster)))


def summarise(objects: ObjectScores) -> Summary:
    """Return the rates over all rows."""
    found = objects.where(objects.found)
    return Summary(
        len(objects),
        _mean(objects.seen),
        _mean(objects.found),
        _mean(objects.itself),
        _mean(objects.split),
        _mean(found.merged),
        _mean(found.walled),
        _spread(found.iou)[0],
        _spread(found.iou_visible)[0],
        _spread(found.centre_error),
        _spread(found.centre_error_visible),
        _spread(np.degrees(found.yaw_error)),
        _spread(np.degrees(found.yaw_error_quarter)),
    )


def join(scans: Iterable[ScanScores]) -> ObjectScores:
    """Return the objects of all scans under each other."""
    reals, flags, numbers = np.empty(0), np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.int32)
    nobody = ObjectScores(
        numbers, reals, numbers, reals, flags, flags, flags, flags, flags, flags, *(reals for _ in range(6))
    )
    rows = [nobody, *(scan.objects for scan in scans)]
    return ObjectScores(*(np.concatenate([getattr(row, field.name) for row in rows]) for field in fields(ObjectScores)))


def by_band(objects: ObjectScores, edges: Sequence[float] = BANDS) -> list[tuple[float, float, ObjectScores]]:
    """Return (from, to, rows) of each range band."""
    pairs = itertools.pairwise(edges)
    return [(low, high, objects.where((objects.range >= low) & (objects.range < high))) for low, high in pairs]


def points_in_box(xyz: Floats, centre: Floats, size: Floats, yaw: float) -> NDArray[np.bool_]:
    """Return which of the points (N, 3) lie in a box turned by ``yaw`` about +z; metres, radians."""
    local = np.abs(_along_axes(xyz, centre, yaw))
    inside: NDArray[np.bool_] = (local <= size / 2.0).all(axis=1)
    return inside


def _shared(
    points: LabelledPoints, objects: int, clusters: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the points that object and cluster share (M, C), those of each object (M,) and of each cluster (C,)."""
    of, to = points.objects, points.clusters
    both = (of >= 0) & (to >= 0)
    table = np.bincount(of[both].astype(np.intp) * clusters + to[both], minlength=objects * clusters)
    return (
        table.reshape(objects, clusters),
        np.bincount(of[of >= 0], minlength=objects),
        np.bincount(to[to >= 0], minlength=clusters),
    )


def _largest(shared: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return each object's main cluster and how many points it holds; 0, 0 without clusters."""
    if shared.shape[1] == 0:
        nothing = np.zeros(len(shared), dtype=np.intp)
        return nothing, nothing
    main = shared.argmax(axis=1)
    return main, shared[np.arange(len(shared)), main]


def _box_errors(clusters: Clusters, c: int, truth: TrueObjects, m: int, hits: Floats) -> tuple[float, ...]:
    """Return the columns ``iou`` to ``yaw_error_quarter`` of one pair."""
    centre, size, yaw = clusters.centre[c], clusters.size[c], float(clusters.yaw[c])
    whole = truth.centre[m], truth.size[m], float(truth.yaw[m])
    visible = _tight_box(hits, *whole)
    turn = yaw - whole[2] if truth.size[m, 0] >= ELONGATED * truth.size[m, 1] else np.nan
    return (
        iou_bev(centre, size, yaw, *whole),
        iou_bev(centre, size, yaw, *visible),
        float(np.hypot(*(centre - whole[0])[:2])),
        float(np.hypot(*(centre - visible[0])[:2])),
        abs((turn + np.pi / 2) % np.pi - np.pi / 2),
        abs((turn + np.pi / 4) % (np.pi / 2) - np.pi / 4),
    )


def _tight_box(hits: Floats, centre: Floats, size: Floats, yaw: float) -> tuple[Floats, Floats, float]:
    """Return centre, size, yaw of the box around the hits along the object's axes."""
    local = _along_axes(hits, centre, yaw)
    low, high = local.min(axis=0), local.max(axis=0)
    c, s = np.cos(yaw), np.sin(yaw)
    x, y, z = (low + high) / 2.0
    return centre + np.array([c * x - s * y, s * x + c * y, z]), np.minimum(high - low, size), yaw


def _along_axes(xyz: Floats, centre: Floats, yaw: float) -> Floats:
    c, s = np.cos(yaw), np.sin(yaw)
    d = xyz - centre
    return np.column_stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1], d[:, 2]])


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _spread(values: Floats) -> tuple[float, float]:
    """Return median and 90th percentile of what is finite."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    median, high = np.quantile(finite, (0.5, 0.9))
    return float(median), float(high)
