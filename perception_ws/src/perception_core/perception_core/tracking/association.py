"""Which measurement belongs to which track: gates, costs and a global assignment.

The cost of a pair is twice the negative log likelihood ratio of "this track was measured here" against "the
track was missed and the measurement is new" (Bar-Shalom, Willett, Tian 2011, section 6.3), so 0 is the price
of no match:

    -2 ln sum_k(mu_k N(innovation; S_k)) - 2 ln agreement + 2 ln(clutter density) + 2 ln((1 - P_D) / P_D)

over the motion models k. The density N keeps a vague young track from taking the measurement of a precise old one.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from perception_core.compiling import frozen
from perception_core.tracking import class_belief, crumbs
from perception_core.tracking.anchoring import SMALL, anchored_innovation
from perception_core.tracking.config import AssociationConfig
from perception_core.tracking.kalman import place_covariance
from perception_core.tracking.measurements import Measurements
from perception_core.tracking.table import TrackTable
from perception_core.types.classes import INDEX, PERSON

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_UPRIGHT, _DENSE, _LARGE = 1.2, 50, 3.0
"""Metres of height and LiDAR points from which on a slim thing is seen as a whole; metres of what has large pieces."""

_SURE = 0.5
"""Probability from which on somebody is a person."""

_NEVER = 1e-9
"""Models less probable than this are not asked."""


def associate(
    tracks: TrackTable,
    sides: Floats,
    measurements: Measurements,
    face_variance: Floats,
    config: AssociationConfig,
) -> tuple[Indices, Indices, Floats]:
    """Match T tracks with M measurements: confirmed tracks choose first, tentative ones share what is left.

    Args:
        tracks: predicted to the time of the measurements.
        sides: (T, 2) anchors of the tracks, see :mod:`perception_core.tracking.anchoring`.
        measurements: in the same frame.
        face_variance: (M,) m^2.
        config: gate and densities.

    Returns:
        Row of the track and index of the measurement of each match, int64 (K,) each, ordered by row; and the
        likelihood (K,) of each match in 1/m^3: small where it might well be chance.
    """
    costs = pair_costs(tracks, sides, measurements, face_variance, config)
    free = np.ones(len(measurements), dtype=np.bool_)
    rows: list[Indices] = []
    columns: list[Indices] = []
    for group in (np.flatnonzero(tracks.confirmed), np.flatnonzero(~tracks.confirmed)):
        open_columns = np.flatnonzero(free)
        r, c = assign(costs[np.ix_(group, open_columns)])
        rows.append(group[r])
        columns.append(open_columns[c])
        free[open_columns[c]] = False
    row, column = np.concatenate(rows), np.concatenate(columns)
    order = np.argsort(row, kind="stable")
    row, column = row[order], column[order]
    miss = config.clutter_density * (1.0 - config.detection_probability) / config.detection_probability
    return row, column, miss * np.exp(-costs[row, column] / 2.0)


def pair_costs(
    tracks: TrackTable,
    sides: Floats,
    measurements: Measurements,
    face_variance: Floats,
    config: AssociationConfig,
) -> Floats:
    """Return the costs (T, M) of the module's formula, +inf outside the gate."""
    p = config.detection_probability
    constant = 2.0 * math.log(config.clutter_density) + 2.0 * math.log((1.0 - p) / p) + 3.0 * math.log(2.0 * math.pi)
    costs: Floats = _costs(
        np.ascontiguousarray(tracks.state),  # of any layout it would be compiled twice
        tracks.covariance,
        tracks.model_states,
        tracks.model_covariances,
        tracks.model_probability,
        tracks.size,
        np.ascontiguousarray(tracks.heading),
        sides,
        tracks.known_ends,
        tracks.familiar,
        measurements.centre,
        measurements.size,
        measurements.yaw,
        measurements.noise,
        measurements.lidar,
        measurements.loose,
        measurements.late,
        face_variance,
        tracks.class_probabilities,
        class_belief.likelihood(measurements.class_probabilities),
        config.class_floor,
        config.gate,
        constant,
    )
    costs[np.ix_(tracks.size[:, :2].max(axis=1) > _LARGE, _upright(measurements))] = np.inf
    costs[np.ix_(_lost(tracks), measurements.size[:, :2].max(axis=1) > _LARGE)] = np.inf
    costs[crumbs.of_moving(tracks, measurements.size) & measurements.lidar] = np.inf
    return costs


