"""Local time to UTC, through the hour that comes twice and the one that never comes. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from nikdev_iot.model.errors import ConfigError

__all__ = ["LocalClock", "zone_named"]

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are subtracted from it
_US = timedelta(microseconds=1)
_LONG_STEP = timedelta(minutes=30)


def zone_named(name: str) -> tzinfo:
    """Return the zone called `name`: `Europe/Rome`, `UTC`, or a fixed offset like `+01:00`.

    Raises:
        ConfigError: there is none of that name.
    """
    if name in {"UTC", "Z", "utc"}:
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        sign = -1 if offset[1] == "-" else 1
        hours, minutes = int(offset[2]), int(offset[3])
        if hours < 24 and minutes < 60:
            return timezone(sign * timedelta(hours=hours, minutes=minutes))
    else:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ConfigError(
        f"There is no time zone {name!r} on this machine.",
        key="timezone",
        hint="Name it as in Europe/Rome or America/New_York, or give an offset like +01:00. "
        "Where every name is unknown: pip install tzdata",
    )


class LocalClock:
    """Turns the local times of one recording, in their order, into UTC.

    Where a zone's clock is put back, an hour of local times comes twice. Which of the two a row belongs to follows from
    the rows before it: the first run through that hour is the earlier one, and once the times step against the
    direction of the recording, the later one begins. A time that only repeats counts as such a step too (an hourly
    recording shows nothing else), unless the recording repeats times elsewhere; and where it steps back a little
    elsewhere (several sensors in one file), only a step of half an hour counts.
    """

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._before: datetime | None = None
        self._balance = timedelta()
        """Steps forward less steps back, none counted as more than a long one: which way the recording runs."""
        self._repeats = False
        self._unsteady = False
        self._was_twice = False
        self._second_run = False

    def to_utc_us(self, local: datetime) -> tuple[int, bool]:
        """Return the µs UTC of a naive local time, and whether that local time exists.

        One that does not, because the clock was put forward over it, is read with the offset from before.
        """
        early = self.zone.utcoffset(local)
        late = self.zone.utcoffset(local.replace(fold=1))
        if early is None or late is None:  # pragma: no cover - no zone of `zone_named` does that
            raise ConfigError(f"The zone {self.zone} does not know its offset.", key="timezone")
        twice = early > late
        inside = twice and self._was_twice
        self._was_twice = twice
        if inside:
            self._turn(local)
        else:
            # Only a few minutes back into that hour, from beyond it: still its second run.
            self._second_run = self._is_short_step_back(local)
            self._learn(local)
        self._before = local
        offset = late if twice and self._second_run == self._rising else early
        return (local - offset - _EPOCH) // _US, early >= late

    @property
    def _rising(self) -> bool:
        return self._balance >= timedelta()

    def _learn(self, local: datetime) -> None:
        """Outside the doubled hour: see which way the recording runs, and how evenly."""
        if self._before is None:
            return
        if local == self._before:
            self._repeats = True
            return
        if self._balance and self._is_short_step_back(local):
            self._unsteady = True
        self._balance += max(-_LONG_STEP, min(_LONG_STEP, local - self._before))

    def _is_short_step_back(self, local: datetime) -> bool:
        """Say whether it steps a little against the direction of the recording."""
        before = self._before
        if before is None or local == before or (local > before) == self._rising:
            return False
        return abs(local - before) < _LONG_STEP

    def _turn(self, local: datetime) -> None:
        """Inside it: see whether the second run through it begins."""
        if local == self._before:
            self._second_run = self._second_run or not self._repeats
        elif self._before is not None and (local > self._before) != self._rising:
            self._second_run = self._second_run or not self._unsteady or not self._is_short_step_back(local)
