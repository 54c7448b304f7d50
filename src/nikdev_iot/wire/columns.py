"""Columns: one field's values of one kind, and which commits they belong to.

The common part of packs and pages, in CBOR (RFC 8949) with typed arrays (RFC 8746).
"""

from __future__ import annotations

import math
import operator
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cbor2

from nikdev_iot.model.errors import Malformed, TooLarge, Unsupported, ValueRefused
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import MAX_TEXT_BYTES, Kind, Value, check_field_id, kind_of

__all__ = [
    "Column",
    "Rows",
    "columns_from_rows",
    "get_columns",
    "get_index",
    "get_int64s",
    "get_times",
    "load_map",
    "put_columns",
    "put_index",
    "put_int64s",
    "rows_of",
]

# RFC 8746, section 2.1
TAG_UINT8 = 64
TAG_UINT32_LE = 70
TAG_SINT64_LE = 79
TAG_FLOAT64_LE = 86

_TYPECODE_OF_TAG = {TAG_UINT8: "B", TAG_UINT32_LE: "I", TAG_SINT64_LE: "q", TAG_FLOAT64_LE: "d"}
_TAG_OF_TYPECODE = {code: tag for tag, code in _TYPECODE_OF_TAG.items()}
_KIND_OF_TYPECODE = {"d": Kind.FLOAT, "q": Kind.INT, "B": Kind.BOOL}
_TYPECODE_OF_KIND = {kind: code for code, kind in _KIND_OF_TYPECODE.items()}
_BIG_ENDIAN = sys.byteorder == "big"

Rows: TypeAlias = list[tuple[tuple[str, Value], ...]]
"""For each commit in order, its (Field ID, value) pairs."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one field and one kind, in the order of their commits."""

    field_id: str
    at: array[int] | None
    """Type `I`: the commits' indexes, strictly ascending; None where every commit has a value here."""
    data: array[float] | array[int] | list[str]
    """Type `d` for floats, `q` for ints, `B` (0 or 1) for bools; a list for texts."""

    @property
    def kind(self) -> Kind:
        """The kind of every value of this column."""
        return Kind.TEXT if isinstance(self.data, list) else _KIND_OF_TYPECODE[self.data.typecode]

    def values(self) -> Sequence[Value]:
        """Return the values as Python has them."""
        if isinstance(self.data, list):
            return self.data
        return [value == 1 for value in self.data] if self.data.typecode == "B" else self.data.tolist()

    def items(self, row_count: int) -> Iterator[tuple[int, Value]]:
        """Yield (index of the commit, value)."""
        return zip(range(row_count) if self.at is None else self.at, self.values(), strict=True)


def columns_from_rows(rows: Sequence[Sequence[tuple[str, Value]]]) -> tuple[Column, ...]:
    """Turn commits into columns, one for each (field, kind), in the order of first appearance."""
    found: dict[tuple[str, Kind], tuple[list[int], list[Value]]] = {}
    for index, row in enumerate(rows):
        for field_id, value in row:
            key = (field_id, kind_of(value))
            column = found.get(key)
            if column is None:
                column = found[key] = ([], [])
            column[0].append(index)
            column[1].append(value)
    return tuple(
        Column(
            field_id,
            None if len(at) == len(rows) else array("I", at),
            values if kind is Kind.TEXT else array(_TYPECODE_OF_KIND[kind], values),  # type: ignore[arg-type, type-var]
        )
        for (field_id, kind), (at, values) in found.items()
    )


def rows_of(columns: Sequence[Column], row_count: int) -> Rows:
    """Turn columns back into commits, each with its fields in the order of the columns."""
    rows: list[list[tuple[str, Value]]] = [[] for _ in range(row_count)]
    for column in columns:
        for index, value in column.items(row_count):
            rows[index].append((column.field_id, value))
    return [tuple(row) for row in rows]


# -- to CBOR -------------------------------------------------------------------------------------


def _typed(values: array[Any]) -> cbor2.CBORTag:
    if _BIG_ENDIAN and values.itemsize > 1:
        values = values[:]
        values.byteswap()
    return cbor2.CBORTag(_TAG_OF_TYPECODE[values.typecode], values.tobytes())


def put_columns(columns: Sequence[Column]) -> list[list[Any]]:
    """Return columns as the CBOR items `[Field ID, indexes or null, values]`."""
    return [
        [
            column.field_id,
            None if column.at is None else _typed(column.at),
            column.data if isinstance(column.data, list) else _typed(column.data),
        ]
        for column in columns
    ]


def put_int64s(values: array[int]) -> cbor2.CBORTag:
    """Return an array of type `q` as a CBOR item."""
    return _typed(values)


def put_index(values: array[int]) -> cbor2.CBORTag:
    """Return an array of type `I` as a CBOR item."""
    return _typed(values)


# -- from CBOR, which may come from anyone --------------------------------------------------------