def _lost(tracks: TrackTable) -> NDArray[np.bool_]:
    """Tell which tracks (T,) are people who may be anywhere within more than their size: no end of a vehicle is theirs.

    Somebody who walked behind a parked van would come out again as the van.
    """
    spread = tracks.covariance[:, 0, 0] + tracks.covariance[:, 1, 1]
    somebody = tracks.settled & (tracks.class_probabilities[:, INDEX[PERSON]] >= _SURE)
    out: NDArray[np.bool_] = somebody & (tracks.size[:, :2].max(axis=1) < SMALL) & (spread > SMALL**2)
    return out


def _upright(measurements: Measurements) -> NDArray[np.bool_]:
    """Tell which measurements (M,) are whole, slim and upright as people and posts are, and so no piece of a vehicle.

    Without this a car's track that has lost its car to another takes the person beside it for one of its corners, and
    goes along with him, as long and as broad as it was.
    """
    size, points = measurements.size, measurements.point_count
    slim = (np.maximum(size[:, 0], size[:, 1]) < SMALL) & (size[:, 2] >= _UPRIGHT)
    out: NDArray[np.bool_] = slim & (points >= _DENSE) & ~measurements.loose.any(axis=(1, 2))
    return out


def assign(costs: Floats) -> tuple[Indices, Indices]:
    """Minimise the sum of costs (T, M); leaving a row and a column alone costs 0, so positive pairs never match.

    Rows and columns with a single candidate each are matched at once, the rest by scipy's
    ``linear_sum_assignment``.
    """
    row, column, open_rows, open_columns = _lone(frozen(costs))
    if len(open_rows) == 0:
        return row, column
    capped = np.minimum(costs[np.ix_(open_rows, open_columns)], 0.0)
    r, c = linear_sum_assignment(capped)
    kept = capped[r, c] < 0.0
    row = np.concatenate([row, open_rows[r[kept]]])
    column = np.concatenate([column, open_columns[c[kept]]])
    order = np.argsort(row, kind="stable")
    return row[order].astype(np.int64), column[order].astype(np.int64)


@njit(cache=True)
def _lone(costs: Floats) -> tuple[Indices, Indices, Indices, Indices]:
    """Return rows and columns of the pairs that have but each other, and the rows and columns that have a choice."""
    t, m = costs.shape
    by_row, by_column = np.zeros(t, dtype=np.int64), np.zeros(m, dtype=np.int64)
    last = np.zeros(t, dtype=np.int64)
    for i in range(t):
        for j in range(m):
            if costs[i, j] < 0.0:
                by_row[i] += 1
                by_column[j] += 1
                last[i] = j
    lone = by_row == 1
    for i in range(t):
        lone[i] = lone[i] and by_column[last[i]] == 1
    row = np.flatnonzero(lone)
    column = last[row]
    by_row[row] = 0
    by_column[column] = 0
    return row, column, np.flatnonzero(by_row), np.flatnonzero(by_column)


