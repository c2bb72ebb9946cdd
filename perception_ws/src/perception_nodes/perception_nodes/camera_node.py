"""camera_node: images of one or several cameras in, detections and label images out."""

import functools
import time
from collections.abc import Sequence
from typing import Any

import cv2
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo

from perception_core.camera.batching import Batching
from perception_core.camera.networks import CameraNetworks, build_networks
from perception_core.errors import ModelError, PerceptionError
from perception_core.inference.folders import model_folders
from perception_core.types import Image
from perception_nodes.camera_port import CameraPort
from perception_nodes.config import CameraNodeConfig, check_cameras, each_camera
from perception_nodes.conversions.diagnostics import ERROR, OK, WARN
from perception_nodes.node import qos
from perception_nodes.node.base import PerceptionNode
from perception_nodes.node.newest import NewestWorker
from perception_nodes.node.runner import run

_IMAGE_QUEUE = 2
"""Images are taken into their camera's slot as they come; one may be in the way of the next for a moment."""

Arrived = tuple[bytes, int]
"""An image message as it came, and when, in nanoseconds of the steady clock."""


class CameraNode(PerceptionNode[CameraNodeConfig]):
    """Reads the newest image of each camera; older ones are passed over when the networks cannot keep up.

    One thread listens and one works: the networks are shared, the camera served longest ago comes first. Without
    weights the node stays active and says so, and publishes nothing: no detections would mean that nothing is there.
    """

    def __init__(self, **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's.

        Raises:
            ConfigError: a parameter that does not fit, or not one topic of each kind a camera.
        """
        super().__init__("camera_node", CameraNodeConfig, **options)
        self._worker: NewestWorker[Arrived] | None = None
        self._networks: CameraNetworks | None = None
        check_cameras(self.config)

    def prepare(self) -> None:
        """Load the networks and create the publishers."""
        cv2.setNumThreads(1)
        self._ports = {config.camera_name: CameraPort(self, config) for config in each_camera(self.config)}
        self._model_fault = ""
        self._told_faults: set[str] = set()
        self._networks = self._load()
        if self._networks is not None:
            self._batching = Batching(self._networks, len(self._ports), self.config.batching)
            self._batching.size()
            self._note_engines()

    def start(self) -> None:
        """Subscribe."""
        if self._networks is not None:
            self._worker = NewestWorker(tuple(self._ports), self._read_guarded, self._batching.size)
        for name, port in self._ports.items():
            on_image = functools.partial(self._on_image, name)
            self.listen(port.kind, port.config.image_topic, on_image, qos.sensor_input(_IMAGE_QUEUE), raw=True)
            self.listen(CameraInfo, port.config.camera_info_topic, port.on_camera_info, qos.sensor_input(1))
            port.sensor.failed(self._model_fault, time.monotonic_ns())
            if self._networks is not None and self._networks.segments:
                port.announce_labels()
        self.every(1.0, self._report_state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Finish the image at hand and stop listening."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the networks too."""
        if self._networks is not None:
            self._networks.close()
            self._networks = None
        return super().on_cleanup(state)

    def destroy_node(self) -> None:
        """End the thread before the publishers that it uses, and a build of an engine."""
        self._stop()
        if self._networks is not None:
            self._networks.close()
            self._networks = None
        super().destroy_node()

    def on_time_reset(self) -> None:
        """Forget images of another time."""
        if self._worker is not None:
            self._worker.clear()

    def health(self) -> tuple[int, str]:
        """Return which cameras give nothing and why; an error when none gives anything."""
        faults = {name: port.sensor.fault for name, port in self._ports.items() if port.sensor.fault}
        if len(faults) == len(self._ports) and len(set(faults.values())) == 1:
            return ERROR, next(iter(faults.values()))
        if faults:
            level = ERROR if len(faults) == len(self._ports) else WARN
            return level, "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        if self._networks is not None and self._networks.fault:
            return WARN, self._networks.fault
        return OK, self._building()

    def hardware_id(self) -> str:
        """Return the cameras' names."""
        return ", ".join((self.config.camera_name, *self.config.other_cameras))

    # -- networks ------------------------------------------------------------------------------------------------

    def _load(self) -> CameraNetworks | None:
        try:
            at_once = 1 if self.config.batching == "off" else len(self._ports)
            networks = build_networks(self.config.camera, model_folders(), at_once)
            networks.warm_up()
        except ModelError as error:
            self._model_fault = f"no detections: {error}"
            self.stats.last_error = self._model_fault
            self.get_logger().error(f"{self._model_fault}; obstacles will be LIDAR_ONLY as far as this camera goes")
            return None
        for what, part in networks.parts.items():
            backend = part.backend
            because = f" ({backend.reason})" if backend.reason else ""
            self.get_logger().info(f"{what}: model {part.card.name} on {backend.name}{because}")
        if networks.fault:
            self.get_logger().error(networks.fault)
        return networks

    def _note_engines(self) -> None:
        """Put into the diagnostics which engines run, why, and how far a better one is."""
        if self._networks is None:
            return
        states = self.stats.states
        for what, part in self._networks.parts.items():
            backend = part.backend
            states[f"{what}.model"] = part.card.name
            states[f"{what}.backend"] = backend.name
            states[f"{what}.reason"] = backend.reason or "asked for by name"
            states[f"{what}.build"] = str(backend.progress) if backend.progress is not None else "none"
            states[f"{what}.preprocessing"] = str(backend.preprocessing)
            self._warn_of(what, backend.preprocessing.fault)
        states["batching"] = self._batching.reason

    def _warn_of(self, what: str, fault: str) -> None:
        """Warn, once, that a network on the GPU gets its images from the CPU."""
        if fault and what not in self._told_faults:
            self._told_faults.add(what)
            self.get_logger().warning(f"{what}: images are prepared on the CPU, because {fault}")

    def _building(self) -> str:
        """Return how far an engine is that is being built, empty where none is."""
        parts = self._networks.parts.items() if self._networks is not None else ()
        building = [(what, part.backend.progress) for what, part in parts]
        return "; ".join(f"{what}: {progress}" for what, progress in building if progress is not None)

    def _report_state(self) -> None:
        self._note_engines()
        for port in self._ports.values():
            port.sensor.publish(time.monotonic_ns())

    # -- images: what listens ------------------------------------------------------------------------------------

    def _on_image(self, camera: str, data: bytes) -> None:
        port, now_ns = self._ports[camera], time.monotonic_ns()
        self.stats.received(port.key("image"), now_ns)
        port.check(data)
        if self._worker is not None and self._worker.put(camera, (data, now_ns)):
            self.stats.counted(port.key("superseded"))

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    # -- images: what works --------------------------------------------------------------------------------------

    def _read_guarded(self, arrived: Sequence[tuple[str, Arrived]]) -> None:
        self.guard(self._read)(arrived)

    def _read(self, arrived: Sequence[tuple[str, Arrived]]) -> None:
        """Read one image each of some cameras and publish what is seen."""
        networks = self._networks
        assert networks is not None
        began = time.perf_counter()
        decoded = [(self._ports[name], self._decoded(self._ports[name], item)) for name, item in arrived]
        there = [(port, image) for port, image in decoded if image is not None]
        if not there:
            return
        pixels = networks.segments and any(port.wants_pixels for port, _ in there)
        try:
            results = networks.perceive_batch([image for _, image in there], pixels)
        except PerceptionError as error:
            for port, _ in there:
                port.sensor.failed(str(error), time.monotonic_ns())
            raise
        for (port, image), result in zip(there, results, strict=True):
            port.publish(image, result)
            port.sensor.delivered(image.stamp_ns, time.monotonic_ns())
        self.stats.took("callback", (time.perf_counter() - began) * 1e3)
        for stage, milliseconds in networks.timings.items():
            self.stats.took(stage, milliseconds)
        for (port, image), result in zip(there, results, strict=True):
            port.show(image, result)

    def _decoded(self, port: CameraPort, arrived: Arrived) -> Image | None:
        """Return the image of a message; None for one that is none, which is counted and told."""
        data, arrived_ns = arrived
        self.stats.took("waited", (time.monotonic_ns() - arrived_ns) / 1e6)
        began = time.perf_counter()
        images: list[Image] = []
        self.guard(lambda _: images.append(self._decode(port, data)))(None)
        self.stats.took("decode", (time.perf_counter() - began) * 1e3)
        return images[0] if images else None

    def _decode(self, port: CameraPort, data: bytes) -> Image:
        try:
            return port.decode(data)
        except PerceptionError as error:
            port.sensor.failed(str(error), time.monotonic_ns())
            raise


def main() -> int:
    """Run camera_node until it is told to end."""
    return run(CameraNode)
