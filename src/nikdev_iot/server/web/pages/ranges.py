"""The range of time that the address of a page asks for; `js/range.js` keeps it there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, to_time_us

__all__ = ["QUICK", "TimeRange", "asked_range"]

_MINUTE_US = 60_000_000
QUICK: Mapping[str, int] = {
    "15m": 15 * _MINUTE_US,
    "1h": 60 * _MINUTE_US,
    "6h": 360 * _MINUTE_US,
    "24h": 1_440 * _MINUTE_US,
    "7d": 7 * 1_440 * _MINUTE_US,
    "30d": 30 * 1_440 * _MINUTE_US,
    "1y": 365 * 1_440 * _MINUTE_US,
}
"""The quick ranges: they end now."""
DEFAULT = "24h"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of time; `end_us` is exclusive."""

    start_us: int
    end_us: int
    quick: str | None
    """Its name, where it is one that moves with time."""

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return f"the last {self.quick}" if self.quick in QUICK else "all times" if self.quick else "this range"


def asked_range(query: Mapping[str, str], now_us: int) -> TimeRange:
    """Return the range of `?range=6h`, or of `?from=…&to=…` (ISO, UTC), and the last 24 h for anything else."""
    quick = query.get("range", "")
    if quick == "all":
        return TimeRange(MIN_TIME_US, now_us + 1, quick)
    if quick in QUICK:
        return TimeRange(now_us + 1 - QUICK[quick], now_us + 1, quick)
    try:
        start_us, end_us = to_time_us(query.get("from", "")), to_time_us(query.get("to", ""))
    except (NikDevError, ValueError):
        start_us = end_us = 0
    if MIN_TIME_US <= start_us < end_us <= MAX_TIME_US + 1:
        return TimeRange(start_us, end_us, None)
    return TimeRange(now_us + 1 - QUICK[DEFAULT], now_us + 1, DEFAULT)
