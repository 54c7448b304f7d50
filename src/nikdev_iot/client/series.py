"""What `fetch` returns: the history of fields, in memory as columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from nikdev_iot.model.values import Kind, Value, kind_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from nikdev_iot.wire.columns import Column
    from nikdev_iot.wire.page import Page

__all__ = ["Data", "History", "HistoryBuilder", "Series"]

Data: TypeAlias = "array[float] | array[int] | list[Any]"
"""Type `d` for floats, `q` for ints, `B` (0 or 1) for bools; a list for texts, and where kinds are mixed."""

_EXACT_IN_FLOAT = 2**53
"""Up to here, on both sides of 0, a float holds every int."""
_KIND_OF_TYPECODE = {"d": Kind.FLOAT, "q": Kind.INT, "B": Kind.BOOL}


class _Times:
    """The times of all rows of a history; the list that people see is made once, and shared."""

    __slots__ = ("_list", "us")

    def __init__(self, us: array[int]) -> None:
        self.us = us
        self._list: list[int] | None = None

    def as_list(self) -> list[int]:
        if self._list is None:
            self._list = self.us.tolist()
        return self._list


class Series:
    """The history of one field, in the order (time, origin, number)."""

    __slots__ = ("_at", "_data", "_own_times", "_times", "field_id")

    def __init__(self, field_id: str, times: _Times, at: array[int] | None, data: Data) -> None:
        self.field_id = field_id
        self._times = times
        self._at = at
        self._data = data
        self._own_times: list[int] | None = None

    @classmethod
    def of(cls, field_id: str, times_us: Sequence[int], values: Sequence[Value]) -> Series:
        """Make a series from times and values, one of each per reading."""
        return cls(field_id, _Times(array("q", times_us)), None, list(values))

    @property
    def times_us(self) -> list[int]:
        """When, in µs UTC, ascending; equal times are different readings. Do not change it: series share it."""
        if self._at is None:
            return self._times.as_list()
        if self._own_times is None:
            us = self._times.us
            self._own_times = [us[row] for row in self._at]
        return self._own_times

    @property
    def values(self) -> list[Value]:
        """The values, one for each time, each of the kind in which it was added."""
        if not isinstance(self._data, list):
            # The list takes the array's place: both at once would double what a long history needs.
            self._data = _as_list(self._data)
        return self._data

    @property
    def kind(self) -> Kind | None:
        """The kind of all values; None where there is none, or more than one."""
        if not isinstance(self._data, list):
            return _KIND_OF_TYPECODE[self._data.typecode]
        kinds = {kind_of(value) for value in self._data}
        return kinds.pop() if len(kinds) == 1 else None

    @property
    def rows(self) -> array[int] | None:
        """The row of each reading among those of the whole history; None where it has one in every row."""
        return self._at

    @property
    def data(self) -> Data:
        """The values as they are held, for bulk use."""
        return self._data

    def for_tables(self) -> Series:
        """Return this series as tables hold it: of floats for one of ints and floats, where no int changes by it."""
        data = self._data
        if not isinstance(data, list) or {kind_of(value) for value in data} != {Kind.INT, Kind.FLOAT}:
            return self
        if any(kind_of(value) is Kind.INT and abs(value) > _EXACT_IN_FLOAT for value in data):
            return self
        return Series(self.field_id, self._times, self._at, array("d", data))

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[tuple[int, Value]]:
        return iter(zip(self.times_us, self.values, strict=True))

    def __repr__(self) -> str:
        return f"<Series {self.field_id!r}, {len(self)} values>"

    def _alone(self) -> History:
        times = self._times if self._at is None else _Times(array("q", self.times_us))
        return History(times, {self.field_id: Series(self.field_id, times, None, self._data)})

    def to_pandas(self) -> pd.Series[Any]:
        """Return a pandas Series with a UTC index named `time`; raises `ConfigError` without pandas."""
        return self._alone().to_pandas()[self.field_id]

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame of `time` and the field; raises `ConfigError` without polars."""
        return self._alone().to_polars()

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table of `time` and the field; raises `ConfigError` without pyarrow."""
        return self._alone().to_arrow()


class History(Mapping[str, Series]):
    """Field ID to `Series`, in the order asked for; beneath are rows: commits (or buckets), each with one time."""

    __slots__ = ("_series", "_times")

    def __init__(self, times: _Times, series: Mapping[str, Series]) -> None:
        self._times = times
        self._series = dict(series)

    def __getitem__(self, field_id: str) -> Series:
        return self._series[field_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        inside = ", ".join(f"{series.field_id!r}: {len(series)} values" for series in self._series.values())
        return f"<History {{{inside}}}>"

    @property
    def row_times_us(self) -> array[int]:
        """The time of each row, type `q`, µs UTC, ascending."""
        return self._times.us

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame: one row per commit (or bucket), a UTC index named `time`, one column per field.

        A field that is not in every row gets pandas' own missing value, without its kind changing (`Int64`, `boolean`);
        a field of ints and floats becomes `float64` where that holds each of its ints exactly, a field of other kinds
        mixed a column of objects.

        Raises:
            ConfigError: pandas is not installed.
        """
        from .frames import to_pandas

        return to_pandas(self)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame with the column `time` (µs, UTC) and one column per field.

        A field of ints and floats becomes `Float64` where that holds each of its ints exactly, a field of other kinds
        mixed a column of objects.

        Raises:
            ConfigError: polars is not installed.
        """
        from .frames import to_polars

        return to_polars(self)

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with the column `time` (µs, UTC) and one column per field.

        A field of ints and floats becomes `double` where that holds each of its ints exactly, a field of other kinds
        mixed a dense union.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        from .frames import to_arrow

        return to_arrow(self)


class HistoryBuilder:
    """Puts pages together, in memory that grows with the values alone."""

    def __init__(self, field_ids: Sequence[str] = ()) -> None:
        self._rows = array("q")
        self._fields = {field_id: _Growing() for field_id in field_ids}

    def add(self, page: Page) -> None:
        """Append the rows of the next page."""
        base = len(self._rows)
        by_field: dict[str, list[Column]] = {}
        for column in page.columns:
            by_field.setdefault(column.field_id, []).append(column)
        for field_id, columns in by_field.items():
            growing = self._fields.get(field_id)
            if growing is None:
                growing = self._fields[field_id] = _Growing()
            if len(columns) == 1:
                growing.add(base, columns[0].at, columns[0].data)
            else:
                growing.add(base, *_merged(columns, len(page.times)))
        self._rows.extend(page.times)

    def finish(self) -> History:
        """Return what was added; the builder is not used after it."""
        times = _Times(self._rows)
        return History(
            times,
            {
                field_id: Series(field_id, times, growing.rows(len(self._rows)), growing.data)
                for field_id, growing in self._fields.items()
            },
        )


class _Growing:
    """One field's values so far."""

    __slots__ = ("_at", "data")

    def __init__(self) -> None:
        self._at: array[int] | None = None
        self.data: Data = []

    def add(self, base: int, at: array[int] | None, data: Data) -> None:
        before = len(self.data)
        if self._at is None and (at is not None or before != base):
            self._at = array("I", range(before))
        if self._at is not None:
            self._at.extend(range(base, base + len(data)) if at is None else array("I", (base + row for row in at)))
        if not before:
            self.data = data[:]
        elif not isinstance(self.data, list) and not isinstance(data, list) and self.data.typecode == data.typecode:
            self.data.extend(data)  # type: ignore[arg-type]
        else:
            self.data = _as_list(self.data)
            self.data.extend(_as_list(data))

    def rows(self, row_count: int) -> array[int] | None:
        if self._at is None and len(self.data) != row_count:
            self._at = array("I", range(len(self.data)))
        return self._at


def _merged(columns: list[Column], row_count: int) -> tuple[array[int], list[Value]]:
    """Bring the columns of one field, one for each kind, into the order of their rows."""
    pairs = sorted(((row, value) for column in columns for row, value in column.items(row_count)), key=_row)
    return array("I", (row for row, _ in pairs)), [value for _, value in pairs]


def _row(pair: tuple[int, Value]) -> int:
    return pair[0]


def _as_list(data: Data) -> list[Any]:
    if isinstance(data, list):
        return data
    return [value == 1 for value in data] if data.typecode == "B" else data.tolist()
