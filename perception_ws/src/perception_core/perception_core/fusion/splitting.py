"""Clusters that hold two objects, cut where a camera shows two: people side by side, a person leaning at a car.

Two detections claim a cluster when each has a good part of its returns and is where the cluster is. Masks tell whose
return is whose. Label images tell people from vehicles, where they stand outside of the vehicle's outline; boxes do it
side by side; things of one kind are parted without masks only where together they are too long for one. Pixels at an
outline are often the neighbour's, so that whole columns of 20 cm are given away, by vote, and what nobody claims goes
to the nearest column that somebody did. What would be no object of its class is not cut out: a piece has to stand, be
high enough and not too wide. The points stay where they were: a wrong cut makes two obstacles of one, and leaves no gap
that was not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from perception_core.compiling import frozen
from perception_core.fusion.camera_only import Ranges
from perception_core.fusion.config import AssociationConfig
from perception_core.fusion.masks import instances_at
from perception_core.fusion.pixel_classes import closest_box
from perception_core.fusion.priors import SIZE_PRIORS, VEHICLES
from perception_core.fusion.views import CameraView, ProjectedClusters
from perception_core.geometry import boxes as shapes
from perception_core.types import CLASSES, Clusters

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_COLUMN = 0.2
"""Metres; what stands apart by less is one."""

_GATE = 2.5
"""Standard deviations within which a detection has to be where the cluster is."""

_NESTED = 0.6
"""Share of the smaller of two boxes inside the other from which on boxes do not tell them apart."""

_STANDS = 0.6
"""Metres above the ground below which the lowest point of an object lies."""

_HEIGHT_SHARE = 0.5
"""Share of the usual height of its class that a piece shows at least."""

_WIDTH_SHARE = 0.5
"""Share of the usual width of its class that a piece of a vehicle is long at least: a strip may be anything."""

_EXCESS = 0.3
"""Metres beyond two deviations by which a piece may exceed the size of its class."""

_ROOM = 1.5
"""How many times the least area a piece may take to lie as its cluster did."""

_CUT_SIGMA = 0.1
"""Metres, of where the cut lies."""


_NAMED = np.array([name in SIZE_PRIORS for name in CLASSES], np.bool_)


@dataclass(frozen=True, slots=True)
class _Cut:
    """One cluster's points: ``rows`` int64 (N,) of the cloud and ``piece`` int64 (N,) from 0."""

    cluster: int
    rows: Indices
    piece: Indices


def split_clusters(
    clusters: Clusters,
    views: Sequence[CameraView],
    images: Sequence[ProjectedClusters],
    found: Sequence[Ranges],
    config: AssociationConfig,
) -> Clusters:
    """Return the clusters with those cut that hold several objects; the same object where there are none.

    The pieces of a cluster are its own row and further ones at the end. Of several views the first that cuts a cluster
    decides.
    """
    cuts: dict[int, _Cut] = {}
    for view, projected, where in zip(views, images, found, strict=True):
        claims = _claims(clusters, view, projected, where, config)
        for cluster in np.flatnonzero(claims.sum(axis=1) > 1).tolist():
            if cluster not in cuts:
                cut = _cut(clusters, view, projected, cluster, np.flatnonzero(claims[cluster]), config)
                if cut is not None:
                    cuts[cluster] = cut
    return _with_pieces(clusters, [cuts[c] for c in sorted(cuts)]) if cuts else clusters


def warm_up() -> None:
    """Compile what only a scan in which two detections meet one cluster asks for."""
    row, one, box = np.zeros(1, np.int64), np.ones(1), np.ones((1, 4))
    _claim(np.zeros((1, 1), np.bool_), row, row, one, one, one, one, box, frozen(box))
    closest_box(np.zeros((1, 2)), box, np.zeros(1, np.int32), None)


