"""What the system says of its own clock."""

from __future__ import annotations

import sys

__all__ = ["is_synchronized"]

_TIME_ERROR = 5
_TIMEX_BYTES = 512
"""More than `struct timex` has on any machine."""


def is_synchronized() -> bool | None:
    """Return whether the kernel's clock is kept right (by NTP, say); None where the system does not tell.

    Linux: `adjtimex(2)` with `modes = 0` changes nothing and returns TIME_ERROR for a clock nobody keeps right.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _TIME_ERROR
