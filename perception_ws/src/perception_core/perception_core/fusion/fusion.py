"""Fusion of one scan's clusters with the camera results nearest in time; driven by the LiDAR.

A camera names and completes what the LiDAR found; it never moves or removes it. The classes of its pixels, where it
has them, weaken a match that they contradict against its rivals, and forbid guessing a car where they show none.
Without LiDAR the cameras place their objects alone, with the covariance that deserves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from perception_core.fusion import camera_only, classification, completion, pixel_classes
from perception_core.fusion.association import associate
from perception_core.fusion.completion import Box
from perception_core.fusion.config import FusionConfig
from perception_core.fusion.priors import SIZE_PRIORS, VEHICLES
from perception_core.fusion.views import CameraView, ProjectedClusters, project_clusters
from perception_core.geometry import boxes
from perception_core.types import CLASSES, SEGMENTS, Clusters, Mode, Objects, Sensor
from perception_core.types.classes import CAR, INDEX, UNKNOWN

__all__ = ["CameraView", "Fusion"]

_INSIDE_SLACK = 0.1
"""Metres by which a fragment may stick out of the vehicle it belongs to."""

_NO_HULL = np.empty((0, 2))


@dataclass(slots=True)
class _Candidate:
    """An object in the making: its clusters, the first of which leads, and what the cameras called it."""

    parts: list[int]
    matches: list[tuple[int, float]] = field(default_factory=list)


class Fusion:
    """Joins clusters and detections; holds no state between scans."""

    def __init__(self, config: FusionConfig) -> None:
        """Keep the parameters."""
        self._config = config

    def fuse(self, clusters: Clusters, views: Sequence[CameraView]) -> Objects:
        """Return one object a cluster (parts joined), with class, whole-object box and covariance.

        Args:
            clusters: of the scan, in the base frame.
            views: the camera results that are in time for this scan; none gives mode LIDAR_ONLY.
        """
        visible = completion.visible_boxes(clusters)
        counts = clusters.point_count.tolist()
        views = [self._trusted(view) for view in views]
        images = [project_clusters(clusters, view) for view in views]
        background = self._background(len(clusters), views, images)
        candidates = self._candidates(clusters, views, images)
        built = [self._object(clusters, visible, counts, candidate, background) for candidate in candidates]
        kept = _outside_bigger(built)
        mode = Mode.FUSED if views else Mode.LIDAR_ONLY
        return _pack([built[i] for i in kept], clusters.stamp_ns, clusters.frame, mode)

    def camera_only(self, views: Sequence[CameraView], stamp_ns: int, frame: str) -> Objects:
        """Return the objects that the cameras see, on the ground plane of the base frame ``frame``.

        Args:
            views: camera results near ``stamp_ns``; none gives no objects and mode BLIND.
            stamp_ns: int nanoseconds.
            frame: base frame.
        """
        built: list[_Built] = []
        for view in views:
            for d in range(len(view.detections)):
                if view.detections.scores[d] < self._config.camera_only.min_score:
                    continue
                placed = camera_only.place(view, d, self._config.camera_only)
                if placed is not None:
                    built.append(self._camera_object(view, d, *placed))
        return _pack(built, stamp_ns, frame, Mode.CAMERA_ONLY if views else Mode.BLIND)

    def _trusted(self, view: CameraView) -> CameraView:
        """Return the view without its label image where those are not used."""
        return view if self._config.segmentation_trust else replace(view, segmentation=None)

    def _background(
        self, count: int, views: Sequence[CameraView], images: Sequence[ProjectedClusters]
    ) -> NDArray[np.bool_]:
        """Return bool (M,): the clusters that the label images show to be background."""
        counts = np.zeros((count, len(SEGMENTS)), np.int64)
        for view, projected in zip(views, images, strict=True):
            if view.segmentation is not None:
                counts += pixel_classes.class_counts(projected, view.segmentation)
        return pixel_classes.background(counts, self._config.association.min_points)

    def _candidates(
        self, clusters: Clusters, views: Sequence[CameraView], images: Sequence[ProjectedClusters]
    ) -> list[_Candidate]:
        candidates = {c: _Candidate([c]) for c in range(len(clusters))}
        owner = {c: c for c in candidates}
        trust = self._config.segmentation_trust
        for view, projected in zip(views, images, strict=True):
            found = associate(clusters, view, projected, self._config.association, trust)
            detections = view.detections
            for cluster, d in zip(found.cluster, found.detection, strict=True):
                match = int(detections.class_ids[d]), float(detections.scores[d])
                candidates[owner[int(cluster)]].matches.append(match)
            for part, match_index in zip(found.part_cluster, found.part_match, strict=True):
                main = owner[int(found.cluster[match_index])]
                mine = owner[int(part)]
                if mine != main and not candidates[mine].matches:
                    candidates[main].parts += candidates[mine].parts
                    owner.update(dict.fromkeys(candidates[mine].parts, main))
                    del candidates[mine]
        return list(candidates.values())

    def _object(
        self,
        clusters: Clusters,
        visible: list[Box],
        point_counts: list[int],
        candidate: _Candidate,
        background: NDArray[np.bool_],
    ) -> "_Built":
        counts = [point_counts[c] for c in candidate.parts]
        box = completion.merge_boxes([visible[c] for c in candidate.parts], counts)
        sensors = Sensor.LIDAR
        if candidate.matches:
            sensors |= Sensor.CAMERA
            probabilities = classification.from_matches(candidate.matches, self._config)
        else:
            top = float(box.centre[2] + box.size[2] / 2)
            probabilities = classification.from_shape(box.size, top, self._config, bool(background[candidate.parts[0]]))
        shape_of = _completing_class(probabilities, box)
        if self._config.complete_boxes and shape_of is not None:
            box = completion.complete(box, SIZE_PRIORS[shape_of], shape_of in VEHICLES)
        score = max((s for _, s in candidate.matches), default=0.0)
        points = sum(counts)
        existence = 1.0 - (1.0 - 0.9 * points / (points + 10.0)) * (1.0 - 0.9 * score)
        hull = _NO_HULL
        if shape_of is None and sensors == Sensor.LIDAR and len(candidate.parts) == 1:
            hull = clusters.footprint(candidate.parts[0])
        return _Built(box, probabilities, existence, sensors, points, hull)

    def _camera_object(
        self, view: CameraView, d: int, centre: NDArray[np.float64], covariance: NDArray[np.float64]
    ) -> "_Built":
        class_id, score = int(view.detections.class_ids[d]), float(view.detections.scores[d])
        prior = SIZE_PRIORS[CLASSES[class_id]]
        full = np.zeros((6, 6))
        full[:3, :3] = covariance
        full[3, 3] = full[4, 4] = 0.1**2
        full[5, 5] = np.pi**2 / 12  # a heading known up to pi, evenly spread
        box = Box(centre, prior.mean.copy(), float(np.arctan2(centre[1], centre[0])), full)
        probabilities = classification.from_matches([(class_id, score)], self._config)
        return _Built(box, probabilities, self._config.camera_trust * score, Sensor.CAMERA, 0, _NO_HULL)


@dataclass(frozen=True, slots=True)
class _Built:
    """One finished object; ``hull`` (H, 2) is its footprint where that is not the box's."""

    box: Box
    probabilities: NDArray[np.float64]
    existence: float
    sensors: Sensor
    points: int
    hull: NDArray[np.float64]


