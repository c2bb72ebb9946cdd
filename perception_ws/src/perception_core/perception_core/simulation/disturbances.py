"""What goes wrong between the world and the robot: sensors that sit askew, messages late, lost or not sent at all.

The truth does not know of it: a disturbed drive is judged by what a faultless rig would have seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from perception_core.config import Config, param
from perception_core.geometry.transforms import Transform
from perception_core.types.cloud import PointCloud

CAMERA = "camera"
LIDAR = "lidar"


@dataclass(frozen=True)
class DisturbancesConfig(Config):
    """Nothing is disturbed by default. ``cameras`` and ``lidars`` name whom it happens to."""

    cameras: tuple[str, ...] = param((), "names of the cameras that are disturbed; none: all of them")
    camera_turn: tuple[float, ...] = param(
        (0.0, 0.0, 0.0), "roll, pitch, yaw about base_link's axes by which a camera's believed mount is off", unit="deg"
    )
    camera_shift: tuple[float, ...] = param(
        (0.0, 0.0, 0.0), "x, y, z in base_link by which a camera's believed mount is off", unit="m"
    )
    camera_delay: float = param(0.0, "time from the stamp of an image until it arrives", unit="s", low=0.0, high=10.0)
    camera_stamp_offset: float = param(
        0.0, "how much later than the exposure an image is stamped", unit="s", low=-1.0, high=1.0
    )
    camera_lost: float = param(0.0, "share of the images that never arrive", low=0.0, high=1.0)
    camera_dead: tuple[float, ...] = param((), "from, to: stamps of a time without images", unit="s")
    lidars: tuple[str, ...] = param((), "names of the LiDARs that are disturbed; none: all of them")
    lidar_turn: tuple[float, ...] = param(
        (0.0, 0.0, 0.0), "roll, pitch, yaw about base_link's axes by which a LiDAR's believed mount is off", unit="deg"
    )
    lidar_shift: tuple[float, ...] = param(
        (0.0, 0.0, 0.0), "x, y, z in base_link by which a LiDAR's believed mount is off", unit="m"
    )
    lidar_delay: float = param(0.0, "time from the stamp of a sweep until it arrives", unit="s", low=0.0, high=10.0)
    lidar_lost: float = param(0.0, "share of the sweeps that never arrive", low=0.0, high=1.0)
    lidar_dead: tuple[float, ...] = param((), "from, to: stamps of a time without sweeps", unit="s")
    lidar_dropout: float = param(0.0, "share of the points that go missing besides", low=0.0, high=1.0)
    lidar_blind: tuple[float, ...] = param(
        (), "from, to to the left: azimuths in the sensor's frame between which dirt lets nothing through", unit="deg"
    )


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens to one sensor.

    Attributes:
        turn: roll, pitch, yaw in radians by which its believed mount is turned.
        shift: metres by which it is moved, in base_link.
        delay: seconds until a message arrives.
        stamp_offset: seconds added to its stamps.
        lost: share of its messages that are lost.
        dead: seconds from, to without messages.
        dropout: share of its points that go missing.
        blind: azimuths from, to in radians without points; empty for none.
    """

    turn: tuple[float, ...] = (0.0, 0.0, 0.0)
    shift: tuple[float, ...] = (0.0, 0.0, 0.0)
    delay: float = 0.0
    stamp_offset: float = 0.0
    lost: float = 0.0
    dead: tuple[float, ...] = ()
    dropout: float = 0.0
    blind: tuple[float, ...] = ()

    def believed(self, T_base_sensor: Transform) -> Transform:
        """Return where the robot takes the sensor to be."""
        if not any(self.turn) and not any(self.shift):
            return T_base_sensor
        T = T_base_sensor.copy()
        T[:3, :3] = Rotation.from_euler("xyz", self.turn).as_matrix() @ T[:3, :3]
        T[:3, 3] += self.shift
        return T

    def arrives(self, time: float, rng: np.random.Generator) -> bool:
        """Tell whether the message of a time in seconds reaches the robot; draws one number."""
        lost = bool(rng.uniform() < self.lost)
        return not lost and not (len(self.dead) > 0 and self.dead[0] <= time < self.dead[1])

    def kept(self, cloud: PointCloud, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return bool (N,): which points of a sweep in the sensor's frame are left."""
        kept = np.ones(len(cloud), dtype=np.bool_)
        if self.dropout > 0.0:
            kept &= rng.random(len(cloud)) >= self.dropout
        if self.blind:
            azimuth = np.arctan2(cloud.xyz[:, 1], cloud.xyz[:, 0])
            opening = self.blind[1] - self.blind[0]
            width = 2.0 * np.pi if opening > 2.0 * np.pi - 1e-9 else opening % (2.0 * np.pi)
            kept &= (azimuth - self.blind[0]) % (2.0 * np.pi) > width
        return kept


NONE = Disturbance()


def camera_disturbance(config: DisturbancesConfig, name: str) -> Disturbance:
    """Return what happens to the camera of that name."""
    if config.cameras and name not in config.cameras:
        return NONE
    return Disturbance(
        turn=_radians(config.camera_turn),
        shift=config.camera_shift,
        delay=config.camera_delay,
        stamp_offset=config.camera_stamp_offset,
        lost=config.camera_lost,
        dead=config.camera_dead,
    )


def lidar_disturbance(config: DisturbancesConfig, name: str) -> Disturbance:
    """Return what happens to the LiDAR of that name."""
    if config.lidars and name not in config.lidars:
        return NONE
    return Disturbance(
        turn=_radians(config.lidar_turn),
        shift=config.lidar_shift,
        delay=config.lidar_delay,
        lost=config.lidar_lost,
        dead=config.lidar_dead,
        dropout=config.lidar_dropout,
        blind=_radians(config.lidar_blind),
    )


def _radians(degrees: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(np.radians(degrees).tolist())
