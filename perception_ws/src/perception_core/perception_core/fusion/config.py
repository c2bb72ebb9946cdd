"""Parameters of fusion."""

from dataclasses import dataclass

from perception_core.config import Config, group, param


@dataclass(frozen=True)
class AssociationConfig(Config):
    """How clusters and 2D boxes find each other."""

    min_points: int = param(3, "fewest projected points with which a cluster can take a camera box", low=1, high=100)
    min_score: float = param(
        0.15, "lowest association score (share inside x overlap x plausible size) that counts", low=0.0, high=1.0
    )
    part_share: float = param(
        0.7, "share of a second cluster's points inside a box for it to be a part of that object", low=0.5, high=1.0
    )
    part_gap: float = param(1.0, "largest gap between parts of one object", unit="m", low=0.0, high=5.0)
    calibration_sigma: float = param(
        0.005,
        "error of the directions from the LiDAR into a camera that is reckoned with",
        unit="rad",
        low=0.0,
        high=0.2,
    )
    split_share: float = param(
        0.15, "least share of a cluster's points that a second object takes out of it", low=0.02, high=0.5
    )
    split_score: float = param(0.4, "lowest score of detections that split a cluster between them", low=0.0, high=1.0)


@dataclass(frozen=True)
class CameraOnlyConfig(Config):
    """Objects placed by the camera alone: ground plane and class height."""

    min_score: float = param(0.4, "lowest detection score of an object without LiDAR", low=0.0, high=1.0)
    ground_sigma: float = param(
        0.05,
        "how far the ground under the robot may lie from z = 0 of the base frame; large for what flies: the ground is "
        "where the LiDAR sees it then, and cameras alone go by the sizes of classes",
        unit="m",
        low=0.01,
        high=1000.0,
    )
    pitch_sigma: float = param(0.01, "unknown pitch of the robot against the ground", unit="rad", low=0.0, high=0.2)
    slope_sigma: float = param(
        0.005, "the same where the LiDAR sees how the ground lies", unit="rad", low=0.0, high=0.2
    )
    pixel_sigma: float = param(2.0, "error of a box edge, at least", unit="px", low=0.1, high=50.0)
    edge_sigma: float = param(0.05, "error of a box edge as a share of the box height", low=0.0, high=0.5)
    max_range: float = param(120.0, "farther objects are dropped", unit="m", low=1.0, high=500.0)
    beside_lidar: bool = param(
        True, "also while there are scans: what no cluster explains, where the LiDAR does not see free ground beyond"
    )
    gate: float = param(
        3.0, "a cluster within this many standard deviations of its place explains a detection", low=1.0, high=10.0
    )


@dataclass(frozen=True)
class ClassConfig(Config):
    """What labels, pixels and shape say about the class."""

    camera_trust: float = param(
        0.95, "probability that a detection of score 1 shows something of the kind at all", low=0.5, high=0.999
    )
    shape_weight: float = param(
        0.8,
        "how far the extents that the LiDAR saw count beside labels: they are no independent witnesses",
        low=0.0,
        high=1.0,
    )
    confusion: tuple[str, ...] = param(
        (),
        "measured errors of a detector over the default ones: '[CAMERA:] TRUE LABEL PROBABILITY', e.g. 'truck car 0.3'",
    )


@dataclass(frozen=True)
class FusionConfig(Config):
    """Everything fusion can be told."""

    classes: ClassConfig = group(ClassConfig)
    association: AssociationConfig = group(AssociationConfig)
    camera_only: CameraOnlyConfig = group(CameraOnlyConfig)
    max_camera_offset: float = param(
        0.25,
        "largest time between a scan and the camera result that it takes; an older one is laid over the scan with the "
        "play that the objects' own motion needs",
        unit="s",
        low=0.0,
        high=1.0,
    )
    camera_wait: float = param(
        0.04, "longest wait of a scan for a camera result that is still under way", unit="s", low=0.0, high=0.5
    )
    camera_memory: float = param(
        0.5, "a camera silent for longer than this is not waited for", unit="s", low=0.0, high=10.0
    )
    lidar_timeout: float = param(
        0.3, "without a scan for this long the cameras place objects alone", unit="s", low=0.05, high=10.0
    )
    lidar_wait: float = param(
        0.1,
        "how long an image waits for the scan of its own moment before it counts as alone",
        unit="s",
        low=0.0,
        high=1.0,
    )
    buffer_length: int = param(10, "camera results kept for each camera", low=1, high=100)
    segmentation_trust: float = param(
        0.35,
        "how far the classes of pixels count for the class of what the LiDAR sees there, and against matches with "
        "boxes of another class; 0: neither label images nor masks are used, nor asked for",
        low=0.0,
        high=1.0,
    )
    complete_boxes: bool = param(True, "extend boxes over the hidden side, as far as their class is certain")
    min_existence: float = param(
        0.1,
        "what is less probable is dropped: specks and bits of ground, where a camera shows ground",
        low=0.0,
        high=0.5,
    )
