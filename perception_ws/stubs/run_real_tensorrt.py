"""Runs the tests of real TensorRT-RTX engines. Building one needs no GPU; on a machine with one they are run too.

The library comes with NVIDIA's execution provider for ONNX Runtime (146 MB, PyPI), its Python bindings are a package
of their own. Both are put into .ros/stubs/real; nothing is installed into the environment.

    python perception_ws/stubs/run_real_tensorrt.py [arguments of pytest]
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent.parent
REAL = WORKSPACE / ".ros" / "stubs" / "real"
LIBRARIES = REAL / "onnxruntime_ep_nv_tensorrt_rtx"
PACKAGES = (
    "onnxruntime-ep-nv-tensorrt-rtx-cu13==0.5.0",  # its TensorRT-RTX has to be that of the bindings
    "tensorrt-rtx-cu13-bindings==1.7.1.116",
    "cuda-bindings==13.5.0",
    "cuda-pathfinder==1.9.0",
)


def main() -> int:
    """Fetch what is missing, run the tests; their exit status."""
    if not (REAL / "ready").is_file():
        shutil.rmtree(REAL, ignore_errors=True)
        _fetch()
        (REAL / "ready").touch()
    ours = {"LD_LIBRARY_PATH": str(LIBRARIES), "PYTHONPATH": str(REAL)}
    environment = os.environ | {name: f"{path}:{os.environ.get(name, '')}" for name, path in ours.items()}
    tests = WORKSPACE.parent / "tests" / "core" / "inference" / "test_real_tensorrt.py"
    return subprocess.run(
        [sys.executable, "-m", "pytest", tests, *sys.argv[1:]], env=environment, check=False
    ).returncode


def _fetch() -> None:
    """Unpack the packages side by side, and give the libraries the names they are looked for by."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download"]
    subprocess.run([*pip, "--no-deps", "--only-binary=:all:", "-d", REAL / "wheels", *PACKAGES], check=True)
    for wheel in (REAL / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(REAL)
        wheel.unlink()
    for library in list(LIBRARIES.glob("*.so.*")):
        short = re.sub(r"(\.so\.\d+)\..*", r"\1", library.name)
        (LIBRARIES / short).symlink_to(library.name)
    (REAL / "tensorrt_rtx.py").write_text(
        "from tensorrt_rtx_bindings import *\nfrom tensorrt_rtx_bindings import __version__\n"
    )


if __name__ == "__main__":
    sys.exit(main())
