"""Which clock is right, and what that means for the time of a commit: pure; the rules are those of `docs/time.md`."""

from __future__ import annotations

__all__ = ["AGREE_US", "EARLIEST_US", "TOLERANCE_US", "judge_time", "true_now"]

EARLIEST_US = 1_735_689_600_000_000
"""2025-01-01: this program did not exist before, so a clock that shows an earlier time is wrong."""
AGREE_US = 60_000_000
"""Two clocks that differ by no more count as agreeing; the network's delay is among it."""
TOLERANCE_US = 2_000_000
"""A time that is wrong by no more is left alone: leap seconds, smears, slewing."""


def true_now(device_us: int, server_us: int, *, is_synchronized: bool | None) -> int | None:
    """Return what time it is, from the device's clock and the server's at the same moment; None where nobody knows.

    `is_synchronized` is what the device's system says of its clock (by NTP, say); None where it says nothing.
    """
    if device_us >= EARLIEST_US and (is_synchronized or abs(device_us - server_us) <= AGREE_US):
        return device_us
    if server_us >= EARLIEST_US and (device_us < EARLIEST_US or is_synchronized is False):
        return server_us
    return None


def judge_time(time_us: int, mono_us: int, *, offset_us: int | None, now_us: int) -> tuple[int, bool]:
    """Return by how much a recorded time has to be shifted, and whether it is uncertain.

    `mono_us` is the clock since boot at the commit; `offset_us` is the true time less that clock, for that boot, None
    where it never was known; `now_us` is the device's clock.
    """
    if offset_us is None:
        return 0, not EARLIEST_US <= time_us <= now_us + AGREE_US
    shift_us = mono_us + offset_us - time_us
    return (0 if abs(shift_us) <= TOLERANCE_US else shift_us), False
