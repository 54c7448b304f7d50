"""What a chart shows of a device: one pass over the packs of a range, whatever is drawn of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import ServerError
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import PackSpan

from .aggregates import Aggregate, Partial, join, summarize
from .declared import DeclaredGap, GapFinder
from .finish import finish
from .history import PACK_COST_ROWS, Window, clip
from .merge import merge
from .notes import Message
from .pack_cache import PackCache
from .runs import Runs, States
from .steps import round_step_us
from .table import ColumnKey, Int64s, Table, TableColumn

__all__ = [
    "MAX_MESSAGES",
    "FieldBuckets",
    "FieldRaw",
    "FieldSeries",
    "GivenUp",
    "SeriesData",
    "SeriesQuery",
    "cost_rows",
    "read_series",
]

MAX_MESSAGES = 200
_NUMBERS = frozenset({Kind.INT, Kind.FLOAT})
_PENDING_ROWS = 16_384
_PENDING_PACKS = 1_024
_AGGREGATES = (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.COUNT)


class GivenUp(ServerError):
    """Nobody waits for the answer any more."""

    status = 499
    code = "given-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """What a chart asks for."""

    device_id: uuid.UUID
    fields: Mapping[str, frozenset[Kind]]
    """Field IDs, and the kinds that each is known to have."""
    start_us: int
    end_us: int
    """Exclusive."""
    points: int
    """About how many fit side by side."""

    @property
    def every_us(self) -> int:
        """How long a bucket is, where there are more commits than points."""
        return round_step_us(self.end_us - self.start_us, self.points)

    @property
    def window(self) -> Window:
        """Which rows count."""
        return Window(
            device_id=self.device_id, fields=frozenset(self.fields), start_us=self.start_us, end_us=self.end_us
        )


@dataclass(frozen=True, slots=True)
class FieldRaw:
    """A field's numbers, one by one."""

    times: Int64s
    values: Sequence[int | float]