def _claims(
    clusters: Clusters, view: CameraView, projected: ProjectedClusters, where: Ranges, config: AssociationConfig
) -> NDArray[np.bool_]:
    """Return bool (M, D): the detections that may be what a cluster, or a part of it, is."""
    detections = view.detections
    good = _NAMED[detections.class_ids] & (detections.scores >= config.split_score) & np.isfinite(where.distance)
    if good.sum() < 2:
        return np.zeros((len(clusters), len(detections)), np.bool_)
    centre = clusters.centre[:, :2] - where.eye[:2]
    far = np.hypot(centre[:, 0], centre[:, 1])
    half = np.hypot(clusters.size[:, 0], clusters.size[:, 1]) / 2
    gate = _GATE * np.where(np.isfinite(where.sigma), where.sigma, 0.0)
    claims = np.zeros((len(clusters), len(detections)), np.bool_)
    rows, columns = np.flatnonzero(projected.count >= 2 * config.min_points), np.flatnonzero(good)
    boxes = frozen(detections.boxes)
    _claim(claims, rows, columns, far - half, far + half, where.distance, gate, projected.bounds, boxes)
    return claims


@njit(cache=True)
def _claim(
    claims: NDArray[np.bool_],
    clusters: Indices,
    detections: Indices,
    near: Floats,
    far: Floats,
    distance: Floats,
    gate: Floats,
    bounds: Floats,
    boxes: Floats,
) -> None:
    """Set the claims (M, D) of some detections to some clusters: those that are as far away and meet in the image.

    Args:
        claims: bool (M, D), the result.
        clusters: int64 (K,) rows, all of which are in the image.
        detections: int64 (L,) columns.
        near, far: float64 (M,) metres from the camera between which a cluster lies.
        distance, gate: float64 (D,) metres from the camera, and by which that may be wrong.
        bounds: float64 (M, 4) of the clusters' pixels.
        boxes: float64 (D, 4) of the detections.
    """
    for m in clusters:
        for d in detections:
            off = abs(min(max(distance[d], near[m]), far[m]) - distance[d])
            beside = bounds[m, 0] >= boxes[d, 2] or bounds[m, 2] <= boxes[d, 0]
            apart = beside or bounds[m, 1] >= boxes[d, 3] or bounds[m, 3] <= boxes[d, 1]
            claims[m, d] = off <= gate[d] and not apart


def _cut(
    clusters: Clusters,
    view: CameraView,
    projected: ProjectedClusters,
    cluster: int,
    claimants: Indices,
    config: AssociationConfig,
) -> _Cut | None:
    """Give the points of a cluster to those that claim it; None where it is better left whole."""
    mine = projected.rows_of(cluster)
    owner = _owners(view, projected, mine, claimants)
    counts = np.bincount(owner + 1, minlength=len(claimants) + 1)[1:]
    least = max(config.min_points, config.split_share * (mine.stop - mine.start))
    kept = counts >= least
    if kept.sum() < 2:
        return None
    claimants = claimants[kept]
    names = [CLASSES[int(view.detections.class_ids[d])] for d in claimants]
    if view.masks is None and not _long_enough(clusters, cluster, names):
        return None
    rows = np.flatnonzero(clusters.labels == cluster)
    of_row = np.full(len(rows), -1, np.int64)
    of_row[np.searchsorted(rows, projected.index[mine])] = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)[owner]
    piece = _by_columns(clusters.points[rows, :2].astype(np.float64), of_row, len(claimants))
    ground = float(clusters.centre[cluster, 2] - clusters.size[cluster, 2] / 2 - clusters.bottom[cluster])
    for k, name in enumerate(names):
        if not _is_object(clusters.points[rows[piece == k]], ground, name, config):
            return None
    if view.masks is None and not _stand_apart(clusters.points[rows, :2], piece, names):
        return None
    return _Cut(cluster, rows, piece)


def _owners(view: CameraView, projected: ProjectedClusters, mine: slice, claimants: Indices) -> Indices:
    """Return int64 (N,): which of K claimants each of a cluster's projected points belongs to, -1 for none.

    By masks where there are some; else by the boxes that hold it, among which the class of its pixel chooses, and
    which claim nothing where they lie upon each other.
    """
    if view.masks is not None:
        on = instances_at(projected.pixels[mine], view.masks)
        at = np.minimum(np.searchsorted(claimants, on), len(claimants) - 1)
        return np.where(claimants[at] == on, at, -1)
    box = view.detections.boxes[claimants]
    if view.segmentation is None and _nested(box):
        return np.full(mine.stop - mine.start, -1)
    return closest_box(projected.pixels[mine], box, view.detections.class_ids[claimants], view.segmentation)


