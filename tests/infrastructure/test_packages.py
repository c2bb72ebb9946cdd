"""The packages agree with each other: versions, licence, manifests, what set-up and middleware rely on."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = ROOT / "perception_ws"
PACKAGES = sorted(path.parent for path in WORKSPACE.glob("src/*/package.xml"))
PYTHON_PACKAGES = [package for package in PACKAGES if (package / "setup.py").exists()]


def name(package: Path) -> str:
    return package.name


def manifest(package: Path) -> ET.Element:
    return ET.parse(package / "package.xml").getroot()


def depends(package: Path) -> set[str]:
    return {element.text for element in manifest(package) if element.tag in {"depend", "exec_depend"} and element.text}


def test_there_are_the_five_packages():
    assert [package.name for package in PACKAGES] == [
        "perception_bringup", "perception_core", "perception_interfaces", "perception_nodes", "perception_tools",
    ]  # fmt: skip


def test_all_packages_have_one_version():
    assert len({manifest(package).findtext("version") for package in PACKAGES}) == 1


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_manifest_names_package_and_licence(package: Path):
    root = manifest(package)
    assert root.findtext("name") == package.name
    assert root.findtext("license") == "Apache-2.0"
    assert root.find("maintainer").get("email")


def test_licence_text_is_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=name)
def test_version_in_code_is_the_manifests(package: Path):
    version = manifest(package).findtext("version")
    module = ast.parse((package / package.name / "__init__.py").read_text())
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value) for node in module.body if isinstance(node, ast.Assign)
    }
    assert assigned["__version__"] == version
    assert f'version="{version}"' in (package / "setup.py").read_text()


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=name)
def test_every_folder_with_modules_is_a_package(package: Path):
    folders = {path.parent for path in (package / package.name).rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=name)
def test_console_scripts_exist(package: Path):
    for module in {
        "perception_nodes": ["camera_node", "lidar_node", "fusion_node", "tracking_node", "player_node"],
        "perception_tools": ["cli"],
    }.get(package.name, []):
        tree = ast.parse((package / package.name / f"{module}.py").read_text())
        assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, module


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=name)
def test_imported_packages_are_declared(package: Path):
    ros = re.compile(r"^\s*(?:from|import) ((?:\w+_msgs|rclpy|tf2_ros|tf2_py|launch|launch_ros|ament_index_python|"
                     r"perception_\w+|lifecycle_msgs|rosbags|cv_bridge|numpy|cv2|yaml|scipy|numba|open3d|onnxruntime|"
                     r"matplotlib|tqdm|psutil))\b", re.MULTILINE)  # fmt: skip
    keys = {
        "cv2": "python3-opencv", "matplotlib": "python3-matplotlib", "numba": "python3-numba",
        "numpy": "python3-numpy", "onnxruntime": "python3-onnxruntime-pip", "open3d": "python3-open3d-pip",
        "psutil": "python3-psutil", "rosbags": "python3-rosbags-pip", "scipy": "python3-scipy",
        "tqdm": "python3-tqdm", "yaml": "python3-yaml",
    }  # fmt: skip
    used = {match for path in (package / package.name).rglob("*.py") for match in ros.findall(path.read_text())}
    needed = {keys.get(module, module) for module in used} - {package.name}
    assert needed - depends(package) == set()


@pytest.mark.parametrize(
    "requirements", [p for p in sorted(WORKSPACE.glob("**/requirements*.txt")) if ".ros" not in p.parts], ids=name
)
def test_requirements_are_pinned(requirements: Path):
    lines = [line.split("#")[0].split(";")[0].strip() for line in requirements.read_text().splitlines()]
    loose = [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    # NumPy of the distribution: its cv_bridge decides
    assert loose == (["numpy<2"] if requirements.name == "requirements-jazzy.txt" else [])


def test_requirements_agree_with_the_constraints():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (WORKSPACE / "constraints.txt").read_text(), re.MULTILINE))
    pins = {key.lower().replace("_", "-"): value for key, value in pins.items()}
    for file in ("requirements.txt", "requirements-dev.txt"):
        for package, version in re.findall(r"^([\w.-]+)==([\w.]+)", (WORKSPACE / file).read_text(), re.MULTILINE):
            assert pins.get(package.lower().replace("_", "-"), version) == version, package


def test_middleware_profile_keeps_shared_memory():
    # Fast DDS leaves shared memory out, with one line on stderr, when a message could exceed the segment.
    space = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"
    root = ET.parse(WORKSPACE / "src/perception_bringup/config/fastdds.xml").getroot()
    sizes = {
        transport.findtext(f"{space}type"): (
            int(transport.findtext(f"{space}segment_size") or 0),
            int(transport.findtext(f"{space}maxMessageSize") or 0),
        )
        for transport in root.iter(f"{space}transport_descriptor")
    }
    segment, message = sizes["SHM"]
    assert 2_000_000 < message <= segment
    assert "UDPv4" in sizes


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=name)
def test_data_files_are_installed(package: Path):
    # With --symlink-install a forgotten pattern goes unnoticed: the sources themselves are used.
    patterns = re.search(r"package_data=(\{.*?\})", (package / "setup.py").read_text(), re.DOTALL)
    known = {Path(pattern).suffix or Path(pattern).name for pattern in ast.literal_eval(patterns[1])[""]}
    known |= {Path(pattern).name for pattern in ast.literal_eval(patterns[1])[""]}
    data = [
        path
        for path in (package / package.name).rglob("*")
        if path.is_file()
        and path.suffix not in {".py", ".nbc", ".nbi"}
        and not any(part == "__pycache__" or part.startswith(".") for part in path.relative_to(package).parts)
    ]
    assert not [path for path in data if path.suffix not in known and path.name not in known]