@dataclass(frozen=True, slots=True)
class FieldBuckets:
    """A field's numbers in buckets; empty ones are left out."""

    times: Int64s
    """Where each bucket begins: a multiple of its length since 1970-01-01 UTC."""
    means: npt.NDArray[np.float64]
    lows: Sequence[int | float]
    highs: Sequence[int | float]
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class FieldSeries:
    """One field."""

    kinds: frozenset[Kind]
    """Those known of it, and those found."""
    numbers: FieldRaw | FieldBuckets | None
    states: States | None
    """Its bools and texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesData:
    """What a range holds."""

    every_us: int
    """0: each value is there by itself."""
    fields: Mapping[str, FieldSeries]
    commits: int
    """How many have a value in one of the fields."""
    messages: Sequence[Message]
    """The newest ones, ascending."""
    gaps: Sequence[DeclaredGap]


def cost_rows(spans: Sequence[PackSpan]) -> int:
    """Return about how much work these packs are, in rows."""
    return sum(span.row_count for span in spans) + PACK_COST_ROWS * len(spans)


def read_series(
    storage: Storage,
    cache: PackCache,
    query: SeriesQuery,
    spans: Sequence[PackSpan],
    *,
    is_wanted: Callable[[], bool] = lambda: True,
) -> SeriesData:
    """Return what the packs `spans` (those of the range, as the store gives them) hold for a chart.

    Memory is that of the answer and of a few packs, however long the range is.

    Raises:
        GivenUp: `is_wanted` said no.
        StorageUnavailable: the engine cannot be reached.
        StorageCorrupt: a stored pack cannot be read.
    """
    collector = _Collector(query)
    window = query.window
    gaps = GapFinder(storage, query.device_id, start_us=query.start_us, end_us=query.end_us)
    for span, table in _tables(cache, query, spans, is_wanted):
        gaps.add(table)
        collector.add_messages(table)
        is_inside = query.start_us <= span.min_time_us and span.max_time_us < query.end_us
        part = table.only(query.fields) if is_inside else clip(table, window)
        collector.add(part, following_us=span.min_time_us)
    return collector.finish(gaps.find())


def _tables(
    cache: PackCache, query: SeriesQuery, spans: Sequence[PackSpan], is_wanted: Callable[[], bool]
) -> Iterator[tuple[PackSpan, Table]]:
    tables = cache.tables(query.device_id, spans, fields=frozenset(query.fields))
    for number, (span, table) in enumerate(zip(spans, tables, strict=True)):
        if number % 64 == 0 and not is_wanted():
            raise GivenUp("Nobody waits for the answer any more.")
        yield span, table


class _Collector:
    """Holds rows while they are few, else buckets and runs."""

    def __init__(self, query: SeriesQuery) -> None:
        self._query = query
        self._every_us = query.every_us
        self._commits = 0
        self._found: set[ColumnKey] = set()
        self._pending: list[Table] = []
        self._pending_rows = 0
        self._is_raw = True
        self._partials: dict[ColumnKey, list[Partial]] = {}
        self._unordered: list[Table] = []
        """Rows of fields with states that later packs may still come before."""
        self._runs: dict[str, Runs] = {}
        self._messages: list[Message] = []

    def add_messages(self, table: Table) -> None:
        query = self._query
        self._messages += [m for m in table.notes.messages if query.start_us <= m.time_us < query.end_us]
        if len(self._messages) > 4 * MAX_MESSAGES:
            self._messages = _newest(self._messages)

    def add(self, part: Table, *, following_us: int) -> None:
        """Add the part of a pack; neither it nor what comes later has a row before `following_us`."""
        if not len(part) or not part.columns:
            return
        self._commits += len(part)
        self._found.update(part.columns)
        if (self._is_raw and self._commits > self._query.points) or (
            not self._is_raw and (self._pending_rows >= _PENDING_ROWS or len(self._pending) >= _PENDING_PACKS)
        ):
            self._settle(before_us=following_us)
        self._pending.append(part)
        self._pending_rows += len(part)

    def _settle(self, *, before_us: int | None) -> None:
        """Sum up what waits; the rows before `before_us` (None: all) are complete."""
        self._is_raw = False
        table = merge(self._pending)
        self._pending, self._pending_rows = [], 0
        if len(table):
            starts = table.times // self._every_us * self._every_us
            for key, column in table.columns.items():
                if key[1] in _NUMBERS:
                    parts = self._partials.setdefault(key, [])
                    parts.append(summarize(table, column, starts, frozenset(_AGGREGATES)))
                    if len(parts) >= 16:
                        self._partials[key] = [join(parts)]
        self._settle_states(table, before_us)

    def _settle_states(self, table: Table, before_us: int | None) -> None:
        """Make runs of the rows that are complete."""
        fields = {field_id for field_id, kind in table.columns if kind not in _NUMBERS} | self._runs.keys()
        fields |= {f for f, kinds in self._query.fields.items() if kinds - _NUMBERS}
        if fields:
            self._unordered.append(table.only(fields))
        rows = merge(self._unordered)
        stop = len(rows) if before_us is None else int(np.searchsorted(rows.times, before_us))
        self._unordered = [rows.slice(stop, len(rows))] if stop < len(rows) else []
        self._add_runs(rows.slice(0, stop))

    def _add_runs(self, table: Table) -> None:
        columns: dict[str, list[tuple[TableColumn, bool]]] = {}
        for (field_id, kind), column in table.columns.items():
            columns.setdefault(field_id, []).append((column, kind in _NUMBERS))
        query, runs = self._query, self._runs
        for field_id, found in columns.items():
            if field_id not in runs:
                if all(is_number for _, is_number in found):
                    continue  # no state was there that they could end
                runs[field_id] = Runs(start_us=query.start_us, every_us=self._every_us, limit=query.points)
            runs[field_id].add(table.times, found)

    def finish(self, gaps: Sequence[DeclaredGap]) -> SeriesData:
        if self._is_raw:
            table = merge(self._pending)
            self._add_runs(table)
            numbers: Mapping[str, FieldRaw | FieldBuckets] = _raw(table)
        else:
            self._settle(before_us=None)
            numbers = _buckets({key: join(parts) for key, parts in self._partials.items()})
        states = {field_id: runs.finish() for field_id, runs in self._runs.items()}
        fields = {}
        for field_id, known in self._query.fields.items():
            kinds = known | {kind for name, kind in self._found if name == field_id}
            fields[field_id] = FieldSeries(kinds, numbers.get(field_id), states.get(field_id))
        return SeriesData(
            every_us=0 if self._is_raw else self._every_us,
            fields=fields,
            commits=self._commits,
            messages=_newest(self._messages),
            gaps=gaps,
        )


def _newest(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=lambda m: (m.time_us, m.origin, m.number))[-MAX_MESSAGES:]


def _raw(table: Table) -> dict[str, FieldRaw | FieldBuckets]:
    by_field: dict[str, list[TableColumn]] = {}
    for (field_id, kind), column in table.columns.items():
        if kind in _NUMBERS:
            by_field.setdefault(field_id, []).append(column)
    found: dict[str, FieldRaw | FieldBuckets] = {}
    for field_id, columns in by_field.items():
        rows = [column.rows(len(table)) for column in columns]
        values = [value for column in columns for value in column.data.tolist()]
        at = np.concatenate(rows)
        if len(columns) > 1:
            order = np.argsort(at)
            at = at[order]
            values = [values[place] for place in order.tolist()]
        found[field_id] = FieldRaw(table.times[at], values)
    return found


def _buckets(partials: Mapping[ColumnKey, Partial]) -> dict[str, FieldRaw | FieldBuckets]:
    by_field: dict[str, dict[Kind, Partial]] = {}
    for (field_id, kind), part in partials.items():
        by_field.setdefault(field_id, {})[kind] = part
    found: dict[str, FieldRaw | FieldBuckets] = {}
    for field_id, kinds in by_field.items():
        series = finish(field_id, kinds, _AGGREGATES)
        lows, highs, counts = (_listed(series.values[a]) for a in (Aggregate.MIN, Aggregate.MAX, Aggregate.COUNT))
        means = np.array(series.values[Aggregate.MEAN], dtype=np.float64)
        found[field_id] = FieldBuckets(series.starts, _rounded(means, lows, highs), lows, highs, counts)
    return found


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else values.tolist()


def _rounded(means: npt.NDArray[np.float64], lows: Sequence[Any], highs: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Round means to a millionth of what the series spans (half the bytes on the way), and never beyond its values."""
    low, high = np.array(lows, dtype=np.float64), np.array(highs, dtype=np.float64)
    span = float(high.max() / 2 - low.min() / 2)
    if 1e-200 < span < 1e200:
        digits = 6 - int(np.floor(np.log10(span)))
        if abs(digits) < 18:
            means = np.round(means, digits)
    return np.clip(means, low, high)
