"""The time that a page shows: as its address asks, else the usual one, or the last in which anything came. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.times import MIN_TIME_US, iso, to_time_us

__all__ = ["QUICK_RANGES", "Span", "span_of"]

_HOUR_US = 3_600_000_000
QUICK_RANGES: Mapping[str, tuple[str, int | None]] = {
    "15m": ("15 min", _HOUR_US // 4),
    "1h": ("1 h", _HOUR_US),
    "6h": ("6 h", 6 * _HOUR_US),
    "24h": ("24 h", 24 * _HOUR_US),
    "7d": ("7 d", 7 * 24 * _HOUR_US),
    "30d": ("30 d", 30 * 24 * _HOUR_US),
    "1y": ("1 y", 365 * 24 * _HOUR_US),
    "all": ("all", None),
}
"""Each range's name, how it is written, and how long it is; None for the whole history."""
_LONGEST_S = 200 * 365.25 * 86_400
_SHORTEST_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when."""

    name: str
    """One of `QUICK_RANGES`, or from and to in ISO with a slash between."""
    start_us: int | None
    """None for the whole history."""
    end_us: int
    instead_of: str = ""
    """The usual range, where nothing came within it: this one is as long, and ends with the newest value."""

    @property
    def instead_of_words(self) -> str:
        """How that one is written."""
        return QUICK_RANGES[self.instead_of][0] if self.instead_of else ""


def span_of(
    query: Mapping[str, str],
    *,
    now_us: int,
    newest_us: int | None,
    usual: str = "24h",
    known: Mapping[str, tuple[str, int | None]] = QUICK_RANGES,
) -> Span:
    """Return what an address asks for: `range`, `from` and `to`, or `last` (s, up to now); else the usual range.

    `newest_us` is the time of the newest value there is, None where there is none.
    """
    name = query.get("range", "")
    if name not in known:
        asked = _asked(query) or _last(query, now_us)
        if asked is not None:
            return Span(name=f"{iso(asked[0])}/{iso(asked[1])}", start_us=asked[0], end_us=asked[1])
        name = usual
        length_us = QUICK_RANGES[name][1]
        if length_us is not None and newest_us is not None and newest_us < now_us - length_us:
            # To the full second, so that the newest value is inside.
            end_us = (newest_us // 1_000_000 + 1) * 1_000_000 + length_us // 50
            start_us = max(end_us - length_us, MIN_TIME_US)
            return Span(name=f"{iso(start_us)}/{iso(end_us)}", start_us=start_us, end_us=end_us, instead_of=name)
    length_us = QUICK_RANGES[name][1]
    return Span(name=name, start_us=None if length_us is None else now_us - length_us, end_us=now_us)


def _asked(query: Mapping[str, str]) -> tuple[int, int] | None:
    try:
        start_us, end_us = to_time_us(query["from"]), to_time_us(query["to"])
    except (KeyError, ValueError, NikDevError):
        return None
    return (start_us, end_us) if start_us < end_us else None


def _last(query: Mapping[str, str], now_us: int) -> tuple[int, int] | None:
    """Return a stretch that ends now, of a length that is no quick range's: a view that follows the newest values."""
    try:
        length_s = float(query["last"])
    except (KeyError, ValueError):
        return None
    if not math.isfinite(length_s) or not _SHORTEST_S <= length_s <= _LONGEST_S:
        return None
    return now_us - round(length_s * 1_000_000), now_us
