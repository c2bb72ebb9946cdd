"""Parameters of the calibration check."""

from dataclasses import dataclass

from perception_core.config import Config, param


@dataclass(frozen=True)
class CalibrationCheckConfig(Config):
    """What is compared, how far the search reaches, and what still counts as fitting."""

    max_frames: int = param(40, "frames that are compared, evenly spread over the recording", low=1, high=1000)
    max_range: float = param(50.0, "depth steps farther away are left out", unit="m", low=5.0, high=300.0)
    reach: float = param(2.6, "largest turn about each axis that is searched", unit="deg", low=0.5, high=6.0)
    offset_reach: float = param(0.15, "largest time offset that is searched", unit="s", low=0.01, high=0.5)
    prior_rotation: float = param(
        1.5, "how far mounts turn, before anything is seen: standard deviation", unit="deg", low=0.1, high=10.0
    )
    prior_translation: float = param(
        0.08, "how far mounts shift, before anything is seen: standard deviation", unit="m", low=0.005, high=1.0
    )
    prior_offset: float = param(
        0.06, "how far clocks differ, before anything is seen: standard deviation", unit="s", low=0.001, high=1.0
    )
    tolerance_rotation: float = param(0.25, "turn about an axis that still fits", unit="deg", low=0.01, high=5.0)
    tolerance_translation: float = param(0.03, "shift along an axis that still fits", unit="m", low=0.001, high=1.0)
    tolerance_offset: float = param(0.03, "time offset that still fits", unit="s", low=0.001, high=0.5)
    min_edges: int = param(300, "depth steps in the images, of all frames together, that a verdict needs", low=10)
    min_flow: float = param(
        2.0, "shift of the fastest tenth of the depth steps in 0.1 s that a time offset needs", unit="px", low=0.1
    )
