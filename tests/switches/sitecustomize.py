"""Python runs this at its start where this folder is on its path: see `tests/eager_repacking.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from tests.eager_repacking import install_if_asked

install_if_asked()
