"""Parameters of the tracker, in SI units and in seconds rather than scans: frame rates change at any time."""

from dataclasses import dataclass

from perception_core.config import Config, group, param


@dataclass(frozen=True)
class MotionConfig(Config):
    """White-noise acceleration (Bar-Shalom et al. 2001, section 6.2.2) of what moves straight on or turns."""

    acceleration_density: float = param(
        0.7,
        "horizontal power spectral density of the acceleration of what moves straight on: people",
        unit="m^2/s^3",
        low=1e-3,
        high=100.0,
    )
    braking_density: float = param(
        6.0, "the same of what has wheels while it brakes, starts or swerves", unit="m^2/s^3", low=1e-3, high=1000.0
    )
    driving_density: float = param(
        0.4, "the same along the motion of what has wheels while it does not", unit="m^2/s^3", low=1e-3, high=1000.0
    )
    sideways_density: float = param(
        0.2, "the same across that motion, besides turning", unit="m^2/s^3", low=1e-3, high=100.0
    )
    slip_sigma: float = param(0.5, "speed across the body of what has wheels", unit="m/s", low=0.01, high=10.0)
    turning_time: float = param(
        0.5, "time after which what has wheels is taken for that", unit="s", low=0.05, high=100.0
    )
    vertical_density: float = param(
        0.05, "vertical power spectral density of the acceleration", unit="m^2/s^3", low=1e-4, high=100.0
    )
    yaw_density: float = param(
        0.1,
        "power spectral density of the angular acceleration of what moves straight on, whatever its body does",
        unit="rad^2/s^3",
        low=1e-4,
        high=100.0,
    )
    steering_density: float = param(
        0.06, "the same of what has wheels, which turn its velocity too", unit="rad^2/s^3", low=1e-4, high=100.0
    )
    birth_speed_sigma: float = param(20.0, "horizontal speed spread of a new track", unit="m/s", low=0.5, high=60.0)
    birth_closing_speed_sigma: float = param(
        25.0,
        "the same without odometry, of the velocity relative to the robot: its own and that of what comes towards it",
        unit="m/s",
        low=0.5,
        high=120.0,
    )
    birth_vertical_speed_sigma: float = param(
        2.0, "vertical speed spread of a new track: what falls, or flies up", unit="m/s", low=0.1, high=30.0
    )
    birth_still_probability: float = param(0.5, "a new track stands still; only used over ground", low=0.0, high=1.0)
    starting_speed_sigma: float = param(
        0.3, "speed with which what stood still may set out", unit="m/s", low=0.0, high=10.0
    )
    still_speed_sigma: float = param(0.05, "speed left to what stands still", unit="m/s", low=1e-3, high=1.0)
    still_density: float = param(
        0.002, "growth of the position variance of what stands still", unit="m^2/s", low=1e-6, high=1.0
    )
    still_yaw_rate_sigma: float = param(0.01, "yaw rate left to what stands still", unit="rad/s", low=1e-4, high=1.0)
    still_yaw_density: float = param(
        0.001, "growth of the yaw variance of what stands still", unit="rad^2/s", low=1e-6, high=1.0
    )
    stopping_speed: float = param(
        1.0, "what is much faster does not come to stand at once", unit="m/s", low=0.05, high=20.0
    )
    model_time: float = param(4.0, "mean time between starting and stopping", unit="s", low=0.1, high=1e3)
    birth_yaw_rate_sigma: float = param(0.3, "yaw rate spread of a new track", unit="rad/s", low=0.01, high=6.0)


@dataclass(frozen=True)
class MeasurementConfig(Config):
    """What is believed about a box beyond its covariance."""

    face_sigma: float = param(0.04, "position noise of a face that the LiDAR sees", unit="m", low=0.005, high=2.0)
    face_sigma_per_metre: float = param(
        0.002, "growth of that noise with range (beam spacing)", unit="m/m", low=0.0, high=0.1
    )
    min_sigma: float = param(0.03, "no measured coordinate is believed to be better", unit="m", low=1e-3, high=1.0)
    min_yaw_sigma: float = param(0.03, "no measured yaw is believed to be better", unit="rad", low=1e-3, high=1.0)
    grazing_sine: float = param(
        0.1,
        "sine of the angle between line of sight and face from which on the face counts as seen",
        low=0.01,
        high=0.7,
    )


@dataclass(frozen=True)
class AssociationConfig(Config):
    """Which measurement may belong to which track, and at what cost."""

    gate: float = param(
        20.0, "squared Mahalanobis distance accepted (chi-square, 3 degrees: 99.98 %)", low=1.0, high=100.0
    )
    detection_probability: float = param(0.9, "an existing, visible object yields a measurement", low=0.05, high=0.999)
    clutter_density: float = param(
        1e-3, "new and false objects expected in a unit of space", unit="1/m^3", low=1e-8, high=1.0
    )
    class_floor: float = param(0.05, "likelihood left to a pair of classes that never should match", low=1e-3, high=1.0)


