"""Processes whose time or memory is looked at run without the measuring of coverage, which has its own."""

from __future__ import annotations

import os

__all__ = ["unmeasured"]


def unmeasured() -> dict[str, str]:
    """Return the environment for such a process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
