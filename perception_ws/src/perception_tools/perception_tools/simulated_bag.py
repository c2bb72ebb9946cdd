"""A simulated drive as a recording, with exact ground truth on /ground_truth/obstacles."""

import dataclasses
import time
from pathlib import Path
from typing import Any

from perception_core.errors import ConfigError
from perception_core.simulation import Simulation, load_scenario
from perception_core.simulation.rig import BASE_FRAME, ODOM_FRAME
from perception_core.simulation.scenario_config import MAIN_LIDAR
from perception_core.types import Obstacles, Truth
from perception_tools.drive_writer import DriveTopics, DriveWriter
from perception_tools.output import progress
from perception_tools.truth import truth_obstacles


def points_topic(lidar: str) -> str:
    """Return the topic of a LiDAR by its name in the scenario."""
    return f"/sensors/lidar_{lidar}/points"


TOPICS = DriveTopics(
    image="/sensors/camera_front/image_raw",
    camera_info="/sensors/camera_front/camera_info",
    points=points_topic(MAIN_LIDAR),
)


def simulate_bag(scenario: str, output: Path, seed: int | None = None, duration: float | None = None) -> dict[str, Any]:
    """Drive through a scenario (a name, or a YAML file) and record it; return what was written.

    Raises:
        ConfigError: no such scenario, or a value out of range.
        BagError: ``output`` cannot be written.
    """
    if seed is not None and seed < 0:
        raise ConfigError(f"seed: {seed} is out of range, expected 0 or more")
    loaded = load_scenario(scenario)
    if duration is not None:
        loaded = dataclasses.replace(loaded, config=dataclasses.replace(loaded.config, duration=float(duration)))
    began = time.perf_counter()
    simulation = Simulation(loaded, seed)
    with DriveWriter(output, TOPICS) as bag:
        for frame in progress(simulation, desc=f"simulating {loaded.name}", unit="frame", total=len(simulation)):
            if frame.stamp_ns == simulation.stamp_ns(simulation.time_of(0)):
                first_ns = min(int(frame.odometry.stamp_ns[0]), frame.stamp_ns)
                bag.static_transforms(first_ns, simulation.rig.transforms)
            for stamp_ns, T_odom_base in zip(frame.odometry.stamp_ns, frame.odometry.T_odom_base, strict=True):
                bag.transform(int(stamp_ns), ODOM_FRAME, BASE_FRAME, T_odom_base)
            bag.image(frame.stamp_ns, frame.image.pixels, simulation.rig.cameras[frame.image.frame])
            for name, cloud in sorted(frame.clouds.items(), key=lambda entry: entry[1].stamp_ns):
                bag.cloud(cloud, points_topic(name))
            bag.truth(_obstacles(frame.truth))
    return {
        "output": str(output),
        "scenario": loaded.name,
        "seed": simulation.seed,
        "frames": len(simulation),
        "duration_s": len(simulation) / loaded.config.lidar.rate,
        "took_s": time.perf_counter() - began,
        "size_mb": output.stat().st_size / 1e6,
    }


def _obstacles(truth: Truth) -> Obstacles:
    return truth_obstacles(
        stamp_ns=truth.stamp_ns,
        frame=truth.frame,
        names=[str(identity) for identity in truth.ids.tolist()],
        class_ids=truth.class_ids,
        centre=truth.centre,
        size=truth.size,
        yaw=truth.yaw,
        velocity=truth.velocity,
        yaw_rate=truth.yaw_rate,
    )