def _nested(box: Floats) -> bool:
    """Tell whether two of some boxes (K, 4) lie upon each other, or nearly one in the other."""
    for i in range(len(box)):
        for j in range(i):
            shared = np.maximum(np.minimum(box[i, 2:], box[j, 2:]) - np.maximum(box[i, :2], box[j, :2]), 0.0).prod()
            if shared >= _NESTED * min((box[i, 2:] - box[i, :2]).prod(), (box[j, 2:] - box[j, :2]).prod()):
                return True
    return False


def _by_columns(xy: Floats, owner: Indices, owners: int) -> Indices:
    """Return the owner (N,) of each point after a vote in columns of the bird's-eye view; all are given away."""
    cell = np.floor(xy / _COLUMN).astype(np.int64)
    cell -= cell.min(axis=0)
    wide = int(cell[:, 1].max()) + 1
    flat = cell[:, 0] * wide + cell[:, 1]
    taken = np.bincount(flat) > 0
    used = np.flatnonzero(taken)
    keys, column = np.column_stack(np.divmod(used, wide)), (np.cumsum(taken) - 1)[flat]
    told = owner >= 0
    votes = np.bincount(column[told] * owners + owner[told], minlength=len(keys) * owners).reshape(-1, owners)
    of_column = votes.argmax(axis=1)
    silent, speaking = np.flatnonzero(votes.sum(axis=1) == 0), np.flatnonzero(votes.sum(axis=1) > 0)
    if len(silent):
        apart = ((keys[silent, None] - keys[None, speaking]) ** 2).sum(axis=2)
        of_column[silent] = of_column[speaking[apart.argmin(axis=1)]]
    return np.asarray(of_column[column], np.int64)


def _is_object(points: NDArray[np.float32], ground: float, name: str, config: AssociationConfig) -> bool:
    """Tell whether points can be what is seen of a thing of a class that stands on the ground at ``ground`` metres."""
    if len(points) < config.min_points:
        return False
    prior = SIZE_PRIORS[name]
    low, high = float(points[:, 2].min()) - ground, float(points[:, 2].max()) - ground
    longest = float(np.ptp(points[:, :2], axis=0).max())
    stands = low < _STANDS and high >= _HEIGHT_SHARE * prior.mean[2]
    if name in VEHICLES and longest < _WIDTH_SHARE * prior.mean[1]:
        return False
    return stands and longest <= prior.mean[0] + 2.0 * prior.sigma[0] + _EXCESS


def _long_enough(clusters: Clusters, cluster: int, names: Sequence[str]) -> bool:
    """Tell whether a cluster can hold things of these classes side by side, as far as its length tells without masks.

    Several of one kind it can where together they are longer than one of them ever is, vehicles also than the shortest
    two in a row: several boxes upon one van are more often its faces.
    """
    vehicles = [name in VEHICLES for name in names]
    if any(vehicles) and not all(vehicles):
        return True
    priors = [SIZE_PRIORS[name] for name in names]
    if not any(vehicles):
        return bool(clusters.size[cluster, 0] > max(float(p.mean[0] + p.sigma[0]) for p in priors))
    in_a_row = sum(sorted(float(p.mean[0] - 2.0 * p.sigma[0]) for p in priors)[:2])
    longest = max(*(float(p.mean[0] + 2.0 * p.sigma[0]) for p in priors), in_a_row)
    return bool(clusters.size[cluster, 0] > longest)


def _stand_apart(xy: NDArray[np.float32], piece: Indices, names: Sequence[str]) -> bool:
    """Tell whether, of people at vehicles, the people stand outside of the outline of the rest."""
    people = [k for k, name in enumerate(names) if name not in VEHICLES]
    if len(people) == len(names):
        return True
    return all(_stands_out(xy[piece == k], xy[piece != k]) for k in people)


def _stands_out(own: NDArray[np.float32], rest: NDArray[np.float32]) -> bool:
    """Tell whether the middle of some points (N, 2) lies outside of the convex outline of others (K, 2)."""
    outline = shapes.convex_hull(rest.astype(np.float64))
    if len(outline) < 3:
        return True
    edge = np.roll(outline, -1, axis=0) - outline
    to_middle = own.mean(axis=0) - outline
    left = edge[:, 0] * to_middle[:, 1] - edge[:, 1] * to_middle[:, 0]
    return bool((left < -_COLUMN / 2 * np.hypot(edge[:, 0], edge[:, 1])).any())


