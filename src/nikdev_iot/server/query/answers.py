"""Rows and buckets in the forms that go out: JSON and columnar pages (`docs/wire.md`, "Pages")."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from nikdev_iot.model.times import iso
from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Kind, kind_of
from nikdev_iot.server.errors import Invalid
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.page import Page, encode_page

from .aggregates import Aggregate
from .buckets import BucketsPage
from .cursor import Cursor
from .finish import BucketValues
from .history import RowsPage
from .table import TableColumn

__all__ = ["buckets_json", "buckets_page", "rows_json", "rows_page"]

_CHUNK_BYTES = 256 * 1024
"""A chunk of JSON has at least as much, but for the last, and not much more."""
_FEW_NUMBERS, _FEW_TEXTS = 10_000, 50
_Lists: TypeAlias = "Mapping[str, bytes | BucketValues]"
"""By name, what belongs to one field; bytes are JSON already."""
_ARRAY_CODES = {Kind.FLOAT: "d", Kind.INT: "q", Kind.BOOL: "B"}
_KIND_OF_DTYPE = {"f": Kind.FLOAT, "i": Kind.INT, "b": Kind.BOOL, "O": Kind.TEXT}


def rows_json(page: RowsPage, fields: Sequence[str]) -> Iterator[bytes]:
    """Yield `{"fields": {F: {"times_us": […], "values": […]}}, "next": …}` with every field asked for, in chunks."""
    table = page.table
    by_field: dict[str, list[TableColumn]] = {field_id: [] for field_id in fields}
    for (field_id, _kind), column in table.columns.items():
        by_field.setdefault(field_id, []).append(column)
    all_times = msgspec.json.encode(table.times.tolist())  # most often the same for every field

    def lists() -> Iterator[tuple[str, _Lists]]:
        for field_id, columns in by_field.items():
            rows, values = _series(columns, len(table))
            yield field_id, {"times_us": all_times if rows is None else table.times[rows], "values": values}

    return _json(lists(), page.next)


def _series(columns: Sequence[TableColumn], row_count: int) -> tuple[npt.NDArray[np.int64] | None, BucketValues]:
    """Return rows (None: all) and values of one field, from its columns of all kinds."""
    if len(columns) == 1:
        return columns[0].at, columns[0].data
    if not columns:
        return np.empty(0, dtype=np.int64), []
    at = np.concatenate([column.rows(row_count) for column in columns])
    order = np.argsort(at)
    values = [value for column in columns for value in column.data.tolist()]
    return at[order], [values[place] for place in order.tolist()]


def buckets_json(page: BucketsPage, fields: Sequence[str], aggregates: Sequence[Aggregate]) -> Iterator[bytes]:
    """Yield `{"fields": {F: {"times_us": [starts], "mean": […], …}}, "next": …}`, in chunks.

    Sums may be ints beyond 64 bits.
    """

    def lists() -> Iterator[tuple[str, _Lists]]:
        for field_id in dict.fromkeys([*fields, *page.fields]):
            series = page.fields.get(field_id)
            if series is None:
                yield field_id, {"times_us": [], **{aggregate.value: [] for aggregate in aggregates}}
            else:
                values = {aggregate.value: series.values[aggregate] for aggregate in aggregates}
                yield field_id, {"times_us": series.starts, **values}

    return _json(lists(), page.next)


def _json(fields: Iterable[tuple[str, _Lists]], following: Cursor | None) -> Iterator[bytes]:
    encode = msgspec.json.encode
    parts, size, between = [b'{"fields":{'], 0, b""
    for field_id, lists in fields:
        parts += between, encode(field_id), b":"
        opening = b"{"
        for name, values in lists.items():
            parts += opening, encode(name), b":"
            opening = b","
            for raw in _encoded(values):
                parts.append(raw)
                size += len(raw)
                if size >= _CHUNK_BYTES:
                    yield b"".join(parts)
                    parts, size = [], 0
        parts.append(b"}")
        between = b","
    parts += b'},"next":', encode(_text(following)), b"}"
    yield b"".join(parts)


def _encoded(values: bytes | BucketValues) -> Iterator[bytes]:
    """Yield a list as JSON, piece by piece."""
    if isinstance(values, bytes):
        yield values
        return
    step = _FEW_TEXTS if isinstance(values, list) or values.dtype == object else _FEW_NUMBERS
    between = b"["
    for start in range(0, len(values), step):
        some = values[start : start + step]
        yield between + msgspec.json.encode(some if isinstance(some, list) else some.tolist())[1:-1]
        between = b","
    yield b"[]" if between == b"[" else b"]"


def rows_page(page: RowsPage) -> bytes:
    """Return the rows as `wire.page` encodes them, one column per field and kind."""
    columns = tuple(
        _column(field_id, kind, column.at, column.data) for (field_id, kind), column in page.table.columns.items()
    )
    return _page(page.table.times, columns, page.next)


def buckets_page(page: BucketsPage, aggregate: Aggregate) -> bytes:
    """Return one aggregate as a page: a row per bucket, a column per field and kind.

    A bucket in which a field has no such value (the mean of texts) has none in its column.

    Raises:
        Invalid: a sum is beyond 64 bits, which no column holds.
    """
    every = [series.starts for series in page.fields.values()]
    starts = np.unique(np.concatenate(every)) if every else np.empty(0, dtype=np.int64)
    columns: list[Column] = []
    for field_id, series in page.fields.items():
        at = np.searchsorted(starts, series.starts)
        for kind, rows, values in _by_kind(series.values[aggregate]):
            _check_ints(field_id, kind, values, series.starts[rows])
            places = at[rows]
            columns.append(_column(field_id, kind, None if len(places) == len(starts) else places, values))
    return _page(starts, tuple(columns), page.next)


def _by_kind(values: BucketValues) -> list[tuple[Kind, Any, Any]]:
    """Return (kind, places, values) for each kind in there."""
    if not isinstance(values, list):
        return [(_KIND_OF_DTYPE[values.dtype.kind], slice(None), values)] if len(values) else []
    found: dict[Kind, tuple[list[int], list[Any]]] = {}
    for place, value in enumerate(values):
        if value is not None:
            places, same = found.setdefault(kind_of(value), ([], []))
            places.append(place)
            same.append(value)
    return [(kind, places, same) for kind, (places, same) in found.items()]


def _check_ints(field_id: str, kind: Kind, values: Any, starts: npt.NDArray[np.int64]) -> None:
    if kind is not Kind.INT or not isinstance(values, list):
        return
    for value, start in zip(values, starts.tolist(), strict=True):
        if not INT64_MIN <= value <= INT64_MAX:
            raise Invalid(
                f"aggregate: the sum of {field_id!r} in the bucket {iso(start)} is beyond 64 bits.",
                hint="Ask with format=json, for mean, or for smaller buckets.",
            )


def _column(field_id: str, kind: Kind, at: npt.NDArray[np.int64] | None, values: Any) -> Column:
    index = None if at is None else array("I", at.astype(np.uint32).tobytes())
    if kind is Kind.TEXT:
        return Column(field_id, index, list(values))
    raw = np.asarray(values, dtype={Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.uint8}[kind])
    return Column(field_id, index, array(_ARRAY_CODES[kind], raw.tobytes()))


def _page(times: npt.NDArray[np.int64], columns: tuple[Column, ...], following: Cursor | None) -> bytes:
    return encode_page(Page(array("q", times.tobytes()), columns, _text(following)))


def _text(following: Cursor | None) -> str | None:
    return None if following is None else following.to_text()
