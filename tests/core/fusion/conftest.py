"""The scenes that the tests of fusion share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
