"""The months that segments belong to, so that old time can be dropped month by month."""

from __future__ import annotations

import datetime

__all__ = ["OTHER", "period_of"]

OTHER = 0
"""The period of times outside of the years that have one for each month: nobody can make files without end."""
_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def period_of(time_us: int) -> int:
    """Return the period that a time is in: year * 12 + month - 1, or `OTHER`."""
    try:
        day = _EPOCH + datetime.timedelta(microseconds=time_us)
    except OverflowError:
        return OTHER
    return day.year * 12 + day.month - 1 if _FIRST_YEAR <= day.year <= _LAST_YEAR else OTHER
