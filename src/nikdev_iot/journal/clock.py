"""The device's clocks, as one thing that can be injected."""

from __future__ import annotations

import time
import uuid
from functools import cache
from pathlib import Path
from typing import Protocol

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Wall time, time since boot, and which boot that was."""

    def now_us(self) -> int:
        """Return the wall clock, µs UTC; it may be wrong, and it may jump."""
        ...

    def monotonic_ns(self) -> int:
        """Return a clock that never jumps, in ns; comparable only under one `boot_id`."""
        ...

    def boot_id(self) -> str:
        """Return what tells this run of the machine from every other; constant within a process."""
        ...


class SystemClock:
    """The clocks of this machine."""

    __slots__ = ()

    def now_us(self) -> int:
        """Return the wall clock, µs UTC."""
        return time.time_ns() // 1000

    if hasattr(time, "CLOCK_BOOTTIME"):

        def monotonic_ns(self) -> int:
            """Return ns since boot, time asleep included."""
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    else:

        def monotonic_ns(self) -> int:
            """Return ns of the monotonic clock."""
            return time.monotonic_ns()

    def boot_id(self) -> str:
        """Return the kernel's boot id; where there is none, an id of this process alone, which promises less."""
        return _boot_id()


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid.uuid4())


SYSTEM_CLOCK = SystemClock()
