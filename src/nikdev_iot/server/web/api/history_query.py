"""What a request for history asks for, read from its query and its Accept header; every error names the parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, to_time_us
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.wire.headers import PAGE_TYPE

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "Form", "HistoryQuery", "parse_every", "parse_history"]

DEFAULT_LIMIT = 10_000
MAX_LIMIT = 100_000
_DAY_US = 86_400_000_000
_MAX_EVERY_US = 36_500 * _DAY_US
_UNITS_US = {"ms": 1_000, "s": 1_000_000, "": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": _DAY_US}
_EVERY = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) ?(ms|s|m|h|d|)", re.ASCII)
_SIGNED = re.compile(r"-?\d{1,18}", re.ASCII)
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$", re.ASCII)

Form: TypeAlias = Literal["json", "csv", "page"]
_KNOWN = ("fields", "start", "end", "start_us", "end_us", "every", "aggregate", "limit", "cursor", "format")
_TYPES: dict[str, Form] = {"application/json": "json", "text/csv": "csv", PAGE_TYPE: "page"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """A checked request for history."""

    fields: tuple[str, ...] | None
    """None: all."""
    start_us: int
    end_us: int
    """Exclusive."""
    every_us: int | None
    aggregates: tuple[Aggregate, ...]
    """Empty where rows are asked for."""
    limit: int
    cursor: Cursor | None
    form: Form


def parse_history(items: Sequence[tuple[str, str]], accept: str) -> HistoryQuery:
    """Read the query's (name, value) pairs. Pure.

    Raises:
        Invalid: naming the parameter.
    """
    given = _once(items)
    form = _form(given.get("format"), accept)
    start_us = _bound(given, "start", MIN_TIME_US)
    end_us = _bound(given, "end", MAX_TIME_US + 1)
    if end_us < start_us:
        raise Invalid("end: lies before the start.")
    every_us = parse_every(given["every"]) if "every" in given else None
    aggregates = _aggregates(given, every_us)
    if form == "page" and len(aggregates) > 1:
        raise Invalid("aggregate: a page holds one; ask for one at a time, or with format=json.")
    for name in ("cursor", "limit"):
        if form == "csv" and name in given:
            raise Invalid(f"{name}: CSV has no pages, it holds everything. Narrow it with start and end.")
    return HistoryQuery(
        fields=_fields(given.get("fields")),
        start_us=start_us,
        end_us=end_us,
        every_us=every_us,
        aggregates=aggregates,
        limit=_limit(given.get("limit")),
        cursor=Cursor.from_text(given["cursor"]) if "cursor" in given else None,
        form=form,
    )


def _once(items: Sequence[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in items:
        if name not in _KNOWN:
            raise Invalid(f"{name[:60]}: there is no such parameter; there are {', '.join(_KNOWN)}.")
        if name in given:
            raise Invalid(f"{name}: given twice." + (" Join Field IDs with commas." if name == "fields" else ""))
        given[name] = value
    return given


def _form(asked: str | None, accept: str) -> Form:
    if asked is not None:
        if asked not in {"json", "csv", "page"}:
            raise Invalid(f"format: {asked[:60]!r} is none of json, csv, page.")
        return asked  # type: ignore[return-value]
    best: Form = "json"
    best_weight = 0.0
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = float(parameter[2:]) if re.fullmatch(r"[01](\.\d{0,3})?", parameter[2:]) else 0.0
        if kind in _TYPES and weight > best_weight:
            best, best_weight = _TYPES[kind], weight
    return best


def _bound(given: Mapping[str, str], name: str, default: int) -> int:
    text, exact = given.get(name), given.get(f"{name}_us")
    if text is not None and exact is not None:
        raise Invalid(f"{name}: given as {name} and as {name}_us; one of them will do.")
    if exact is not None:
        if not _SIGNED.fullmatch(exact):
            raise Invalid(f"{name}_us: {exact[:60]!r} is not a whole number of µs since 1970-01-01 UTC.")
        return min(max(int(exact), MIN_TIME_US), MAX_TIME_US + 1)
    if text is None:
        return default
    try:
        return _time(text)
    except ValueRefused as error:
        raise Invalid(f"{name}: {error.message}", hint=error.hint) from None


def _time(text: str) -> int:
    try:
        return to_time_us(text)
    except ValueRefused:
        # A + in a query means a space, and few people write %2B.
        fixed = _LOST_PLUS.sub(r"+\1", text)
        if fixed == text or "T" not in text.upper():
            raise
        return to_time_us(fixed)


def parse_every(text: str) -> int:
    """Return the length of a bucket in µs.

    Raises:
        Invalid: not a length of time, or not from 1 ms to 36500 days.
    """
    found = _EVERY.fullmatch(text)
    if not found:
        raise Invalid(f"every: {text[:60]!r} is not a length of time.", hint="Write it like 500ms, 10s, 5m, 1h or 1d.")
    every_us = Decimal(found[1]) * _UNITS_US[found[2]]
    if not 1_000 <= every_us <= _MAX_EVERY_US or every_us != int(every_us):
        raise Invalid(f"every: {text[:60]} is not between 1ms and 36500d.")
    return int(every_us)


def _aggregates(given: Mapping[str, str], every_us: int | None) -> tuple[Aggregate, ...]:
    text = given.get("aggregate")
    if every_us is None:
        if text is not None:
            raise Invalid("aggregate: goes with every, which says how long the buckets are.")
        return ()
    if text is None:
        return (Aggregate.MEAN,)
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in list(Aggregate):
            raise Invalid(f"aggregate: {name[:60]!r} is none of {', '.join(Aggregate)}.")
    return tuple(dict.fromkeys(map(Aggregate, names)))


def _fields(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = text.split(",")
    if not all(names):
        raise Invalid("fields: holds an empty Field ID.", hint="Leave fields out for all of them.")
    return tuple(dict.fromkeys(names))


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= MAX_LIMIT:
        raise Invalid(f"limit: {text[:60]!r} is not a whole number from 1 to {MAX_LIMIT}.")
    return int(text)
