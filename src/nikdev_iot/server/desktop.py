"""Whether somebody sits before this server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

__all__ = ["has_desktop"]


def has_desktop(
    *, environment: Mapping[str, str] = os.environ, platform: str = sys.platform, output: TextIO | None = None
) -> bool:
    """Return whether a browser can be opened for whoever started this: a terminal, and a desktop around it."""
    output = output or sys.stdout
    try:
        if not output.isatty():
            return False
    except ValueError:  # closed
        return False
    if environment.get("SSH_CONNECTION"):
        return False  # the desktop, if any, is another one's
    if platform in {"darwin", "win32"}:
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