def _with_pieces(clusters: Clusters, cuts: Sequence[_Cut]) -> Clusters:
    """Return clusters with new rows for the pieces of those that were cut."""
    labels = clusters.labels.copy()
    hulls = [clusters.footprint(k) for k in range(len(clusters))]
    pieces: list[_Piece] = []
    for cut in cuts:
        c = cut.cluster
        ground = float(clusters.centre[c, 2] - clusters.size[c, 2] / 2 - clusters.bottom[c])
        for k in range(int(cut.piece.max()) + 1):
            rows = cut.rows[cut.piece == k]
            row = c if k == 0 else len(hulls)
            piece = _piece(clusters.points[rows].astype(np.float64), ground, row, c, float(clusters.yaw[c]))
            labels[rows] = piece.row
            hulls = [*hulls[: piece.row], piece.hull, *hulls[piece.row + 1 :]]
            pieces.append(piece)
    origin = np.arange(len(hulls))
    at = np.array([p.row for p in pieces])
    origin[at] = [p.origin for p in pieces]
    centre, size, yaw = clusters.centre[origin], clusters.size[origin], clusters.yaw[origin]
    covariance, count = clusters.covariance[origin], clusters.point_count[origin]
    bottom, top = clusters.bottom[origin], clusters.top[origin]
    centre[at], size[at], yaw[at] = (np.array([getattr(p, n) for p in pieces]) for n in ("centre", "size", "yaw"))
    count[at], bottom[at], top[at] = (np.array([getattr(p, n) for p in pieces]) for n in ("count", "bottom", "top"))
    covariance[at] += _CUT_SIGMA**2 * np.diag([1.0, 1.0, 0.0])
    return replace(
        clusters,
        centre=centre,
        size=size,
        yaw=yaw,
        covariance=covariance,
        point_count=count,
        labels=labels,
        hull=np.concatenate(hulls),
        hull_start=np.cumsum([0, *(len(h) for h in hulls)]),
        bottom=bottom,
        top=top,
        time_offset=clusters.time_offset[origin],
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece of the cluster ``origin``, to stand in ``row``: the columns of ``Clusters``."""

    row: int
    origin: int
    hull: Floats
    centre: Floats
    size: Floats
    yaw: float
    count: int
    bottom: float
    top: float


def _piece(points: Floats, ground: float, row: int, origin: int, lay: float) -> _Piece:
    """Describe a piece by the rectangle of least area around its points (N, 3).

    Cuts leave slanting ends, along which a rectangle may fit a little better: a piece lies as its cluster did, at the
    angle ``lay``, unless that needs far more room.
    """
    hull = shapes.convex_hull(points[:, :2])
    edges = np.roll(hull, -1, axis=0) - hull
    headings = np.append(np.arctan2(edges[:, 1], edges[:, 0]) if len(hull) > 1 else np.zeros(0), lay)
    c, s = np.cos(headings), np.sin(headings)
    along = np.outer(c, hull[:, 0]) + np.outer(s, hull[:, 1])
    local = np.stack([along, np.outer(c, hull[:, 1]) - np.outer(s, hull[:, 0])])
    low, high = local.min(axis=2), local.max(axis=2)
    area = (high - low + 0.01).prod(axis=0)
    area[-1] /= _ROOM
    best = int(np.argmin(area))
    yaw, flat, middle = float(headings[best]), (high - low)[:, best], ((low + high) / 2)[:, best]
    c_, s_ = np.cos(yaw), np.sin(yaw)
    bottom, top = float(points[:, 2].min()), float(points[:, 2].max())
    if flat[1] > flat[0]:
        flat, yaw = flat[::-1], yaw + np.pi / 2
    return _Piece(
        row=row,
        origin=origin,
        hull=hull,
        centre=np.array([c_ * middle[0] - s_ * middle[1], s_ * middle[0] + c_ * middle[1], (bottom + top) / 2]),
        size=np.array([*flat, top - bottom]),
        yaw=(yaw + np.pi / 2) % np.pi - np.pi / 2,
        count=len(points),
        bottom=bottom - ground,
        top=top - ground,
    )
