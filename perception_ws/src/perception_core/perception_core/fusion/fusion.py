"""Fusion of one scan's clusters with the camera results nearest in time; driven by the LiDAR.

A camera names what the LiDAR found, parts what it took for one and joins what it took for two, and completes its box as
far as the class is certain; it never moves what was seen, nor removes what has a body. What no cluster explains is
placed by the camera alone, with the covariance that deserves, unless the LiDAR saw free ground beyond. Without LiDAR
the cameras place all of their objects so.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion import (
    camera_only,
    classification,
    completion,
    confusion,
    existence,
    joining,
    pixel_classes,
    splitting,
    unexplained,
)
from perception_core.fusion.association import Association, associate
from perception_core.fusion.camera_only import Ranges
from perception_core.fusion.completion import Boxes
from perception_core.fusion.config import FusionConfig
from perception_core.fusion.extents import extents, seen_of
from perception_core.fusion.ground import GroundPlane, base_plane, plane_under
from perception_core.fusion.in_line import in_line
from perception_core.fusion.object_table import NO_HULL, ObjectTable, joined, pack
from perception_core.fusion.occlusion import Horizon, horizon
from perception_core.fusion.overlaps import inside_vehicles, outside_bigger
from perception_core.fusion.pair_scores import pair_scores
from perception_core.fusion.sound_clusters import without_bad_clusters
from perception_core.fusion.views import CameraView, ProjectedClusters, project_clusters, sample, without_bad_boxes
from perception_core.geometry import boxes as shapes
from perception_core.geometry.camera_model import CameraModel
from perception_core.types import CLASSES, SEGMENTS, Clusters, Detections2D, Mode, Objects, Segmentation, Sensor
from perception_core.types.classes import INDEX, UNKNOWN

__all__ = ["CameraView", "Fusion", "warm_up"]

Floats = NDArray[np.float64]

_SHAPED = 0.7
"""Probability of being unknown below which an object's box stands for it, and not the hull of what was seen."""

_UNKNOWN = INDEX[UNKNOWN]

_THINGS = [SEGMENTS.index("vehicle"), SEGMENTS.index("person")]


@dataclass(frozen=True, slots=True)
class _Witnesses:
    """What cameras say of M objects.

    Attributes:
        labels: float64 (M, C) log P(labels | class).
        counts: int64 (M, S) returns on pixels of each class.
        lone_counts: the same of cameras that only label pixels.
        reliability: float64 (M,) of the best label, 0 without one.
    """

    labels: Floats
    counts: NDArray[np.int64]
    lone_counts: NDArray[np.int64]
    reliability: Floats


