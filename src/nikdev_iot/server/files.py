"""How many connections the system lets a process have: each one is an open file, and the store needs some, too."""

from __future__ import annotations

import sys
from contextlib import suppress

__all__ = ["RESERVED_FILES", "fitting_connections"]

RESERVED_FILES = 256
"""For the store, whose every reader has three, the log, and what the interpreter opens."""


def fitting_connections(wanted: int) -> int:
    """Let the process have as many open files as the system allows, and return how many connections fit; 1 or more."""
    if sys.platform == "win32":  # there, sockets are not counted as files
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS has a limit below the one it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, max(allowed - RESERVED_FILES, allowed // 4)))
