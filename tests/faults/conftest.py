"""The running nodes of tests/nodes, for input that is broken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "nodes"))

from fixtures import networks, networks_folder, stack

__all__ = ["networks", "networks_folder", "stack"]
