"""A chart's data as JSON, as short as it can be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nikdev_iot.model.values import Kind

from .series import FieldBuckets, FieldRaw, FieldSeries, SeriesData

__all__ = ["series_json"]

_EXACT = 2**53
"""JavaScript keeps whole numbers up to here."""
_NUMBERS = frozenset({Kind.INT, Kind.FLOAT})


def series_json(data: SeriesData, *, start_us: int, end_us: int, newest_us: int | None) -> bytes:
    """Return the answer to a chart. Pure."""
    return msgspec.json.encode(
        {
            "start_us": start_us,
            "end_us": end_us,
            "every_us": data.every_us,
            "fields": {name: _field(series, data.every_us) for name, series in data.fields.items()},
            "commits": data.commits,
            "messages": [
                {"time_us": m.time_us, "number": m.number, "origin": str(m.origin), "text": m.text}
                for m in data.messages
            ],
            "gaps": [
                {"start_us": gap.start_us, "end_us": gap.end_us, "count": gap.count, "reason": gap.reason}
                for gap in data.gaps
            ],
            "newest_us": newest_us,
        }
    )


def _kind(kinds: frozenset[Kind]) -> str:
    has_numbers, has_states = bool(kinds & _NUMBERS), bool(kinds - _NUMBERS)
    return "mixed" if has_numbers and has_states else "state" if has_states else "number"


def _field(series: FieldSeries, every_us: int) -> Mapping[str, Any]:
    kind = _kind(series.kinds)
    answer: dict[str, Any] = {"kind": kind}
    if kind != "state":
        answer |= _numbers(series.numbers, every_us)
    if kind != "number":
        states = series.states
        answer["states"] = [] if states is None else states.runs
        if states is not None and states.more:
            answer["more"] = True
    return answer


def _numbers(numbers: FieldRaw | FieldBuckets | None, every_us: int) -> Mapping[str, Any]:
    if isinstance(numbers, FieldRaw):
        return {"times_us": numbers.times.tolist(), "values": _exact(numbers.values)}
    if isinstance(numbers, FieldBuckets):
        return {
            "times_us": numbers.times.tolist(),
            "mean": _short(numbers.means.tolist()),
            "min": numbers.lows,
            "max": numbers.highs,
            "count": numbers.counts,
        }
    names = ("mean", "min", "max", "count") if every_us else ("values",)
    return {"times_us": [], **{name: [] for name in names}}


def _exact(values: Sequence[int | float]) -> list[Any]:
    return [str(value) if type(value) is int and abs(value) > _EXACT else value for value in values]


def _short(values: Sequence[float]) -> list[int | float]:
    """Return the same numbers, whole ones without `.0`."""
    return [int(value) if value.is_integer() and abs(value) < _EXACT else value for value in values]