def _best_named_class(probabilities: NDArray[np.float64]) -> str | None:
    """Return the class whose size prior completes a box; a weak car shape counts, an unknown thing does not."""
    named = probabilities.copy()
    named[INDEX[UNKNOWN]] = 0.0
    best = CLASSES[int(np.argmax(named))]
    certain = named.max() >= probabilities[INDEX[UNKNOWN]] or best == CAR
    return best if named.max() > 0.0 and certain and best in SIZE_PRIORS else None


def _completing_class(probabilities: NDArray[np.float64], box: Box) -> str | None:
    """Return the class to whose size a box is extended.

    A truck, bus or train that is less than likely is extended as a car where what is seen fits one: half a class
    does not justify metres of obstacle that nobody has seen.
    """
    best = _best_named_class(probabilities)
    if best in VEHICLES and best != CAR and probabilities[INDEX[best]] < 0.5:
        top = float(box.centre[2] + box.size[2] / 2)
        return CAR if classification.looks_like_car(box.size, top) else None
    return best


def _outside_bigger(built: list[_Built]) -> list[int]:
    """Drop LiDAR fragments without a name whose footprint lies inside a vehicle that a camera named.

    Mirrors and parts seen through windows stand inside the box of their car; the car's box already blocks the place.
    """
    named = np.array([bool(b.sensors & Sensor.CAMERA) for b in built], dtype=np.bool_)
    vehicles = [i for i in np.flatnonzero(named) if _best_named_class(built[i].probabilities) in VEHICLES]
    if not vehicles:
        return list(range(len(built)))
    centre = np.array([b.box.centre for b in built])
    size = np.array([b.box.size for b in built])
    corners = boxes.bev_corners(centre, size, np.array([b.box.yaw for b in built]))
    top = centre[:, 2] + size[:, 2] / 2
    points = np.array([b.points for b in built])
    swallowed = np.zeros(len(built), dtype=np.bool_)
    for v in vehicles:
        c, s = np.cos(built[v].box.yaw), np.sin(built[v].box.yaw)
        local = np.abs((corners - centre[v, :2]) @ np.array([[c, -s], [s, c]]))
        inside = (local <= size[v, :2] / 2 + _INSIDE_SLACK).all(axis=(1, 2)) & (top <= top[v] + 2 * _INSIDE_SLACK)
        swallowed |= inside & (points < points[v])
    return np.flatnonzero(~swallowed | named).tolist()


def _pack(built: list[_Built], stamp_ns: int, frame: str, mode: Mode) -> Objects:
    m = len(built)
    return Objects(
        stamp_ns=stamp_ns,
        frame=frame,
        centre=np.array([b.box.centre for b in built]).reshape(m, 3),
        size=np.array([b.box.size for b in built]).reshape(m, 3),
        yaw=np.array([b.box.yaw for b in built]),
        covariance=np.array([b.box.covariance for b in built]).reshape(m, 6, 6),
        class_probabilities=np.array([b.probabilities for b in built]).reshape(m, len(CLASSES)),
        existence=np.array([b.existence for b in built]),
        sensors=np.array([int(b.sensors) for b in built], dtype=np.uint8),
        point_count=np.array([b.points for b in built], dtype=np.int32),
        mode=mode,
        hull=np.concatenate([_NO_HULL, *(b.hull for b in built)]),
        hull_start=np.cumsum([0, *(len(b.hull) for b in built)]),
    )
