"""What obstacles refuse to carry."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from perception_core.errors import PerceptionError
from perception_core.types import CLASSES, Mode, Obstacles


def with_paths(covariance: ArrayLike | None, t: int = 1, steps: int = 1) -> Obstacles:
    given = {} if covariance is None else {"predicted_covariance": np.asarray(covariance)}
    return Obstacles(
        stamp_ns=0,
        frame="odom",
        ids=np.zeros((t, 16), dtype=np.uint8),
        centre=np.zeros((t, 3)),
        size=np.ones((t, 3)),
        yaw=np.zeros(t),
        pose_covariance=np.zeros((t, 6, 6)),
        velocity=np.zeros((t, 3)),
        yaw_rate=np.zeros(t),
        twist_covariance=np.zeros((t, 6, 6)),
        class_probabilities=np.full((t, len(CLASSES)), 1.0 / len(CLASSES)),
        existence=np.ones(t),
        footprints=(np.empty((0, 2)),) * t,
        motion=np.zeros(t, dtype=np.uint8),
        sensors=np.zeros(t, dtype=np.uint8),
        first_seen_ns=np.zeros(t, dtype=np.int64),
        last_seen_ns=np.zeros(t, dtype=np.int64),
        predicted_path=np.zeros((t, steps, 3)),
        prediction_step_ns=1,
        mode=Mode.FUSED,
        **given,
    )


@pytest.mark.parametrize(("t", "steps"), [(0, 0), (0, 6), (2, 0), (2, 6)])
def test_without_a_covariance_it_is_not_known(t: int, steps: int) -> None:
    assert with_paths(None, t, steps).predicted_covariance.shape == (t, 0, 3, 3)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.eye(3),
        np.ones((3, 3)),  # rank 1
        np.diag([4.0, 0.0, 1.0]),
        [[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 9.0]],  # 4 * 1 - 2 * 2 = 0
    ],
)
def test_positive_semidefinite_is_enough(matrix: ArrayLike) -> None:
    told = with_paths([[matrix]]).predicted_covariance
    np.testing.assert_array_equal(told, [[matrix]])
    assert not told.flags.writeable


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([1.0, -1e-3, 1.0]),
        np.diag([1.0, np.nan, 1.0]),
        np.diag([np.inf, 1.0, 1.0]),
        [[1.0, 0.5, 0.0], [0.4, 1.0, 0.0], [0.0, 0.0, 1.0]],  # not symmetric
        [[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]],  # 1 * 1 - 2 * 2 < 0
        [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]],  # 1 - 2 * 0.729 - 3 * 0.81 < 0
    ],
)
def test_what_is_no_covariance_is_refused(matrix: ArrayLike) -> None:
    with pytest.raises(PerceptionError, match=r"predicted_covariance: expected symmetric positive semidefinite"):
        with_paths([[np.eye(3)], [matrix]], t=2)


def test_a_covariance_for_each_pose_or_none() -> None:
    with pytest.raises(
        PerceptionError, match=r"predicted_covariance: expected shape \(1, 2, 3, 3\), got \(1, 1, 3, 3\)"
    ):
        with_paths(np.zeros((1, 1, 3, 3)), steps=2)
