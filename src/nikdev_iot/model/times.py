"""Time as the project keeps it: int64 microseconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .errors import ValueRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["MAX_TIME_US", "MIN_TIME_US", "TimeLike", "check_time_us", "from_time_us", "iso", "to_time_us"]

TimeLike: TypeAlias = "datetime | str | int | float"
"""An aware datetime, an ISO 8601 text with an offset, or seconds since 1970-01-01 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
MIN_TIME_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _US
MAX_TIME_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _US
"""The last microsecond of the year 9999: what `datetime`, and people, can still read."""
_FAR_S = 1e12  # beyond those years, and far from where a float overflows


def check_time_us(time_us: int) -> int:
    """Return `time_us` if it lies within the years 1 to 9999, else raise `ValueRefused`."""
    if not MIN_TIME_US <= time_us <= MAX_TIME_US:
        named = f" {time_us} µs" if -(10**30) < time_us < 10**30 else ""
        raise ValueRefused(f"The time{named} is outside the years 1 to 9999.", hint="Is it in another unit?")
    return time_us


def to_time_us(time: TimeLike) -> int:
    """Return `time` in µs UTC; seconds are rounded to the nearest, digits of a text beyond µs are cut.

    Raises:
        ValueRefused: a datetime or text without a zone, a text that is no ISO time, a time outside years 1 to 9999.
    """
    if isinstance(time, bool):
        raise ValueRefused(f"{time!r} is not a time.")
    if isinstance(time, int):
        return check_time_us(time * 1_000_000)
    if isinstance(time, float):
        if time != time:  # noqa: PLR0124 - NaN
            raise ValueRefused(f"{time!r} is not a time.")
        seconds = max(-_FAR_S, min(_FAR_S, float(time)))
        # Apart, because a product of 16 digits is rounded itself: 1594598751.5391474 s would become 1 µs more.
        whole = int(seconds)
        return check_time_us(whole * 1_000_000 + round((seconds - whole) * 1_000_000))
    if isinstance(time, str):
        text = time
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise ValueRefused(
                f"{text[:80]!r} is not a time.",
                hint="Write it like 2026-11-22T09:30:00Z or 2026-11-22T10:30:00+01:00.",
            ) from None
    if not isinstance(time, datetime):
        raise ValueRefused(f"A {type(time).__name__} is not a time.")
    if time.utcoffset() is None:
        raise ValueRefused(
            f"The time {time.isoformat()} has no zone, so it could mean any of 26 hours.",
            hint="Add an offset, as in 2026-11-22T09:30:00Z, or use an aware datetime.",
        )
    return check_time_us((time - _EPOCH) // _US)


def from_time_us(time_us: int) -> datetime:
    """Return `time_us` as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=time_us)


def iso(time_us: int) -> str:
    """Return `time_us` as ISO 8601 with `Z`; fractions only where there are any."""
    return from_time_us(time_us).isoformat().replace("+00:00", "Z")