class Fusion:
    """Joins clusters and detections; holds no state between scans but the count of what it had to leave out."""

    def __init__(self, config: FusionConfig) -> None:
        """Keep the parameters.

        Raises:
            ConfigError: ``classes.confusion`` cannot be read.
        """
        self._config = config
        self._dropped: Counter[str] = Counter()
        for camera in {confusion.parse_entry(entry)[0] for entry in config.classes.confusion} | {""}:
            confusion.table(config.classes.confusion, camera)

    def fuse(
        self, clusters: Clusters, views: Sequence[CameraView], coverage: NDArray[np.float32] | None = None
    ) -> Objects:
        """Return one object a cluster (parts joined, several objects parted), with class, box and covariance.

        Args:
            clusters: of the scan, in the base frame.
            views: the camera results that are in time for this scan; none gives mode LIDAR_ONLY.
            coverage: float32 (S,) metres a sector of azimuth up to which the LiDAR saw ground, or hit something, from
                the base frame's origin. None where that is not known: then nothing is told that only a camera sees.
        """
        config = self._config.association
        clusters, views = self._sound(clusters), [self._usable(view) for view in views]
        ground = plane_under(clusters, self._config.camera_only.ground_sigma)
        found = [camera_only.ranges(view, ground, self._config.camera_only) for view in views]
        rows = sample(clusters)
        images = [project_clusters(clusters, view, rows) for view in views]
        parted = splitting.split_clusters(clusters, views, images, found, config)
        if parted is not clusters:
            clusters, images = parted, [project_clusters(parted, view, rows) for view in views]
        trust = self._config.segmentation_trust
        pairs = [
            pair_scores(clusters, view, image, where, config, trust)
            for view, image, where in zip(views, images, found, strict=True)
        ]
        told = [self._told(view, slice(None), 1.0) for view in views]
        matches = associate(pairs, [likelihood for likelihood, _ in told], config.min_score)
        around = horizon(clusters, rows)
        groups = joining.group_parts(clusters, views, images, pairs, matches, around, config)
        owner = _owner(groups)
        table = self._objects(clusters, groups, owner, self._witnesses(owner, views, images, matches), around)
        table = table.select(np.flatnonzero(outside_bigger(table)))
        if self._config.camera_only.beside_lidar and coverage is not None:
            alone = [np.ones(len(view.detections), np.bool_) for view in views]
            for free, match in zip(alone, matches, strict=True):
                free[match.detection] = False
            if any(free.any() for free in alone):
                table = joined(table, self._beside(clusters, views, found, alone, ground, coverage))
        return pack(table, clusters.stamp_ns, clusters.frame, Mode.FUSED if views else Mode.LIDAR_ONLY)

    def camera_only(self, views: Sequence[CameraView], stamp_ns: int, frame: str) -> Objects:
        """Return the objects that the cameras see, on the ground plane of the base frame ``frame``.

        Args:
            views: camera results near ``stamp_ns``; none gives no objects and mode BLIND.
            stamp_ns: int nanoseconds.
            frame: base frame.
        """
        views = [self._usable(view) for view in views]
        ground = base_plane(self._config.camera_only.ground_sigma)
        found = [camera_only.ranges(view, ground, self._config.camera_only) for view in views]
        placed = unexplained.place_all(views, found, ground, self._config.camera_only)
        mode = Mode.CAMERA_ONLY if views else Mode.BLIND
        return pack(self._placed_objects(views, placed, np.ones(len(placed.view))), stamp_ns, frame, mode)

    def take_dropped(self) -> Counter[str]:
        """Return what was left out since the last call, by reason, and forget it."""
        dropped, self._dropped = self._dropped, Counter()
        return dropped

    def _sound(self, clusters: Clusters) -> Clusters:
        """Return the clusters without those that cannot be used (counted)."""
        kept, bad = without_bad_clusters(clusters)
        if bad:
            self._dropped["clusters whose numbers cannot be used"] += bad
        return kept

    def _usable(self, view: CameraView) -> CameraView:
        """Return a view without what cannot be used (counted), and without pixels where those are not."""
        detections, bad = without_bad_boxes(view.detections)
        if bad:
            self._dropped[f"camera {view.name}: boxes that are no boxes"] += bad
            masks = None  # they number the detections
        else:
            masks = view.masks
        if not self._config.segmentation_trust:
            return replace(view, detections=detections, segmentation=None, masks=None)
        return replace(view, detections=detections, masks=masks)

    def _told(
        self, view: CameraView, rows: NDArray[np.int64] | slice, certainty: Floats | float
    ) -> tuple[Floats, Floats]:
        """Return float64 (K, C) P(label | class) of some detections of a view, and (K,) how reliable they are.

        Args:
            view: one camera's.
            rows: which detections.
            certainty: float64 (K,), or one for all: probability that they show the object in question.
        """
        detections, classes = view.detections, self._config.classes
        reliable = classification.reliability(detections.scores[rows], certainty, classes)
        table = confusion.table(classes.confusion, view.name)
        return confusion.label_likelihood(detections.class_ids[rows], reliable, table), reliable

    def _witnesses(
        self,
        owner: NDArray[np.int64],
        views: Sequence[CameraView],
        images: Sequence[ProjectedClusters],
        matches: Sequence[Association],
    ) -> _Witnesses:
        objects = int(owner.max(initial=-1)) + 1
        labels = np.zeros((objects, len(CLASSES)))
        counts, lone = (np.zeros((objects, len(SEGMENTS)), np.int64) for _ in range(2))
        reliability = np.zeros(objects)
        for view, image, match in zip(views, images, matches, strict=True):
            row = owner[match.cluster]
            likelihood, reliable = self._told(view, match.detection, match.certainty)
            np.add.at(labels, row, np.log(likelihood))
            np.maximum.at(reliability, row, reliable)
            if view.segmentation is not None:
                seen = pixel_classes.class_counts(image, view.segmentation)
                np.add.at(counts, owner, seen)
                if not view.finds_objects:
                    np.add.at(lone, owner, seen)
        return _Witnesses(labels, counts, lone, reliability)

    def _objects(
        self,
        clusters: Clusters,
        groups: list[list[int]],
        owner: NDArray[np.int64],
        told: _Witnesses,
        around: Horizon,
    ) -> ObjectTable:
        lead, count = np.array([g[0] for g in groups], np.int64), clusters.point_count
        points = np.bincount(owner, weights=count, minlength=len(groups)).astype(np.int64)
        corner = clusters.hull_start.tolist()
        outlines = [clusters.hull[corner[g[0]] : corner[g[0] + 1]] if len(g) == 1 else NO_HULL for g in groups]
        boxes = in_line(_visible(clusters, groups, lead), outlines, points)
        late = np.bincount(owner, weights=count * clusters.time_offset, minlength=len(groups)) / np.maximum(points, 1)
        covered = around.covered()[lead]
        bottom, top = clusters.bottom[lead].astype(np.float64), clusters.top[lead].astype(np.float64)
        for g, parts in enumerate(groups):
            if len(parts) > 1:
                covered[g], bottom[g], top[g] = False, clusters.bottom[parts].min(), clusters.top[parts].max()
        seen = seen_of(boxes.centre, boxes.size, boxes.yaw, top, points, covered)
        sizes = extents(seen)
        trust = self._config.segmentation_trust
        pixels = classification.pixel_log_likelihood(told.counts, trust)
        lone = classification.pixel_log_likelihood(told.lone_counts, 1.0 if trust else 0.0)
        doubted = np.where(told.lone_counts.any(axis=1)[:, None], lone, classification.pixels_against(pixels))
        shape = sizes.log_likelihood - sizes.log_likelihood.max(axis=1, keepdims=True)
        named = told.reliability > 0.0
        pixels = np.where(named[:, None], pixels, doubted)
        belief = classification.posterior(told.labels, pixels, shape, points, self._config.classes)
        size = boxes.size
        if self._config.complete_boxes:
            whole = completion.complete(boxes, seen, bottom, sizes, belief, named)
            boxes = whole.where(~inside_vehicles(boxes, whole, belief, points), boxes)
        there = existence.of_sensors(points, told.reliability)
        bodiless = existence.without_body(size, top, points) & ~named
        there = existence.weakened(there, told.counts, bodiless, self._config.association.min_points)
        by_shape = classification.posterior(told.labels, np.zeros_like(pixels), shape, points, self._config.classes)
        shown = named | _shown(told.lone_counts)
        probabilities = classification.reported(belief, by_shape, pixels, shown)
        sensors = np.where(named, Sensor.LIDAR | Sensor.CAMERA, Sensor.LIDAR).astype(np.uint8)
        bare = (probabilities[:, _UNKNOWN] >= _SHAPED) & ~named
        hulls = [outline if alone else NO_HULL for outline, alone in zip(outlines, bare.tolist(), strict=True)]
        table = ObjectTable(boxes, probabilities, there, sensors, points, late, hulls)
        return table.select(np.flatnonzero(~bodiless | (there >= self._config.min_existence)))

    def _beside(
        self,
        clusters: Clusters,
        views: Sequence[CameraView],
        found: Sequence[Ranges],
        alone: Sequence[NDArray[np.bool_]],
        ground: GroundPlane,
        coverage: NDArray[np.float32],
    ) -> ObjectTable:
        """Return the objects of detections that no cluster explains."""
        config = self._config.camera_only
        placed = unexplained.place_all(views, found, ground, config).only(alone)
        placed = placed.select(np.flatnonzero(~unexplained.explained(placed, clusters, config.gate)))
        placed = placed.select(np.flatnonzero(~unexplained.seen_free(placed, coverage)))
        return self._placed_objects(views, placed, unexplained.chance(placed, coverage))

    def _placed_objects(self, views: Sequence[CameraView], placed: unexplained.Placed, chance: Floats) -> ObjectTable:
        """Return the objects of placed detections, view by view, those that two cameras see joined."""
        told = [self._told(view, placed.detection[placed.view == v], 1.0) for v, view in enumerate(views)]
        labels = np.log(np.concatenate([np.empty((0, len(CLASSES))), *(likelihood for likelihood, _ in told)]))
        reliable = np.concatenate([np.empty(0), *(reliable for _, reliable in told)]) * chance
        merged = unexplained.merge_doubles(placed, labels, reliable)
        nothing, no_points = np.zeros_like(merged.labels), np.zeros(len(merged.reliability), np.int64)
        # That it is there at all is told by its existence: of what is there, the label names the class.
        probabilities = classification.posterior(merged.labels, nothing, nothing, no_points, self._config.classes)
        return ObjectTable(
            merged.boxes,
            classification.without_crumbs(probabilities),
            merged.reliability,
            np.full(len(no_points), Sensor.CAMERA, np.uint8),
            no_points,
            np.zeros(len(no_points)),
            [NO_HULL] * len(merged.reliability),
        )


