"""Which sensors a robot has, and what its frames are called."""

from dataclasses import dataclass

from perception_core.types.body import BodyBox


@dataclass(frozen=True, slots=True)
class Rig:
    """Names and frames of one robot.

    Attributes:
        lidar: name of the LiDAR; of several the one that leads.
        cameras: names of the cameras.
        base_frame: z up, on the ground under the LiDAR.
        fixed_frame: frame of the odometry; equal to ``base_frame`` where there is none.
        other_lidars: names of the LiDARs that are joined with the first.
        deskew_frame: frame of the odometry that takes ego motion out of the scans, '' for none.
        has_rates: whether body rates come (``Pipeline.on_rates``), which stand in for ``deskew_frame``.
        body: the robot's own boxes.
    """

    lidar: str
    cameras: tuple[str, ...]
    base_frame: str = "base_link"
    fixed_frame: str = "base_link"
    other_lidars: tuple[str, ...] = ()
    deskew_frame: str = ""
    has_rates: bool = False
    body: tuple[BodyBox, ...] = ()

    @property
    def lidars(self) -> tuple[str, ...]:
        """Names of all LiDARs, the leading one first."""
        return (self.lidar, *self.other_lidars)
