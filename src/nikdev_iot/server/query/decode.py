"""From a stored pack to a table, without touching single values."""

from __future__ import annotations

import uuid
from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.errors import WireError
from nikdev_iot.model.values import Kind, Value
from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.ingest.templates import Layout, Templates, layout_of
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire import cbor
from nikdev_iot.wire.pack import decompress

from .notes import read_notes
from .table import ColumnKey, Int64s, Table, TableColumn, split_origin

__all__ = ["decode_table"]

# `wire.pack` checks these items one by one when they come in from outside. What is read here was stored by the server
# itself, after that check, so it is only laid out.
_KINDS: dict[str, tuple[Kind, Any]] = {
    "B": (Kind.BOOL, np.bool_),
    "q": (Kind.INT, np.int64),
    "d": (Kind.FLOAT, np.float64),
}

_DTYPES: dict[Kind, Any] = dict(_KINDS.values())
_TYPES: dict[Kind, type] = {Kind.BOOL: bool, Kind.INT: int, Kind.FLOAT: float, Kind.TEXT: str}
_templates = Templates()
"""Of all stores and threads alike: they are nothing but the forms in which packs come."""


def decode_table(stored: StoredPack) -> Table:
    """Return a stored pack's commits, by (time, number).

    Raises:
        StorageCorrupt: what is stored is no pack.
    """
    try:
        content = decompress(stored.payload, stored.codec, stored.content_bytes)
        if stored.row_count != 1:
            return _layout(cbor.loads(content))
        single = _templates.values(content)
        return _learnt(stored, content) if single is None else _single(stored, *single)
    except (WireError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise StorageCorrupt(
            f"The pack {stored.first} to {stored.last} of origin {stored.origin} cannot be read back ({error}).",
            hint="Nothing was changed. Check the disk, and restore the store from a backup.",
        ) from error


def _single(stored: StoredPack, time_us: int, layout: Layout, values: list[Value]) -> Table:
    """Lay out a pack of one commit: what most are, where devices push each commit by itself."""
    high, low = split_origin(stored.origin)
    places = np.array([high, low], dtype=np.uint64)
    whole = np.array([time_us, stored.first], dtype=np.int64)
    columns = {
        pair: TableColumn(None, np.array([value], dtype=_DTYPES[pair[1]]))
        for pair, value in zip(layout.brought, values, strict=True)
    }
    return Table(whole[:1], places[:1], places[1:], whole[1:], columns)


def _learnt(stored: StoredPack, content: bytes) -> Table:
    """Lay out a pack of one commit the ordinary way, and have the next one like it read by template if it has one."""
    table = _layout(cbor.loads(content))
    if stored.first == stored.last:
        names = tuple(name for name, _ in table.columns)
        layout = layout_of(names, tuple(_TYPES[kind] for _, kind in table.columns))
        _templates.learn_layout(layout, stored.first, content)
    return table


def _layout(top: dict[str, Any]) -> Table:
    times = _array(top["times"]).astype(np.int64)
    row_count = len(times)
    if top.get("shifts"):
        rows, shifts = top["shifts"]
        times[_array(rows)] += _array(shifts)
    numbers = _numbers(top)
    if len(numbers) != row_count:
        raise ValueError(f"{row_count} times for {len(numbers)} numbers")
    columns: dict[ColumnKey, TableColumn] = {}
    for field_id, raw_at, raw in top["columns"]:
        key, column = _column(field_id, raw_at, raw)
        if len(column.data) != (row_count if column.at is None else len(column.at)):
            raise ValueError(f"the column {field_id!r} has {len(column.data)} values")
        if len(column.data):
            columns[key] = column if key not in columns else _joined(columns[key], column)
    origin = uuid.UUID(bytes=top["origin"])
    high, low = split_origin(origin)
    table = Table(
        times,
        np.broadcast_to(np.uint64(high), row_count),
        np.broadcast_to(np.uint64(low), row_count),
        numbers,
        columns,
        read_notes(origin, times, numbers, top.get("messages", ()), top.get("gaps", ())),
    )
    # A device's clock may step back between two commits; numbers ascend, so a stable sort by time is the order.
    return table if bool(np.all(times[1:] >= times[:-1])) else _by_time(table)


def _array(item: array[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(item, dtype=item.typecode)


def _numbers(top: dict[str, Any]) -> Int64s:
    first, last = top["first"], top["first"] + top["count"] - 1
    if "gaps" not in top:
        return np.arange(first, last + 1, dtype=np.int64)
    parts = []
    for gap_first, gap_count, _reason in top["gaps"]:
        parts.append(np.arange(first, gap_first, dtype=np.int64))
        first = gap_first + gap_count
    parts.append(np.arange(first, last + 1, dtype=np.int64))
    return np.concatenate(parts)


def _column(field_id: str, raw_at: Any, raw: Any) -> tuple[ColumnKey, TableColumn]:
    at = None if raw_at is None else _array(raw_at).astype(np.int64)
    if isinstance(raw, list):
        texts = np.empty(len(raw), dtype=object)
        texts[:] = raw
        return (field_id, Kind.TEXT), TableColumn(at, texts)
    kind, dtype = _KINDS[raw.typecode]
    return (field_id, kind), TableColumn(at, _array(raw).astype(dtype, copy=False))


def _joined(one: TableColumn, other: TableColumn) -> TableColumn:
    """Join two columns of the same field and kind, which the format allows where they share no commit."""
    if one.at is None or other.at is None:
        raise ValueError("a commit has a field twice")
    at = np.concatenate((one.at, other.at))
    order = np.argsort(at)
    return TableColumn(at[order], np.concatenate((one.data, other.data))[order])


def _by_time(table: Table) -> Table:
    order = np.argsort(table.times, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    columns = {}
    for key, column in table.columns.items():
        if column.at is None:
            columns[key] = TableColumn(None, column.data[order])
        else:
            at = place[column.at]
            by_row = np.argsort(at)
            columns[key] = TableColumn(at[by_row], column.data[by_row])
    return Table(table.times[order], table.origin_high, table.origin_low, table.numbers[order], columns, table.notes)
