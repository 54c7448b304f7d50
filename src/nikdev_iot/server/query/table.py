"""Rows of one device as NumPy arrays, in the order (time, origin, number): what every read works on."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.values import Kind

from .notes import NO_NOTES, PackNotes

__all__ = [
    "ColumnKey",
    "Int64s",
    "PackPlaces",
    "Table",
    "TableColumn",
    "Uint64s",
    "empty_table",
    "split_origin",
    "value_bytes",
]

Int64s: TypeAlias = npt.NDArray[np.int64]
Uint64s: TypeAlias = npt.NDArray[np.uint64]
ColumnKey: TypeAlias = tuple[str, Kind]
"""(Field ID, kind)."""

_ROW_BYTES = 32
_TEXT_BYTES = 60
"""What a Python text takes beside its characters."""
_SHORT_TEXT = 60
_VALUE_BYTES = 40
"""What a value takes in JSON, with its time; most kinds take less in memory."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """The values of one field and one kind."""

    at: Int64s | None
    """The rows they belong to, strictly ascending; None where every row has one."""
    data: npt.NDArray[Any]
    """float64, int64, bool, or object for texts."""

    def rows(self, row_count: int) -> Int64s:
        """Return the row of each value."""
        return np.arange(row_count, dtype=np.int64) if self.at is None else self.at


@dataclass(frozen=True, slots=True)
class PackPlaces:
    """The packs that a segment is of, in the order of storing."""

    firsts: Int64s
    """Their first numbers."""
    arrivals: Int64s

    def arrivals_of(self, numbers: Int64s) -> Int64s:
        """Return which pack brought each of these numbers."""
        arrivals: Int64s = self.arrivals[np.searchsorted(self.firsts, numbers, "right") - 1]
        return arrivals


@dataclass(frozen=True, slots=True)
class Table:
    """Rows ascending by (time, origin, number); no two are equal in all three."""

    times: Int64s
    """Effective, µs UTC."""
    origin_high: Uint64s
    """The first 8 bytes of the origin; with the other 8, NumPy sorts by origin without touching single UUIDs."""
    origin_low: Uint64s
    numbers: Int64s
    columns: Mapping[ColumnKey, TableColumn]
    notes: PackNotes = NO_NOTES
    """Of a whole pack or segment; parts of one, and several merged, have none."""
    packs: PackPlaces | None = None
    """Of a whole segment: where its packs are."""

    def __len__(self) -> int:
        return len(self.times)

    def key(self, row: int) -> tuple[int, uuid.UUID, int]:
        """Return (time in µs, origin, number) of one row; negative rows count from the end."""
        origin = int(self.origin_high[row]) << 64 | int(self.origin_low[row])
        return int(self.times[row]), uuid.UUID(int=origin), int(self.numbers[row])

    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        size = len(self) * _ROW_BYTES
        for column in self.columns.values():
            size += column.data.nbytes + (0 if column.at is None else column.at.nbytes)
            if column.data.dtype == object:
                size += sum(map(len, column.data)) + _TEXT_BYTES * len(column.data)
        return size + self.notes.size_bytes()

    def slice(self, start: int, stop: int) -> Table:
        """Return rows `start` to `stop` (exclusive); columns without a value there are left out."""
        if start == 0 and stop >= len(self):
            return self
        columns = {}
        for key, column in self.columns.items():
            if column.at is None:
                columns[key] = TableColumn(None, column.data[start:stop])
                continue
            low, high = np.searchsorted(column.at, (start, stop))
            if low < high:
                columns[key] = _placed(column.at[low:high] - start, column.data[low:high], stop - start)
        return Table(
            self.times[start:stop],
            self.origin_high[start:stop],
            self.origin_low[start:stop],
            self.numbers[start:stop],
            columns,
        )

    def take(self, rows: Int64s) -> Table:
        """Return these rows, strictly ascending; columns without a value there are left out."""
        columns = {}
        for key, column in self.columns.items():
            if column.at is None:
                columns[key] = TableColumn(None, column.data[rows])
                continue
            is_in = np.isin(column.at, rows, assume_unique=True)
            if is_in.any():
                columns[key] = _placed(np.searchsorted(rows, column.at[is_in]), column.data[is_in], len(rows))
        return Table(self.times[rows], self.origin_high[rows], self.origin_low[rows], self.numbers[rows], columns)

    def only(self, fields: Collection[str] | None) -> Table:
        """Return the columns of `fields` (None: all), and of the rows those that have a value in one of them."""
        columns = {key: c for key, c in self.columns.items() if fields is None or key[0] in fields}
        if any(column.at is None for column in columns.values()):
            if len(columns) == len(self.columns):
                return self
            return Table(self.times, self.origin_high, self.origin_low, self.numbers, columns)
        used = np.zeros(len(self), dtype=np.bool_)
        for column in columns.values():
            used[column.at] = True
        place = np.cumsum(used) - 1
        count = int(place[-1]) + 1 if len(place) else 0
        return Table(
            self.times[used],
            self.origin_high[used],
            self.origin_low[used],
            self.numbers[used],
            {key: _placed(place[c.rows(len(self))], c.data, count) for key, c in columns.items()},
        )

    def owned(self) -> Table:
        """Return a copy that keeps nothing else in memory, as the part of a large table would."""
        return Table(
            self.times.copy(),
            self.origin_high.copy(),
            self.origin_low.copy(),
            self.numbers.copy(),
            {
                key: TableColumn(None if column.at is None else column.at.copy(), column.data.copy())
                for key, column in self.columns.items()
            },
        )

    def answer_bytes(self) -> int:
        """Return about how long it is in its longest form, JSON; at least what it takes in memory."""
        return len(self) * _ROW_BYTES + sum(int(value_bytes(c.data).sum()) for c in self.columns.values())

    def row_bytes(self) -> Int64s:
        """Return the same for each row."""
        cost = np.full(len(self), _ROW_BYTES, dtype=np.int64)
        for column in self.columns.values():
            cost[slice(None) if column.at is None else column.at] += value_bytes(column.data)
        return cost


def value_bytes(data: npt.NDArray[Any]) -> Int64s:
    """Return about how long each value is in JSON, with its time."""
    if data.dtype != object:
        return np.broadcast_to(np.int64(_VALUE_BYTES), len(data))
    return np.fromiter(map(_text_bytes, data), np.int64, len(data)) + _VALUE_BYTES


def _text_bytes(text: str) -> int:
    """Return about how long a text is in JSON, and at least what it takes in memory."""
    count = len(text)
    if count <= _SHORT_TEXT:
        return _TEXT_BYTES + 6 * count  # each may be written as an escape
    raw = text.encode()
    escapes = int(np.count_nonzero(np.frombuffer(raw, dtype=np.uint8) < ord(" ")))
    size = len(raw) + 5 * escapes + raw.count(b'"') + raw.count(b"\\")
    return _TEXT_BYTES + (size if len(raw) == count else max(size, 4 * count))


def _placed(at: Int64s, data: npt.NDArray[Any], row_count: int) -> TableColumn:
    return TableColumn(None if len(at) == row_count else at, data)


def empty_table() -> Table:
    """Return a table without rows."""
    nothing = np.empty(0, dtype=np.int64)
    return Table(nothing, nothing.astype(np.uint64), nothing.astype(np.uint64), nothing, {})


def split_origin(origin: uuid.UUID) -> tuple[int, int]:
    """Return an origin as its first and its last 8 bytes."""
    return origin.int >> 64, origin.int & 0xFFFF_FFFF_FFFF_FFFF
