"""What a scenario is made of, as configuration: the street, the light, the sensors and who is about."""

from dataclasses import dataclass

from perception_core.config import Config, group, param
from perception_core.simulation.disturbances import DisturbancesConfig

MAIN_LIDAR = "top"
"""Name of the LiDAR under the key ``lidar``."""

MAIN_CAMERA = "front"
"""Name of the camera under the key ``camera``."""

MAX_SEED = 2**31
"""The largest seed."""

ANY_CAR = "car"
"""Model of an actor whose seed chooses among :data:`CARS`."""

CARS = ("sedan", "hatchback", "suv")

MODELS = (
    ANY_CAR, *CARS, "van", "truck", "bus", "pedestrian", "child", "cyclist", "crate", "barrier", "barrel", "skip",
)  # fmt: skip


@dataclass(frozen=True)
class StreetConfig(Config):
    """The street: a centreline, and what stands along it."""

    centreline: tuple[float, ...] = param((0.0, 0.0, 300.0, 0.0), "waypoints x, y of the centreline", unit="m")
    lane_width: float = param(3.5, "width of each lane", unit="m", low=2.0, high=6.0)
    lanes: int = param(1, "lanes in either direction", low=1, high=5)
    markings: str = param(
        "street", "lines: of a street with parking bays, of a motorway, none", choices=("street", "motorway", "none")
    )
    rails: bool = param(False, "guard rails in the middle and along both edges of the road")
    parking_width: float = param(2.3, "width of the parking lane on either side", unit="m", low=0.0, high=5.0)
    sidewalk_width: float = param(4.0, "width of the sidewalks", unit="m", low=1.0, high=20.0)
    kerb_height: float = param(0.14, "height of the kerb", unit="m", low=0.02, high=0.3)
    parked_fraction: float = param(0.7, "share of the parking places taken", low=0.0, high=1.0)
    parking_free: tuple[float, ...] = param((), "stretches s_low, s_high without parked cars", unit="m")
    tree_spacing: float = param(15.0, "distance between trees", unit="m", low=4.0, high=1000.0)
    lamp_spacing: float = param(32.0, "distance between street lamps", unit="m", low=4.0, high=1000.0)
    buildings: bool = param(True, "whether houses line the street")
    clutter: float = param(
        0.0, "benches, bollards, bushes, boards and the like on the sidewalks", unit="per 100 m", low=0.0, high=100.0
    )
    crossings: tuple[float, ...] = param((), "s of the zebra crossings", unit="m")
    gantries: tuple[float, ...] = param((), "s of sign gantries over the road", unit="m")
    bridges: tuple[float, ...] = param((), "s of foot bridges over the street", unit="m")
    clearance: float = param(5.0, "height of gantries and bridges over the road", unit="m", low=3.0, high=20.0)
    elevation: tuple[float, ...] = param(
        (), "pairs s, z of the street's height, rounded between; level beyond", unit="m"
    )
    side_streets: tuple[float, ...] = param((), "s of streets that cross on the level of the sidewalks", unit="m")
    hanging: tuple[float, ...] = param(
        (), "ropes and beams between posts: groups of s, d of either end, height, thickness", unit="m"
    )


@dataclass(frozen=True)
class LightConfig(Config):
    """The sun and the air."""

    sun_azimuth: float = param(212.0, "direction of the sun from the x axis, to the left", unit="deg")
    sun_elevation: float = param(50.0, "height of the sun", unit="deg", low=5.0, high=90.0)
    haze: float = param(450.0, "distance at which haze takes 63 % of the contrast", unit="m", low=20.0)
    overcast: float = param(0.0, "share of the sun's light that clouds spread over the sky", low=0.0, high=1.0)
    exposure: float = param(1.0, "factor on the light that reaches the sensor", low=0.05, high=10.0)


@dataclass(frozen=True)
class LidarConfig(Config):
    """A spinning LiDAR; each column of beams fires at its own time while the car moves."""

    frame: str = param("lidar_top", "TF frame")
    position: tuple[float, ...] = param((0.0, 0.0, 1.84), "x, y, z in base_link", unit="m")
    yaw: float = param(0.0, "turn to the left", unit="deg", low=-180.0, high=180.0)
    pitch: float = param(0.0, "turn down", unit="deg", low=-90.0, high=90.0)
    roll: float = param(0.0, "turn to the right", unit="deg", low=-180.0, high=180.0)
    rate: float = param(10.0, "sweeps a second", unit="Hz", low=1.0, high=50.0)
    delay: float = param(
        0.0, "how much later than whole periods the sweeps of a further LiDAR are", unit="s", low=0.0, high=1.0
    )
    until: float = param(1e6, "time at which a further LiDAR stops for good", unit="s", low=0.0)
    columns: int = param(1800, "firings a sweep", low=16, high=8192)
    elevations: tuple[float, ...] = param(
        (-24.33, -8.83, 32.0, -8.33, 2.0, 32.0),
        "groups of beams, lowest first: elevation of the first, of the last, count (default: HDL-64E)",
        unit="deg, deg, beams",
    )
    range_min: float = param(0.9, "nearest range", unit="m", low=0.0)
    range_max: float = param(120.0, "farthest range", unit="m", low=1.0, high=500.0)
    range_noise: float = param(0.02, "standard deviation of the range", unit="m", low=0.0, high=1.0)
    range_step: float = param(0.002, "resolution of the range", unit="m", low=0.0, high=0.1)
    dropout: float = param(0.01, "share of rays lost for no reason", low=0.0, high=1.0)