@dataclass(frozen=True)
class LifeConfig(Config):
    """Birth, confirmation, coasting and death."""

    confirm_time: float = param(0.08, "observed this long before it is reported", unit="s", low=0.0, high=5.0)
    confirm_existence: float = param(0.75, "existence probability needed to be reported", low=0.01, high=0.999)
    tentative_timeout: float = param(
        0.35, "an unconfirmed track unseen this long is dropped", unit="s", low=0.05, high=5.0
    )
    coast_time: float = param(1.0, "a confirmed track unseen this long is dropped", unit="s", low=0.1, high=10.0)
    occluded_coast_time: float = param(2.0, "the same while something nearer hides it", unit="s", low=0.1, high=20.0)
    max_position_sigma: float = param(
        2.0, "a track that may be anywhere within more than this is lost", unit="m", low=0.2, high=50.0
    )
    coast_ratio: float = param(
        2.0, "no track coasts longer than this many times the time it was watched", low=0.1, high=100.0
    )
    coast_existence: float = param(
        0.5, "what is not seen is only told while it is as probable as this", low=0.0, high=0.999
    )
    death_existence: float = param(0.02, "a track less probable than this is dropped", low=1e-4, high=0.5)
    birth_existence: float = param(
        0.5, "existence probability of a measurement that nothing explains", low=0.01, high=0.99
    )
    clutter_probability: float = param(
        0.2, "a place without an object yields a measurement all the same", low=0.01, high=0.9
    )
    clutter_density: float = param(
        0.03, "measurements of other things around an object", unit="1/m^3", low=1e-6, high=10.0
    )
    occluded_detection_probability: float = param(0.1, "detection probability of a hidden object", low=0.0, high=0.9)
    survival_time: float = param(
        20.0, "mean time for which an unwatched object goes on existing", unit="s", low=0.5, high=1e4
    )
    evidence_time: float = param(
        0.2, "looks nearer in time than this count as parts of one", unit="s", low=0.005, high=1.0
    )
    reset_jump: float = param(
        0.5,
        "a stamp this much older than the last is a clock set back: start afresh",
        unit="s",
        low=0.01,
        high=60.0,
    )


@dataclass(frozen=True)
class ShapeConfig(Config):
    """Size and class filters, apart from the motion."""

    grow_time: float = param(
        0.3, "time constant when more of the object comes into sight", unit="s", low=0.01, high=10.0
    )
    shrink_time: float = param(4.0, "time constant when a fully seen side measures less", unit="s", low=0.05, high=60.0)
    forget_time: float = param(
        2.0, "time constant with which is forgotten how well hidden parts were seen", unit="s", low=0.05, high=60.0
    )
    class_time: float = param(
        0.3, "class reports nearer in time than this count as parts of one", unit="s", low=0.01, high=10.0
    )
    class_memory: float = param(
        2.5,
        "independent class reports over which the belief is taken: detectors repeat their errors",
        low=1.0,
        high=100.0,
    )
    split_overlap: float = param(
        0.5, "a new box this much inside a confirmed track is a fragment of it", low=0.1, high=1.0
    )
    split_patience: float = param(
        0.8,
        "fragments are joined for this long; then the track shrinks to what matches it",
        unit="s",
        low=0.0,
        high=10.0,
    )


@dataclass(frozen=True)
class OutputConfig(Config):
    """What the planner is told."""

    moving_speed: float = param(0.6, "slower is never called moving", unit="m/s", low=0.05, high=10.0)
    static_speed: float = param(
        1.0, "static: the speed's upper bound (2 sigma) lies below this", unit="m/s", low=0.05, high=10.0
    )
    model_certainty: float = param(
        0.9, "probability of moving or of standing still from which on it is told", low=0.5, high=0.9999
    )
    motion_significance: float = param(
        2.0, "moving: the velocity differs from zero by this many sigma", low=1.0, high=10.0
    )
    prediction_steps: int = param(6, "poses of the predicted path", low=0, high=100)
    prediction_step: float = param(0.5, "time between them", unit="s", low=0.05, high=5.0)


@dataclass(frozen=True)
class TrackerConfig(Config):
    """Everything :class:`perception_core.tracking.Tracker` takes."""

    motion: MotionConfig = group(MotionConfig)
    measurement: MeasurementConfig = group(MeasurementConfig)
    association: AssociationConfig = group(AssociationConfig)
    life: LifeConfig = group(LifeConfig)
    shape: ShapeConfig = group(ShapeConfig)
    output: OutputConfig = group(OutputConfig)
