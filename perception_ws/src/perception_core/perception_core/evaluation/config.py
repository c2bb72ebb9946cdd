"""What the evaluation asks for, and from when on it calls something right."""

from dataclasses import dataclass

from perception_core.config import Config, param


@dataclass(frozen=True)
class EvaluationConfig(Config):
    """What counts as an object to be found, and what as found."""

    min_points: int = param(10, "an object with fewer LiDAR points is not asked for", low=0, high=10_000)
    min_visible: float = param(
        0.3, "nor one of whose picture less is free, where points were not counted", low=0.0, high=1.0
    )
    max_range: float = param(
        60.0, "horizontal distance from the base frame up to which is evaluated", unit="m", low=1.0, high=1000.0
    )
    view_half_angle: float = param(
        180.0,
        "nothing is evaluated further from straight ahead (labels of one camera)",
        unit="deg",
        low=1.0,
        high=180.0,
    )
    match_distance: float = param(
        2.0, "farthest that the centres of an object and of its obstacle may lie apart", unit="m", low=0.1, high=20.0
    )
    settling_time: float = param(
        1.0, "an object asked for since so long is expected to have its velocity", unit="s", low=0.0, high=10.0
    )