def warm_up() -> None:
    """Compile everything for the arrays that really come, so that nothing compiles in the first scan."""
    one, size, zero = np.ones(1), (8, 8), np.zeros(1, np.int32)
    middle, points = np.full((1, 3), 3.0), np.full((4, 3), 3.0, np.float32)
    covariance, count, labels = np.eye(3)[None], np.full(1, 4, np.int32), np.zeros(4, np.int32)
    clusters = Clusters(0, "", middle, np.ones((1, 3)), one, covariance, count, points, labels)
    model = CameraModel(*size, np.array([[8.0, 0.0, 4.0], [0.0, 8.0, 4.0], [0.0, 0.0, 1.0]]))
    detections = Detections2D(0, "", np.array([[0.0, 0.0, 8.0, 8.0]]), one, zero, size)
    pixels = Segmentation(0, "", np.ones(size, np.uint8))
    Fusion(FusionConfig()).fuse(
        clusters, [CameraView("", model, np.eye(4), detections, pixels)], np.ones(8, np.float32)
    )
    _warm_up_rare()


def _warm_up_rare() -> None:
    """Compile what only some scans ask for: an outline upon another, one at the end of a long box, two in one."""
    size = np.array([[8.0, 2.0, 1.0], [2.0, 1.0, 1.0]])
    two = Boxes(np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0]]), size, np.array([0.0, 0.5]), np.zeros((2, 6, 6)))
    outlines = shapes.bev_corners(two.centre, two.size, two.yaw)
    shapes.clip_polygon(outlines[0], outlines[1])
    splitting.warm_up()
    in_line(two, list(outlines), np.array([2, 1]))


def _visible(clusters: Clusters, groups: list[list[int]], lead: NDArray[np.int64]) -> Boxes:
    """Return the boxes of what was seen of each group of clusters."""
    all_boxes = completion.visible_boxes(clusters)
    several = [(g, parts) for g, parts in enumerate(groups) if len(parts) > 1]
    out = Boxes(all_boxes.centre[lead], all_boxes.size[lead], all_boxes.yaw[lead], all_boxes.covariance[lead])
    for g, parts in several:
        merged = completion.merge_boxes(all_boxes, parts, clusters.point_count[parts].tolist())
        out.centre[g], out.size[g], out.yaw[g], out.covariance[g] = merged
    return out


def _owner(groups: list[list[int]]) -> NDArray[np.int64]:
    """Return int64 (M,): the group of each cluster."""
    owner = np.empty(sum(len(g) for g in groups), np.int64)
    owner[[c for parts in groups for c in parts]] = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    return owner


def _shown(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which objects lie mostly on pixels of vehicles or people."""
    things = counts[:, _THINGS].sum(axis=1)
    shown: NDArray[np.bool_] = (things >= 3) & (2 * things >= counts.sum(axis=1))
    return shown