@dataclass(frozen=True)
class CameraConfig(Config):
    """A pinhole camera with a global shutter; the main one is triggered when the main LiDAR looks ahead."""

    frame: str = param("camera_front", "optical frame")
    position: tuple[float, ...] = param((0.3, 0.0, 1.6), "x, y, z in base_link", unit="m")
    yaw: float = param(0.0, "turn to the left", unit="deg", low=-180.0, high=180.0)
    pitch: float = param(0.0, "turn down", unit="deg", low=-90.0, high=90.0)
    rate: float = param(10.0, "pictures a second of a further camera", unit="Hz", low=1.0, high=100.0)
    delay: float = param(
        0.0, "how much later than whole periods a further camera takes its pictures", unit="s", low=0.0, high=1.0
    )
    width: int = param(960, "image width", unit="px", low=16, high=8192)
    height: int = param(400, "image height", unit="px", low=16, high=8192)
    focal: float = param(570.0, "focal length", unit="px", low=8.0)
    centre: tuple[float, ...] = param((479.5, 179.5), "principal point cx, cy", unit="px")
    noise: float = param(1.5, "standard deviation of the grey value", low=0.0, high=50.0)
    blur: float = param(0.55, "standard deviation of the lens blur", unit="px", low=0.0, high=10.0)


@dataclass(frozen=True)
class ActorConfig(Config):
    """Somebody on the street; also the ego car, whose model does not matter."""

    model: str = param("sedan", "what it looks like", choices=MODELS)
    path: tuple[float, ...] = param((0.0, -1.75), "waypoints s, d in street coordinates; one stands still", unit="m")
    speed: tuple[float, ...] = param((0.0, 0.0), "time, speed pairs, linear between", unit="s, m/s")
    heading: float = param(0.0, "heading against the street of one that stands still", unit="deg")
    reverse: bool = param(False, "whether it goes its way backwards")
    altitude: tuple[float, ...] = param((), "time, height pairs of one that flies, smooth between", unit="s, m")
    tilt: tuple[float, ...] = param(
        (), "time, pitch (nose down), roll (right side down) of one that flies, smooth between", unit="s, deg, deg"
    )
    vary_way: float = param(0.0, "how far the seed moves its path ahead or back", unit="m", low=0.0, high=50.0)
    vary_side: float = param(0.0, "how far the seed moves its path sideways", unit="m", low=0.0, high=5.0)
    vary_speed: float = param(0.0, "share by which the seed changes its speed", low=0.0, high=0.9)


@dataclass(frozen=True)
class TrafficConfig(Config):
    """So many actors that the seed places, none of them in anybody's way.

    They start at random in the rectangle ``s`` x ``d`` and go straight to somewhere in ``to_s`` x ``to_d``; where that
    is not given they go along the street, to the right of its centreline ahead and to its left back.
    """

    count: int = param(0, "how many", low=0, high=500)
    models: tuple[str, ...] = param((ANY_CAR,), "what they look like", choices=MODELS)
    s: tuple[float, ...] = param((0.0, 100.0), "from, to along the street where they start", unit="m")
    d: tuple[float, ...] = param((-1.75, -1.75), "from, to across the street where they start", unit="m")
    lanes: tuple[float, ...] = param((), "instead of d: the places across the street where they start", unit="m")
    to_s: tuple[float, ...] = param((), "from, to along the street where they go", unit="m")
    to_d: tuple[float, ...] = param((), "from, to across the street where they go", unit="m")
    speed: tuple[float, ...] = param((1.0, 1.6), "from, to", unit="m/s", low=0.0, high=80.0)
    changing: float = param(0.0, "share of those along the street that change to another of the lanes", low=0, high=1)
    gap: float = param(0.4, "room that they leave ahead and behind, always", unit="m", low=0.0, high=50.0)


@dataclass(frozen=True)
class ScenarioConfig(Config):
    """All of a scenario but its lists of actors, of traffic and of further sensors."""

    description: str = param("", "one line for people")
    seed: int = param(1, "seed of everything random", low=0, high=MAX_SEED)
    duration: float = param(15.0, "length of the drive", unit="s", low=0.1, high=3600.0)
    start: int = param(1_700_000_000, "stamp of the scenario's time 0", unit="s", low=1, high=4_000_000_000)
    rain: float = param(0.0, "rain rate (10 is heavy, 50 a cloudburst)", unit="mm/h", low=0.0, high=200.0)
    pitching: float = param(0.0, "amplitude of the ego car's nodding", unit="deg", low=0.0, high=15.0)
    rolling: float = param(0.0, "amplitude of its swaying", unit="deg", low=0.0, high=15.0)
    odometry_rate: float = param(50.0, "poses of the ego car a second", unit="Hz", low=1.0, high=1000.0)
    street: StreetConfig = group(StreetConfig)
    light: LightConfig = group(LightConfig)
    lidar: LidarConfig = group(LidarConfig)
    camera: CameraConfig = group(CameraConfig)
    ego: ActorConfig = group(ActorConfig)
    disturbances: DisturbancesConfig = group(DisturbancesConfig)