@njit(cache=True)
def _costs(
    state: Floats,
    covariance: Floats,
    model_states: Floats,
    model_covariances: Floats,
    model_probability: Floats,
    track_size: Floats,
    heading: Floats,
    sides: Floats,
    known: NDArray[np.bool_],
    familiar: NDArray[np.uint8],
    centre: Floats,
    size: Floats,
    yaw: Floats,
    noise: Floats,
    lidar: NDArray[np.bool_],
    loose: NDArray[np.bool_],
    late: Floats,
    face_variance: Floats,
    belief: Floats,
    likelihood: Floats,
    class_floor: float,
    gate: float,
    constant: float,
) -> Floats:
    t, m = len(state), len(centre)
    costs = np.full((t, m), np.inf)
    innovation, s = np.empty(3), np.empty((3, 3))
    diagonal = np.empty(m)
    for j in range(m):
        diagonal[j] = math.hypot(size[j, 0], size[j, 1])
    for i in range(t):
        spread = covariance[i, 0, 0] + covariance[i, 1, 1]
        box, speed = math.hypot(track_size[i, 0], track_size[i, 1]), math.hypot(state[i, 3], state[i, 4])
        for j in range(m):
            dx, dy = centre[j, 0] - state[i, 0], centre[j, 1] - state[i, 1]
            slack, travelled = (box + diagonal[j]) / 2.0, abs(late[j]) * speed
            reach = slack + travelled + math.sqrt(gate * (spread + noise[j, 0, 0] + noise[j, 1, 1]))
            if dx * dx + dy * dy > reach * reach:
                continue
            anchored_innovation(
                state[i, :3],
                track_size[i],
                heading[i, 0],
                sides[i],
                known[i],
                familiar[i],
                centre[j],
                size[j],
                yaw[j],
                noise[j],
                lidar[j],
                loose[j],
                face_variance[j],
                np.inf,
                innovation,
                s,
            )
            nearest, density = _mixture_fit(
                state[i], model_states[i], model_covariances[i], model_probability[i], innovation, s, late[j]
            )
            if nearest <= gate:
                agreement = 0.0
                for c in range(belief.shape[1]):
                    agreement += belief[i, c] * likelihood[j, c]
                costs[i, j] = -2.0 * math.log(density * max(agreement, class_floor)) + constant
    return costs


@njit(cache=True)
def _mixture_fit(
    state: Floats,
    model_states: Floats,
    model_covariances: Floats,
    model_probability: Floats,
    innovation: Floats,
    noise: Floats,
    late: float,
) -> tuple[float, float]:
    """Return the least squared Mahalanobis distance and the density, but for (2 pi)^-1.5, under a mixture of models.

    Args:
        state: (6,) mean of the models, by which ``innovation`` (3,) was formed with its ``noise`` (3, 3).
        model_states: (K, S) mean of each.
        model_covariances: (K, S, S).
        model_probability: (K,).
        late: seconds from the state to the measurement.
    """
    place, shifted = np.empty((3, 3)), np.empty(3)
    nearest, density = np.inf, 0.0
    for k in range(len(model_probability)):
        if model_probability[k] < _NEVER:
            continue
        for a in range(3):
            shifted[a] = innovation[a] + state[a] - model_states[k, a] - late * model_states[k, a + 3]
        place_covariance(model_covariances[k], late, place)
        distance, determinant = _mahalanobis(shifted, noise + place)
        nearest = min(nearest, distance)
        density += model_probability[k] * math.exp(-distance / 2.0) / math.sqrt(determinant)
    return nearest, density


@njit(cache=True)
def _mahalanobis(v: Floats, s: Floats) -> tuple[float, float]:
    """Return v^T s^-1 v and det s of a symmetric positive definite (3, 3) matrix, by cofactors."""
    c00 = s[1, 1] * s[2, 2] - s[1, 2] * s[1, 2]
    c01 = s[0, 2] * s[1, 2] - s[0, 1] * s[2, 2]
    c02 = s[0, 1] * s[1, 2] - s[0, 2] * s[1, 1]
    c11 = s[0, 0] * s[2, 2] - s[0, 2] * s[0, 2]
    c12 = s[0, 1] * s[0, 2] - s[0, 0] * s[1, 2]
    c22 = s[0, 0] * s[1, 1] - s[0, 1] * s[0, 1]
    determinant = s[0, 0] * c00 + s[0, 1] * c01 + s[0, 2] * c02
    quadratic = (
        c00 * v[0] * v[0]
        + c11 * v[1] * v[1]
        + c22 * v[2] * v[2]
        + 2.0 * (c01 * v[0] * v[1] + c02 * v[0] * v[2] + c12 * v[1] * v[2])
    )
    return quadratic / determinant, determinant
