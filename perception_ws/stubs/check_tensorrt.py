"""Checks our use of TensorRT against TensorRT's own signatures, on machines without a GPU and without its libraries.

NVIDIA's packages of Python bindings (about 1.2 MB each, from PyPI) carry no type information, but every function in
them knows its signature. To import them, the nine functions that they want from TensorRT's libraries (hundreds of MB)
are given by an empty library. From the imported package pybind11-stubgen writes stubs, against which mypy checks
``perception_core.inference.tensorrt_*``, and in which every name of ``tensorrt_api.TensorRt`` is looked up. What only
a GPU can show stays unproven by this.

    python perception_ws/stubs/check_tensorrt.py      a few seconds; the first time it downloads 6 MB into .ros/stubs
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKSPACE = HERE.parent
CORE = WORKSPACE / "src" / "perception_core"
CACHE = WORKSPACE / ".ros" / "stubs"

# The oldest that is promised (JetPack 6 has it), the last 10, the newest 11, the newest RTX: package and its module.
PACKAGES = {
    "tensorrt-cu12-bindings==10.3.0": ("tensorrt_bindings", "tensorrt"),
    "tensorrt-cu13-bindings==10.16.1.11": ("tensorrt_bindings", "tensorrt"),
    "tensorrt-cu13-bindings==11.4.0.106": ("tensorrt_bindings", "tensorrt"),
    "tensorrt-rtx-cu13-bindings==1.7.1.116": ("tensorrt_rtx_bindings", "tensorrt_rtx"),
}

FUNCTIONS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)
LIBRARY = re.compile(rb"lib(?:nvinfer|nvonnxparser|tensorrt)[a-z_]*\.so\.\d+")

MYPY = """\
[mypy]
python_version = 3.12
strict = True
explicit_package_bases = True
namespace_packages = True
follow_imports = silent
mypy_path = {paths}

[mypy-tensorrt.*]
ignore_errors = True
"""

LOOK_UP = """\
import importlib, sys, threading
from perception_core.inference import tensorrt_api, tensorrt_builder
api = tensorrt_api.api_of(importlib.import_module(sys.argv[1]), sys.argv[2])
messages = tensorrt_api.Messages()
logger = tensorrt_api.listening_logger(api, messages)
logger.log(api.ILogger.Severity.ERROR, "heard")
assert messages.last("") == "heard"
reports = []
monitor = tensorrt_builder.progress_monitor(api, reports.append, threading.Event())
monitor.phase_start("build", None, 2)
assert monitor.step_complete("build", 0) is True
monitor.phase_finish("build")
assert [report.fraction for report in reports] == [0.5, 1.0]
assert api.numpy_type(api.DataType.HALF) == "float16"
assert list(api.Dims([1, 3])) == [1, 3]
"""


def main() -> int:
    """Check against all packages; 1 if one does not fit."""
    if os.uname().machine != "x86_64":
        print("TensorRT's signatures: left out, the packages they are read from are for x86_64")
        return 0
    return max(check(requirement, *names) for requirement, names in PACKAGES.items())


def check(requirement: str, package: str, flavour: str) -> int:
    """Check against one package; the exit status."""
    folder = CACHE / requirement
    if not (folder / "ready").is_file() or (folder / "ready").read_text() != _version_of_this():
        _make_stubs(requirement, package, folder)
        (folder / "ready").write_text(_version_of_this())
    looked_up = subprocess.run([sys.executable, "-c", LOOK_UP, package, flavour], env=_environment(folder), check=False)
    config = folder / "mypy.ini"
    config.write_text(MYPY.format(paths=f"{folder / 'stubs'}:{CORE}"))
    modules = sorted((CORE / "perception_core" / "inference").glob("tensorrt_*.py"))
    if flavour != "tensorrt_rtx":
        modules = [path for path in modules if not path.name.startswith("tensorrt_rtx_")]
    command = [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", folder / "mypy", *modules]
    typed = subprocess.run([*command, "--no-error-summary"], check=False, cwd=WORKSPACE.parent)
    status = max(looked_up.returncode, typed.returncode)
    print(f"{requirement}: {'does not fit' if status else 'fits'}")
    return min(status, 1)


def _version_of_this() -> str:
    return hashlib.sha256(Path(__file__).read_bytes() + (HERE / "requirements.txt").read_bytes()).hexdigest()


def _make_stubs(requirement: str, package: str, folder: Path) -> None:
    tools = CACHE / "tools"
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    _run([*pip, "install", "--upgrade", "--target", tools, "-r", HERE / "requirements.txt"])
    _run([*pip, "download", "--no-deps", "--only-binary=:all:", "-d", folder / "wheel", requirement])
    (wheel,) = (folder / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "package")
    _make_libraries(folder)
    _run([sys.executable, "-m", "pybind11_stubgen", package, "-o", folder / "generated"], _environment(folder))
    _rename_stubs(folder / "generated" / package, package, folder / "stubs" / "tensorrt")


def _make_libraries(folder: Path) -> None:
    """Compile empty libraries under the names the package asks for."""
    libraries = folder / "libraries"
    libraries.mkdir(parents=True, exist_ok=True)
    source = libraries / "empty.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in FUNCTIONS))
    (binding,) = (folder / "package").glob("*_bindings/*.so")
    for name in {match.decode() for match in LIBRARY.findall(binding.read_bytes())}:
        _run(["cc", "-shared", "-fPIC", "-o", libraries / name, source])


def _rename_stubs(generated: Path, package: str, stubs: Path) -> None:
    """Move the stubs to the module name ``tensorrt``, by which our code names the types of every flavour."""
    stubs.mkdir(parents=True, exist_ok=True)
    for path in generated.glob("*.pyi"):
        text = re.sub(rf"\b{package}\b", "tensorrt", _mend(path.read_text()))
        (stubs / path.name).write_text(text)


def _mend(text: str) -> str:
    """Loosen the signatures that are no Python (an argument without default after one with), and free ``bool``.

    TensorRT calls one of its data types ``bool``, which hides Python's in the signatures.
    """
    text = re.sub(r"(->|: |\[)( ?)bool\b", r"\1\2builtins.bool", text)
    lines = text.replace("import typing\n", "import builtins\nimport typing\n", 1).split("\n")
    while True:
        try:
            compile("\n".join(lines), "stub", "exec")
        except SyntaxError as error:
            line = (error.lineno or 1) - 1
            name = lines[line].partition("(")[0]
            if not name.lstrip().startswith("def "):
                raise
            lines[line] = f"{name}(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any:"
        else:
            return "\n".join(lines)


def _environment(folder: Path) -> dict[str, str]:
    ours = {
        "LD_LIBRARY_PATH": [folder / "libraries"],
        "PYTHONPATH": [folder / "package", CACHE / "tools", CORE],
    }
    joined = {name: ":".join([*map(str, paths), os.environ.get(name, "")]) for name, paths in ours.items()}
    return os.environ | joined


def _run(command: list[object], environment: dict[str, str] | None = None) -> None:
    result = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"TensorRT's signatures: {command[2:5]} failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    sys.exit(main())
