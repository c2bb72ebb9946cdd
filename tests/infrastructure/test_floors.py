"""The core stays free of ROS, and its rooms import only from the floors below."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "perception_ws/src/perception_core"
SOURCES = sorted((CORE / "perception_core").rglob("*.py"))

# From the ground up. A room imports from lower floors only, never from its neighbours.
FLOORS = [
    {"errors", "compiling"},
    {"config", "documents"},
    {"types", "geometry", "inference"},
    {"camera", "lidar", "fusion", "tracking", "planning", "simulation", "evaluation", "datasets", "calibration"},
    {"pipeline"},
]
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
ROS_ROOTS = {
    "ament_index_python", "builtin_interfaces", "cv_bridge", "diagnostic_updater", "image_geometry", "launch",
    "launch_ros", "message_filters", "perception_interfaces", "perception_nodes", "perception_tools", "rclpy",
    "ros2cli", "rosbag2_py", "rosidl_runtime_py", "sensor_msgs_py", "tf2_geometry_msgs", "tf2_py", "tf2_ros",
}  # fmt: skip


def imports(path: Path, package: str = "perception_core", base: Path = CORE) -> Iterator[str]:
    """Absolute names of all that a module imports, also inside functions and under TYPE_CHECKING."""
    parts = path.relative_to(base).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = list(parts[: len(parts) - node.level]) if node.level else []
            origin += node.module.split(".") if node.module else []
            # `from perception_core import camera` imports the room as much as `from perception_core.camera import x`
            yield from (".".join([*origin, alias.name]) for alias in node.names)


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "perception_core" and len(parts) > 1 else None


def label(path: Path) -> str:
    return str(path.relative_to(CORE / "perception_core"))


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_core_module_imports_no_ros(path: Path):
    roots = {name.split(".")[0] for name in imports(path)}
    assert not {root for root in roots if root in ROS_ROOTS or root.endswith(("_msgs", "_srvs"))}


def test_core_manifest_names_no_ros_package():
    named = {
        element.text
        for element in ET.parse(CORE / "package.xml").getroot()
        if element.tag.endswith("depend") and element.text
    }
    assert named
    assert {name for name in named if not name.startswith("python3-")} == set()


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_core_module_imports_only_from_lower_floors(path: Path):
    own = path.relative_to(CORE / "perception_core").with_suffix("").parts[0]
    if own == "__init__":
        assert not {name for name in imports(path) if name.startswith("perception_core")}
        return
    assert own in FLOOR_OF, f"{label(path)}: which floor does {own!r} belong to?"
    for name in imports(path):
        room = room_of(name)
        if room is None or room == own or room.startswith("__"):
            continue
        assert room in FLOOR_OF, f"{label(path)} imports {name}: which floor is that?"
        assert FLOOR_OF[room] < FLOOR_OF[own], f"{label(path)} ({own}) imports {name}, which is not below it"


@pytest.mark.parametrize("package", ["perception_nodes"])
def test_nodes_do_not_import_tools(package: str):
    base = ROOT / "perception_ws/src" / package
    for path in (base / package).rglob("*.py"):
        assert not [name for name in imports(path, package, base) if name.startswith("perception_tools")], path


def test_import_walker_sees_every_form(tmp_path: Path):
    module = tmp_path / "perception_core" / "camera" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "import rclpy.node\n"
        "from . import boxes\n"
        "from ..lidar.ground import fit\n"
        "from perception_core import types\n"
        "def late():\n    from sensor_msgs.msg import Image\n"
    )
    assert list(imports(module, base=tmp_path)) == [
        "rclpy.node",
        "perception_core.camera.boxes",
        "perception_core.lidar.ground.fit",
        "perception_core.types",
        "sensor_msgs.msg.Image",
    ]
