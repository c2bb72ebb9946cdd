"""Running nodes for the tests of this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fixtures import networks, networks_folder, stack

__all__ = ["networks", "networks_folder", "stack"]
