"""A simulated drive as a recording: every sensor's messages as they arrive, with exact ground truth beside them."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perception_core.simulation import Message, Scenario, SimulatedFrame, Simulation, load_scenario, with_overrides
from perception_core.simulation.rig import BASE_FRAME, ODOM_FRAME
from perception_core.simulation.scenario_config import MAIN_CAMERA, MAIN_LIDAR
from perception_core.types import Image, Obstacles, Truth
from perception_tools.drive_writer import CameraTopics, DriveTopics, DriveWriter
from perception_tools.output import progress
from perception_tools.truth import truth_obstacles


def points_topic(lidar: str) -> str:
    """Return the topic of a LiDAR by its name in the scenario."""
    return f"/sensors/lidar_{lidar}/points"


def camera_topics(camera: str) -> CameraTopics:
    """Return the topics of a camera by its name in the scenario."""
    return CameraTopics(f"/sensors/camera_{camera}/image_raw", f"/sensors/camera_{camera}/camera_info")


TOPICS = DriveTopics(
    image=camera_topics(MAIN_CAMERA).image,
    camera_info=camera_topics(MAIN_CAMERA).camera_info,
    points=points_topic(MAIN_LIDAR),
)


def simulate_bag(
    scenario: str,
    output: Path,
    seed: int | None = None,
    duration: float | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Drive through a scenario (a name, or a YAML file) and record it; return what was written.

    Args:
        scenario: what to drive.
        output: the recording.
        seed: None takes the scenario's own.
        duration: seconds; None takes the scenario's own.
        overrides: values by key of the scenario, see :func:`perception_core.simulation.with_overrides`.

    Raises:
        ConfigError: no such scenario or key, or a value out of range.
        BagError: ``output`` cannot be written.
    """
    named = {"seed": seed, "duration": None if duration is None else float(duration)}
    loaded = load_scenario(scenario, overrides)
    loaded = with_overrides(loaded, {key: value for key, value in named.items() if value is not None})
    began = time.perf_counter()
    simulation = Simulation(loaded)
    _record(simulation, loaded, output)
    return {
        "output": str(output),
        "scenario": loaded.name,
        "seed": simulation.seed,
        "frames": len(simulation),
        "duration_s": len(simulation) / loaded.config.lidar.rate,
        "took_s": time.perf_counter() - began,
        "size_mb": output.stat().st_size / 1e6,
    }


def _record(simulation: Simulation, scenario: Scenario, output: Path) -> None:
    with DriveWriter(output, TOPICS) as bag:
        waiting: list[Message] = []
        for frame in progress(simulation, desc=f"simulating {scenario.name}", unit="frame", total=len(simulation)):
            if frame.stamp_ns == simulation.stamp_ns(simulation.time_of(0)):
                first_ns = min(int(frame.odometry.stamp_ns[0]), frame.stamp_ns)
                bag.static_transforms(first_ns, simulation.rig.transforms)
            for stamp_ns, T_odom_base in zip(frame.odometry.stamp_ns, frame.odometry.T_odom_base, strict=True):
                bag.transform(int(stamp_ns), ODOM_FRAME, BASE_FRAME, T_odom_base)
            waiting = sorted([*waiting, *frame.messages], key=lambda message: message.arrival_ns)
            waiting = _deliver(bag, simulation, waiting, frame)
            bag.truth(_obstacles(frame.truth))
            bag.visibility(frame.truth)
        _deliver(bag, simulation, waiting, None)


def _deliver(
    bag: DriveWriter, simulation: Simulation, waiting: list[Message], frame: SimulatedFrame | None
) -> list[Message]:
    """Write the messages that arrive up to a frame (None: all of them); return the rest."""
    due = [message for message in waiting if frame is None or message.arrival_ns <= frame.stamp_ns]
    for message in due:
        content, name = message.content, message.sensor.partition("_")[2]
        if isinstance(content, Image):
            camera = simulation.rig.cameras[content.frame]
            bag.image(content.stamp_ns, content.pixels, camera, camera_topics(name), message.arrival_ns)
        else:
            bag.cloud(content, points_topic(name), message.arrival_ns)
    return waiting[len(due) :]


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
