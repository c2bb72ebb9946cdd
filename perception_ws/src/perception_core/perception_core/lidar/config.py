"""Parameters of the LiDAR path; distances in metres in the base frame."""

from dataclasses import dataclass

from perception_core.config import Config, group, param
from perception_core.errors import ConfigError
from perception_core.lidar.assembly import DeskewConfig
from perception_core.lidar.join import JoinConfig
from perception_core.lidar.returns import ReturnsConfig


@dataclass(frozen=True)
class CropConfig(Config):
    """Which points are looked at at all."""

    min_range: float = param(
        0.5, "nearer returns are dropped, horizontal distance from the sensor", unit="m", low=0.0, high=10.0
    )
    max_range: float = param(
        80.0, "farther returns are dropped, horizontal distance from the sensor", unit="m", low=5.0, high=300.0
    )
    min_height: float = param(
        -10.0, "returns lower than this in the base frame are dropped", unit="m", low=-200.0, high=0.0
    )
    max_height: float = param(
        15.0, "returns higher than this in the base frame are dropped", unit="m", low=0.5, high=200.0
    )
    body_min: tuple[float, ...] = param(
        (-2.7, -1.4, 0.0), "lowest corner x, y, z of the robot's own body, cropped", unit="m", low=-50.0, high=50.0
    )
    body_max: tuple[float, ...] = param(
        (2.2, 1.4, 2.2), "highest corner x, y, z of the robot's own body", unit="m", low=-50.0, high=50.0
    )
    min_intensity: float = param(
        0.0, "weaker returns are dropped, in the driver's own unit; 0: none", low=0.0, high=1e6
    )
    max_intensity: float = param(
        0.0, "stronger returns are dropped, in the driver's own unit; 0: none", low=0.0, high=1e6
    )

    def __post_init__(self) -> None:
        """Check that the corners have three coordinates."""
        super().__post_init__()
        for name in ("body_min", "body_max"):
            if len(getattr(self, name)) != 3:
                raise ConfigError(f"{name}: expected x, y, z, got {list(getattr(self, name))}")

    @property
    def limits_intensity(self) -> bool:
        """Whether points are dropped by intensity."""
        return self.min_intensity > 0.0 or self.max_intensity > 0.0


@dataclass(frozen=True)
class GroundConfig(Config):
    """The elevation model."""

    obstacle_height: float = param(
        0.04, "points higher than this and the noise of the ground are obstacles", unit="m", low=0.01, high=1.0
    )
    height_per_range: float = param(
        0.0005, "the obstacle height grows by this much a metre of range", unit="m/m", low=0.0, high=0.05
    )
    max_slope: float = param(0.35, "steepest ground, rise over run; steeper is an obstacle", low=0.02, high=1.5)
    max_step: float = param(
        0.2, "higher steps are obstacles, lower ones (kerbs) are ground", unit="m", low=0.03, high=0.5
    )
    slope_change: float = param(
        0.02, "how much the slope may change a metre, standard deviation", unit="1/m", low=0.005, high=0.5
    )
    start_sigma: float = param(
        0.08,
        "how well z = 0 holds under the robot, standard deviation; large for a drone",
        unit="m",
        low=0.01,
        high=50.0,
    )


@dataclass(frozen=True)
class ClusterConfig(Config):
    """Which points above ground belong together."""

    clearance: float = param(
        2.5, "what hangs higher than this above ground is no obstacle", unit="m", low=0.2, high=15.0
    )
    hanging_to: float = param(
        0.0,
        "what hangs above the clearance, up to this above ground, is an obstacle of its own, for what flies; 0: none",
        unit="m",
        low=0.0,
        high=200.0,
    )
    cell_size: float = param(0.2, "edge of a bird's-eye cell", unit="m", low=0.05, high=0.5)
    gap: float = param(
        0.22, "points nearer than this to each other are connected, at the robot", unit="m", low=0.05, high=2.0
    )
    gap_per_range: float = param(
        0.006, "the connecting distance grows by this much a metre of range", unit="m/m", low=0.0, high=0.1
    )
    depth_factor: float = param(
        2.0, "how many times faster the connecting distance grows along the line of sight", low=1.0, high=5.0
    )
    max_gap: float = param(0.7, "largest connecting distance", unit="m", low=0.1, high=3.0)
    min_points: int = param(
        4, "smaller clusters are specks at any range; three quarters of it are enough on the ground", low=1, high=100
    )
    min_points_near: int = param(
        10,
        "smaller clusters are specks at 10 m and nearer; falls with 1 / range; half of it is enough on the ground",
        low=1,
        high=1000,
    )
    min_top: float = param(
        0.12, "clusters whose top is lower than this above ground are no obstacles", unit="m", low=0.0, high=2.0
    )
    min_top_long: float = param(
        0.2,
        "the same for clusters longer than 0.5 m (kerbs, rails) and for all beyond 25 m",
        unit="m",
        low=0.0,
        high=2.0,
    )
    speck_density: float = param(
        60.0,
        "rain, snow, dust: points times metres of range that 3 x 3 cells of something solid hold at least; 0 keeps all",
        low=0.0,
        high=1000.0,
    )
    max_length: float = param(20.0, "longer clusters are cut in pieces", unit="m", low=1.0, high=100.0)
    max_width: float = param(
        4.0, "clusters wider than this across their length are cut in pieces", unit="m", low=0.5, high=50.0
    )

    def __post_init__(self) -> None:
        """Check that there is room for what hangs."""
        super().__post_init__()
        if 0.0 < self.hanging_to <= self.clearance:
            raise ConfigError(
                f"hanging_to: {self.hanging_to:g} m is not above the clearance of {self.clearance:g} m: nothing would "
                "hang there; 0 for none"
            )


@dataclass(frozen=True)
class LidarConfig(Config):
    """Parameters from cloud to clusters."""

    crop: CropConfig = group(CropConfig)
    ground: GroundConfig = group(GroundConfig)
    cluster: ClusterConfig = group(ClusterConfig)
    deskew: DeskewConfig = group(DeskewConfig)
    join: JoinConfig = group(JoinConfig)
    returns: ReturnsConfig = group(ReturnsConfig)
    coverage_sectors: int = param(360, "azimuth sectors of the coverage", low=8, high=3600)