def load_map(content: bytes, *, known: frozenset[str], version: int) -> dict[str, Any]:
    """Return the one CBOR map in `content`, which names its format's `version` under `v` and has no unknown keys.

    Raises:
        Malformed: no CBOR, more than one item, no map.
        Unsupported: another version, or a key that this version does not have.
    """
    try:
        top = cbor2.loads(content)
    except (cbor2.CBORError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError, MemoryError) as error:
        raise Malformed(f"not valid CBOR ({type(error).__name__})", place="content") from None
    if type(top) is not dict:
        raise Malformed("not a CBOR map", place="content")
    found = top.get("v")
    if found != version or type(found) is not int:
        raise Unsupported(
            f"version {found!r} of the format; this side reads version {version}", place="content", hint="Upgrade it."
        )
    unknown = top.keys() - known
    if unknown:
        raise Unsupported(f"the unknown key {min(unknown, key=repr)!r}", place="content", hint="Upgrade this side.")
    return top


def _array(item: object, typecode: str, place: str) -> array[Any]:
    if type(item) is not cbor2.CBORTag or item.tag != _TAG_OF_TYPECODE[typecode] or type(item.value) is not bytes:
        raise Malformed(f"not a typed array with tag {_TAG_OF_TYPECODE[typecode]}", place=place)
    values: array[Any] = array(typecode)
    try:
        values.frombytes(item.value)
    except ValueError:
        raise Malformed(f"{len(item.value)} bytes are not whole items", place=place) from None
    if _BIG_ENDIAN and values.itemsize > 1:
        values.byteswap()
    return values


def get_int64s(item: object, count: int, place: str) -> array[int]:
    """Read `count` int64."""
    values = _array(item, "q", place)
    if len(values) != count:
        raise Malformed(f"{len(values)} items where {count} belong", place=place)
    return values


def get_times(item: object, count: int, place: str) -> array[int]:
    """Read `count` times in µs UTC, within the years 1 to 9999."""
    times = get_int64s(item, count, place)
    if count and (min(times) < MIN_TIME_US or max(times) > MAX_TIME_US):
        raise Malformed("a time outside the years 1 to 9999", place=place)
    return times


def get_index(item: object, row_count: int, place: str) -> array[int]:
    """Read indexes of commits: strictly ascending, each below `row_count`."""
    at = _array(item, "I", place)
    if at and (at[-1] >= row_count or not all(map(operator.lt, at, at[1:]))):
        raise Malformed(f"indexes that do not ascend below {row_count}", place=place)
    return at


def get_columns(item: object, row_count: int, max_columns: int) -> tuple[Column, ...]:
    """Read columns, and check that each is whole and that no commit has a field twice."""
    if type(item) is not list:
        raise Malformed("not an array", place="columns")
    if len(item) > max_columns:
        raise TooLarge(f"{len(item)} columns; the limit is {max_columns}", limit=max_columns, place="columns")
    columns = []
    by_field: dict[str, list[Column]] = {}
    for number, part in enumerate(item):
        column = _get_column(part, row_count, f"columns[{number}]")
        columns.append(column)
        by_field.setdefault(column.field_id, []).append(column)
    if len(by_field) != len(columns):
        _check_fields_once(by_field)
    return tuple(columns)


def _get_column(part: object, row_count: int, place: str) -> Column:
    if type(part) is not list or len(part) != 3:
        raise Malformed("not an array of three items", place=place)
    field_id, raw_at, raw = part
    try:
        check_field_id(field_id)
    except ValueRefused as error:
        raise Malformed(error.message, place=place) from None
    at = None if raw_at is None else get_index(raw_at, row_count, f"{place}[1]")
    data: array[Any] | list[str]
    if type(raw) is list:
        data = _check_texts(raw, f"{place}[2]")
    else:
        tag = raw.tag if type(raw) is cbor2.CBORTag else None
        typecode = _TYPECODE_OF_TAG.get(tag, "")  # type: ignore[arg-type]
        if typecode not in _KIND_OF_TYPECODE:
            raise Unsupported(f"values of tag {tag!r}", place=f"{place}[2]")
        data = _array(raw, typecode, f"{place}[2]")
        if typecode == "d" and not all(map(math.isfinite, data)):
            raise Malformed(f"field {field_id!r} has a value that is not a finite number", place=f"{place}[2]")
        if typecode == "B" and data and max(data) > 1:
            raise Malformed(f"field {field_id!r} has a bool that is neither 0 nor 1", place=f"{place}[2]")
    expected = row_count if at is None else len(at)
    if len(data) != expected:
        raise Malformed(f"{len(data)} values for {expected} commits", place=f"{place}[2]")
    return Column(field_id, at, data)


def _check_texts(texts: list[Any], place: str) -> list[str]:
    for number, text in enumerate(texts):
        if type(text) is not str:
            raise Malformed(f"item {number} is not a text", place=place)
        if len(text) * 4 > MAX_TEXT_BYTES and len(text.encode()) > MAX_TEXT_BYTES:
            raise Malformed(f"item {number} is longer than {MAX_TEXT_BYTES} bytes", place=place)
    return texts


def _check_fields_once(by_field: dict[str, list[Column]]) -> None:
    for field_id, columns in by_field.items():
        if len(columns) == 1:
            continue
        seen: set[int] = set()
        for column in columns:
            # A column that is in every commit leaves no room for a second one.
            if column.at is None or not seen.isdisjoint(column.at):
                raise Malformed(f"a commit has the field {field_id!r} twice", place="columns")
            seen.update(column.at)
