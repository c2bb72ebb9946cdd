"""Delivery and latency of scans between two processes, for several settings of the middleware.

    python tests/system/middleware_bench.py              two processes on this machine
    python tests/system/middleware_bench.py --machines   two network namespaces as two machines (root, iproute2)

Prints the tables of perception_bringup's README. Not a test: its figures depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

POINTS = 114_000
POINT_STEP = 16
RATE_HZ = 10.0
SETTLE_S = 4.0
PROFILE = Path(__file__).parents[2] / "perception_ws/src/perception_bringup/config/fastdds.xml"
SETTINGS: dict[str, dict[str, str]] = {
    "stock": {},
    "profile": {"FASTRTPS_DEFAULT_PROFILES_FILE": str(PROFILE)},
    "LARGE_DATA": {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA?max_msg_size=4MB&sockets_size=4MB&non_blocking=false"},
}
PAIRS = [
    ("stock", "stock"),
    ("profile", "profile"),
    ("profile", "stock"),
    ("stock", "profile"),
    ("LARGE_DATA", "LARGE_DATA"),
    ("LARGE_DATA", "stock"),
    ("stock", "LARGE_DATA"),
]
NAMESPACES = {"publish": "perception_bench_a", "subscribe": "perception_bench_b"}


def publish(seconds: float) -> dict[str, float]:
    """Publish scans stamped with the monotonic clock; how many, and how many subscribers were matched."""
    import numpy as np
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2

    node = rclpy.create_node("middleware_bench_publisher")
    publisher = node.create_publisher(PointCloud2, "middleware_bench", qos_profile_sensor_data)
    scan = PointCloud2(height=1, width=POINTS, point_step=POINT_STEP, row_step=POINTS * POINT_STEP)
    scan.data.frombytes(np.random.default_rng(0).bytes(POINTS * POINT_STEP))
    time.sleep(SETTLE_S)
    matched = publisher.get_subscription_count()
    start = time.monotonic()
    count = round(seconds * RATE_HZ)
    for index in range(count):
        time.sleep(max(0.0, start + index / RATE_HZ - time.monotonic()))
        scan.header.stamp.sec, scan.header.stamp.nanosec = divmod(time.monotonic_ns(), 10**9)
        publisher.publish(scan)
    time.sleep(1.0)
    return {"sent": count, "matched": matched}


def subscribe(seconds: float) -> dict[str, float]:
    """Receive scans; how many, and the percentiles of their latency in milliseconds."""
    import numpy as np
    import rclpy
    from rclpy.experimental import EventsExecutor
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2

    latencies: list[float] = []

    def on_scan(scan: PointCloud2) -> None:
        latencies.append(time.monotonic_ns() - (scan.header.stamp.sec * 10**9 + scan.header.stamp.nanosec))

    node = rclpy.create_node("middleware_bench_subscriber")
    node.create_subscription(PointCloud2, "middleware_bench", on_scan, qos_profile_sensor_data)
    executor = EventsExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=executor.spin)
    spinning.start()
    time.sleep(SETTLE_S + seconds + 1.0)
    executor.shutdown()
    spinning.join()
    p50, p95, p99 = np.percentile(np.asarray(latencies or [np.nan]) / 1e6, [50, 95, 99])
    return {"received": len(latencies), "p50": float(p50), "p95": float(p95), "p99": float(p99)}


def start(role: str, setting: str, seconds: float, machines: bool) -> subprocess.Popen[str]:
    """One end of a pair as a process of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FASTRTPS_", "FASTDDS_"))}
    environment |= SETTINGS[setting] | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_DOMAIN_ID": "99"}
    command = [sys.executable, __file__, "--role", role, "--seconds", str(seconds)]
    if machines:
        # Its own /dev/shm too, else Fast DDS could take the short way that two machines do not have.
        inner = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'
        command = ["ip", "netns", "exec", NAMESPACES[role], "sh", "-c", inner, "sh", *command]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def measure(pair: tuple[str, str], seconds: float, machines: bool) -> dict[str, float]:
    """Both ends of one pair (publisher's setting, subscriber's), together."""
    ends = [start("publish", pair[0], seconds, machines), start("subscribe", pair[1], seconds, machines)]
    return {key: value for end in ends for key, value in json.loads(end.communicate()[0]).items()}


def join_namespaces() -> None:
    """Make two network namespaces, joined by a veth pair, as two machines on one cable."""
    first, second = NAMESPACES.values()
    for name in (first, second):
        subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(
        ["ip", "link", "add", "pb0", "netns", first, "type", "veth", "peer", "name", "pb1", "netns", second],
        check=True,
    )
    for name, device, address in ((first, "pb0", "10.99.0.1/24"), (second, "pb1", "10.99.0.2/24")):
        subprocess.run(["ip", "-n", name, "address", "add", address, "dev", device], check=True)
        subprocess.run(["ip", "-n", name, "link", "set", device, "up"], check=True)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    time.sleep(2.0)  # until the link carries multicast


def part_namespaces() -> None:
    """Remove what join_namespaces made, as far as it came."""
    for name in NAMESPACES.values():
        subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)


def main() -> None:
    """One table of all pairs, or one end of a pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", action="store_true", help="two network namespaces instead of one machine")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--role", choices=["publish", "subscribe"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        import rclpy

        rclpy.init()
        result = {"publish": publish, "subscribe": subscribe}[options.role](options.seconds)
        rclpy.shutdown()
        print(json.dumps(result))
        return
    if options.machines:
        join_namespaces()
    try:
        print("   publisher   subscriber  matched   sent  received    p50    p95    p99 [ms]")
        for pair in PAIRS:
            r = measure(pair, options.seconds, options.machines)
            print(
                f"{pair[0]:>12} {pair[1]:>12} {r['matched']:8} {r['sent']:6} {r['received']:9}"
                f" {r['p50']:6.1f} {r['p95']:6.1f} {r['p99']:6.1f}",
                flush=True,
            )
    finally:
        if options.machines:
            part_namespaces()


if __name__ == "__main__":
    main()
