"""The time of a row: ISO 8601, seconds or milliseconds since 1970, or a `strptime` format. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from nikdev_iot.cli.kinds import number_of
from nikdev_iot.model.errors import ConfigError, ValueRefused
from nikdev_iot.model.times import check_time_us, to_time_us

from .cells import Cell, FileRefused, text_of
from .zones import LocalClock

__all__ = ["EPOCH_FORMATS", "TimeReader"]

EPOCH_FORMATS = {"epoch": 1_000_000, "epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1}
"""What `--time-format` takes beside the formats of `strptime`, and the µs in one of its units."""
_LARGEST_EXPONENT = 20
_PLAIN_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LOOSE_ZONE = re.compile(r"\s+(?:(?:UTC|GMT)$|(?=Z$|[+-]\d\d:?(?:\d\d)?$))")
_YEAR_DIRECTIVES = ("%Y", "%y", "%G", "%c", "%x")


class TimeReader:
    """Reads the times of one file, row after row.

    `zone` is for times without an offset; those with one keep it. Without a zone such times raise `FileRefused`.

    Raises:
        ConfigError: `time_format` is none.
    """

    def __init__(self, *, time_format: str | None = None, zone: tzinfo | None = None) -> None:
        self._format = time_format
        self._unit_us = EPOCH_FORMATS.get(time_format or "")
        self._clock = LocalClock(zone) if zone else None
        if time_format is not None and not self._unit_us:
            _check_format(time_format)

    def read(self, cells: Sequence[Cell]) -> tuple[int, bool]:
        """Return the µs UTC of a time that stands in one cell, or in several to be joined by a space.

        The bool is False for a local time that the clock was put forward over: it never was, and is read with the
        offset from before.

        Raises:
            ValueRefused: it cannot be read.
            FileRefused: it can, and has no offset, and there is no zone to read it in.
        """
        text = " ".join(part for part in map(text_of, cells) if part)
        if not text:
            raise ValueRefused("has no time")
        if self._unit_us:
            return _epoch_us(text, self._unit_us), True
        time = _parse(text, self._format) if self._format else _parse_iso(text)
        if time.utcoffset() is not None:
            return to_time_us(time), True
        if self._clock is None:
            raise FileRefused(
                f"The time {text!r} has no offset, so it could mean any of 26 hours.",
                hint="Nothing was imported. Say where it was taken: --timezone UTC, or Europe/Rome, or +01:00.",
            )
        time_us, exists = self._clock.to_utc_us(time)
        return check_time_us(time_us), exists


def _epoch_us(text: str, unit_us: int) -> int:
    if number_of(text) is None:
        raise ValueRefused(f"has the time {text!r}, which is not a number")
    number = Decimal(text)
    if number.adjusted() > _LARGEST_EXPONENT:
        raise ValueRefused(f"has the time {text!r}, which is outside the years 1 to 9999")
    return check_time_us(int((number * unit_us).to_integral_value(ROUND_HALF_EVEN)))


def _parse(text: str, time_format: str) -> datetime:
    try:
        return datetime.strptime(text, time_format)  # noqa: DTZ007 - whether it has a zone is looked at behind
    except ValueError:
        raise ValueRefused(f"has the time {text!r}, which is not of the form {time_format!r}") from None


def _parse_iso(text: str) -> datetime:
    if "-" not in text and _PLAIN_NUMBER.fullmatch(text):
        raise ValueRefused(
            f"has the time {text!r}, a plain number: say --time-format epoch (seconds), epoch-ms, or its own form"
        )
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass  # perhaps its zone only stands apart, as in 2026-11-22 10:30:00 +01:00
    try:
        return datetime.fromisoformat(_LOOSE_ZONE.sub(_close_up, text))
    except ValueError:
        raise ValueRefused(
            f"has the time {text!r}, which is not like 2026-11-22 10:30:00: say its form with --time-format"
        ) from None


def _close_up(match: re.Match[str]) -> str:
    return "Z" if match[0].strip() else ""


def _check_format(time_format: str) -> None:
    try:
        datetime.strptime("", time_format)  # noqa: DTZ007 - only the format is looked at
    except ValueError as error:
        if "directive" in str(error) or "stray" in str(error):
            raise _bad_format(time_format, str(error)) from None
    except re.error:
        raise _bad_format(time_format, "a directive stands in it twice") from None
    if "%" not in time_format:
        raise _bad_format(time_format, "there is no % in it")
    if not any(directive in time_format for directive in _YEAR_DIRECTIVES):
        raise _bad_format(time_format, "it does not name the year")


def _bad_format(time_format: str, reason: str) -> ConfigError:
    return ConfigError(
        f"The time format {time_format!r} cannot be used: {reason}.",
        key="time-format",
        hint=f"It is one of {', '.join(EPOCH_FORMATS)}, or like '%d.%m.%Y %H:%M:%S'.",
    )
