"""Columns: one field's values of one kind, and which commits they belong to.

The common part of packs and pages, in CBOR (RFC 8949) with typed arrays (RFC 8746).
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from nikdev_iot.model.errors import Malformed, Unsupported, ValueRefused, WireError
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import MAX_TEXT_BYTES, Kind, Value, check_field_id

from . import cbor
from .limits import Limits

__all__ = [
    "Column",
    "ReadItem",
    "Rows",
    "check_columns",
    "check_text",
    "check_times",
    "columns_from_rows",
    "get_index",
    "get_int64s",
    "load_map",
    "put_columns",
    "read_columns",
    "rows_of",
]

_KIND_OF_TYPECODE = {"d": Kind.FLOAT, "q": Kind.INT, "B": Kind.BOOL}
_TYPECODE_OF_TYPE: dict[type, str] = {float: "d", int: "q", bool: "B"}

_SURELY_SHORT = MAX_TEXT_BYTES // 4
"""Characters of a text that cannot be over `MAX_TEXT_BYTES` in UTF-8."""

Rows: TypeAlias = list[tuple[tuple[str, Value], ...]]
"""For each commit in order, its (Field ID, value) pairs."""


class Column(NamedTuple):  # made by the thousand for each push, and three times as fast to make as a dataclass
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
    if len(rows) == 1:  # what most pushes of JSON bring
        return tuple([Column(field_id, None, _data_of(type(value), [value])) for field_id, value in rows[0]])
    found: dict[tuple[str, type], tuple[list[int], list[Value]]] = {}
    for index, row in enumerate(rows):
        for field_id, value in row:
            key = (field_id, type(value))
            column = found.get(key)
            if column is None:
                column = found[key] = ([], [])
            column[0].append(index)
            column[1].append(value)
    return tuple(
        [
            Column(field_id, None if len(at) == len(rows) else array("I", at), _data_of(plain, values))
            for (field_id, plain), (at, values) in found.items()
        ]
    )


def _data_of(plain: type, values: list[Any]) -> array[Any] | list[str]:
    return values if plain is str else array(_TYPECODE_OF_TYPE[plain], values)


def rows_of(columns: Sequence[Column], row_count: int) -> Rows:
    """Turn columns back into commits, each with its fields in the order of the columns."""
    rows: list[list[tuple[str, Value]]] = [[] for _ in range(row_count)]
    for column in columns:
        for index, value in column.items(row_count):
            rows[index].append((column.field_id, value))
    return [tuple(row) for row in rows]


# -- to CBOR -------------------------------------------------------------------------------------


def put_columns(parts: list[bytes], columns: Sequence[Column]) -> None:
    """Append columns as CBOR: an array of `[Field ID, indexes or null, values]`."""
    parts.append(cbor.head(cbor.ARRAY, len(columns)))
    for field_id, at, data in columns:
        parts += _column_head(field_id), cbor.NULL if at is None else cbor.typed(at)
        if isinstance(data, list):
            parts.append(cbor.head(cbor.ARRAY, len(data)))
            parts += map(cbor.text, data)
        else:
            parts.append(cbor.typed(data))


@lru_cache(4096)  # the same few names come with every pack
def _column_head(field_id: str) -> bytes:
    return cbor.head(cbor.ARRAY, 3) + cbor.text(field_id)


# -- from CBOR, which may come from anyone --------------------------------------------------------


ReadItem: TypeAlias = Callable[[cbor.Reader, Limits], Any]
"""Reads the item under one key, and refuses at once what does not belong there."""


def load_map(
    content: bytes,
    *,
    known: Mapping[bytes, str],
    version: int,
    limits: Limits,
    readers: Mapping[str, ReadItem],
) -> dict[str, Any]:
    """Return the CBOR map in `content`, which begins with its format's `version` under `v` and has no unknown keys.

    `known` is what `cbor.keys` made of the format's keys. What has no reader is no array and no map, and comes as
    `cbor.loads` returns it.

    Raises:
        WireError: it is not such a map.
    """

    def read_map(reader: cbor.Reader) -> dict[str, Any]:
        major, count = reader.head()
        if major != cbor.MAP:
            raise Malformed("not a CBOR map", place="content")
        reader.afford(2 * count)
        if not count or reader.item_of(known) != "v":
            raise Unsupported("its first key is not 'v', the version", place="content")
        found = reader.scalar()
        if found != version or type(found) is not int:
            named = found if type(found) is int else "?"
            raise Unsupported(
                f"version {named} of the format; this side reads version {version}",
                place="content",
                hint="Upgrade this side.",
            )
        top: dict[str, Any] = {"v": version}
        for _ in range(count - 1):
            key = reader.item_of(known)
            if key in top:
                raise Malformed(f"the key {key!r} twice", place="content")
            read_item = readers.get(key)
            top[key] = reader.scalar() if read_item is None else read_item(reader, limits)
        return top

    return cbor.read(content, read_map, max_items=limits.items)


def _is_array(item: object, typecode: str) -> TypeGuard[array[Any]]:
    return type(item) is array and item.typecode == typecode


def get_int64s(item: object, count: int, place: str) -> array[int]:
    """Return `item` if it is `count` int64."""
    if not _is_array(item, "q"):
        raise Malformed("not a typed array of int64", place=place)
    if len(item) != count:
        raise Malformed(f"{len(item)} items where {count} belong", place=place)
    return item


def check_times(times: array[int], place: str) -> array[int]:
    """Return times in µs UTC if they are within the years 1 to 9999."""
    if times and (min(times) < MIN_TIME_US or max(times) > MAX_TIME_US):
        raise Malformed("a time outside the years 1 to 9999", place=place)
    return times


def get_index(item: object, row_count: int, place: str) -> array[int]:
    """Return `item` if it is indexes of commits: strictly ascending, each below `row_count`."""
    at = _get_ascending(item, place)
    if at and at[-1] >= row_count:
        raise Malformed(f"an index that is not below {row_count}", place=place)
    return at


def _get_ascending(item: object, place: str) -> array[int]:
    if not _is_array(item, "I"):
        raise Malformed("not a typed array of uint32", place=place)
    if len(item) > 1 and not all(map(operator.lt, item, item[1:])):
        raise Malformed("indexes that do not ascend", place=place)
    return item


def check_text(text: str, place: str) -> str:
    """Return `text` if it is not too long."""
    if len(text) > _SURELY_SHORT and len(text.encode()) > MAX_TEXT_BYTES:
        raise Malformed(f"longer than {MAX_TEXT_BYTES} bytes", place=place)
    return text


def read_columns(reader: cbor.Reader, limits: Limits) -> list[Column]:
    """Read columns that are right in themselves; `check_columns` is still to see them."""
    count = reader.open_array(limits.columns, "columns")
    content = reader.content
    columns = []
    for number in range(count):
        at = reader.at
        length = content[at + 1] - cbor.SHORT_TEXT
        end = at + length + 6 if length < 24 else at + content[at + 2] + 7
        usual = _usual_start(content[at:end])
        if usual is None:
            columns.append(_read_column(reader, f"columns[{number}]"))
        else:
            field_id, typecode, size = usual
            reader.at = end
            data = cbor.array_of(typecode, reader.take(size))
            if typecode != "q":
                _check_data(field_id, data)
            columns.append(_new_tuple(Column, (field_id, None, data)))
    return columns


_new_tuple = tuple.__new__  # `Column(…)` takes twice the time


@lru_cache(4096)
def _usual_start(start: bytes) -> tuple[str, str, int] | None:
    """Return (Field ID, type code, bytes of values) if that is all that `start` says, of a field in every commit.

    In small packs, these bytes are the same in every push of a field; whatever they do not say, `_read_column` reads.
    """
    reader = cbor.Reader(start)
    try:
        if reader.head() != (cbor.ARRAY, 3):
            return None
        field_id = check_field_id(reader.text())
        if reader.take(1) != cbor.NULL:
            return None
        major, tag = reader.head()
        typecode = cbor.TYPECODE_OF_TAG.get(tag, "")
        if major != cbor.TAG or typecode not in _KIND_OF_TYPECODE:
            return None
        major, size = reader.head()
    except (*cbor.BEHIND_THE_END, WireError, ValueRefused, UnicodeDecodeError):
        return None
    return (field_id, typecode, size) if major == cbor.BYTES and reader.at == len(start) else None


def _read_column(reader: cbor.Reader, place: str) -> Column:
    if reader.head() != (cbor.ARRAY, 3):
        raise Malformed("not an array of three items", place=place)
    try:
        field_id = check_field_id(reader.text())
    except ValueRefused as error:
        raise Malformed(error.message, place=place) from None
    raw_at = reader.scalar()
    at = None if raw_at is None else _get_ascending(raw_at, f"{place}[1]")
    data: Any
    if reader.content[reader.at] >> 5 == cbor.ARRAY:
        data = reader.texts(f"{place}[2]")
        for number, text in enumerate(data):
            if len(text) > _SURELY_SHORT:
                check_text(text, f"{place}[2][{number}]")
        return Column(field_id, at, data)
    data = reader.scalar()
    if type(data) is array and data.typecode in _KIND_OF_TYPECODE:
        _check_data(field_id, data)
    else:
        raise Unsupported("values that are no array of floats, ints, bools or texts", place=f"{place}[2]")
    return Column(field_id, at, data)


def _check_data(field_id: str, data: array[Any]) -> None:
    typecode = data.typecode
    if typecode == "d":
        # The sum of finite numbers may be infinite, but anything else in it shows.
        if not isfinite(sum(data)) and not all(map(isfinite, data)):
            raise Malformed(f"field {field_id!r} has a value that is not a finite number", place="columns")
    elif typecode == "B" and data.tobytes().strip(b"\0\1"):
        raise Malformed(f"field {field_id!r} has a bool that is neither 0 nor 1", place="columns")


def check_columns(columns: object, row_count: int, *, may_be_empty: bool = False) -> tuple[Column, ...]:
    """Return what `read_columns` read if each has a value for each of its commits, and no commit has a field twice.

    A column without any value is taken only if it `may_be_empty`.
    """
    if type(columns) is not list:
        raise Malformed("missing", place="columns")
    for number, (_, at, data) in enumerate(columns):
        expected = row_count
        if at is not None:
            expected = len(at)
            if at[-1] >= row_count if at else not may_be_empty:
                raise Malformed(f"no index, or one that is not below {row_count}", place=f"columns[{number}]")
        if len(data) != expected:
            raise Malformed(f"{len(data)} values for {expected} commits", place=f"columns[{number}]")
    if len({column.field_id for column in columns}) != len(columns):
        _check_fields_once(columns)
    return tuple(columns)


def _check_fields_once(columns: list[Column]) -> None:
    by_field: dict[str, list[Column]] = {}
    for column in columns:
        by_field.setdefault(column.field_id, []).append(column)
    for field_id, same in by_field.items():
        if len(same) > len({column.kind for column in same}):
            raise Malformed(f"the field {field_id!r} has two columns of one kind", place="columns")
        seen: set[int] = set()
        for column in same if len(same) > 1 else ():
            # A column that is in every commit leaves no room for a second one.
            if column.at is None or not seen.isdisjoint(column.at):
                raise Malformed(f"a commit has the field {field_id!r} twice", place="columns")
            seen.update(column.at)
