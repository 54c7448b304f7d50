"""From a run of the journal's rows to the columns of a pack, by slicing; no Python loop touches single numbers."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from nikdev_iot.model.values import Kind
from nikdev_iot.wire.columns import Column

from .shapes import Shape

__all__ = ["PackedRows", "Rows", "pack_rows"]

_BIG_ENDIAN = sys.byteorder == "big"
_Data: TypeAlias = "array[Any] | list[str]"


class Rows(NamedTuple):
    """Rows of the journal, turned on their side: item `i` of each is of row `i`."""

    ids: list[int]
    times: list[int]
    """µs UTC."""
    shapes: list[int]
    bodies: list[bytes]
    messages: list[str | None]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, bytes, str | None]]) -> Rows:
        """Turn (id, time, shape, body, message) on their side."""
        return cls(*map(list, zip(*rows, strict=True))) if rows else cls([], [], [], [], [])

    def extend(self, more: Rows) -> None:
        """Append other rows."""
        self.ids.extend(more.ids)
        self.times.extend(more.times)
        self.shapes.extend(more.shapes)
        self.bodies.extend(more.bodies)
        self.messages.extend(more.messages)

    def cut(self, first: int, end: int) -> Rows:
        """Return the rows from index `first` to before `end`."""
        here = slice(first, end)
        return Rows(self.ids[here], self.times[here], self.shapes[here], self.bodies[here], self.messages[here])


@dataclass(frozen=True, slots=True)
class PackedRows:
    """What `wire.pack.Pack` needs of the rows."""

    times: array[int]
    columns: tuple[Column, ...]
    messages: tuple[tuple[int, str], ...]


def pack_rows(rows: Rows, shape_by_id: Callable[[int], Shape]) -> PackedRows:
    """Turn rows into columns, one for each (field, kind) in the order of first appearance.

    Raises:
        ValueError: a body is not of its shape; the message names the id of the row.
    """
    ids, times, shape_ids, bodies, texts = rows
    if not ids:
        return PackedRows(array("q"), (), ())
    messages: tuple[tuple[int, str], ...] = ()
    if texts.count(None) != len(texts):
        messages = tuple((at, text) for at, text in enumerate(texts) if text is not None)
    parts: dict[tuple[str, Kind], list[tuple[array[int] | None, _Data]]] = {}
    for shape_id, at in _runs(shape_ids):
        shape = shape_by_id(shape_id)
        mine = bodies if at is None else [bodies[place] for place in at]
        try:
            columns = _slice(shape, mine)
        except ValueError as error:
            raise ValueError(_name_culprit(shape, mine, ids if at is None else [ids[i] for i in at], error)) from None
        for field, kind, data in zip(shape.fields, shape.kinds, columns, strict=True):
            parts.setdefault((field, kind), []).append((at, data))
    return PackedRows(
        array("q", times), tuple(_merge(field, found, len(ids)) for (field, _), found in parts.items()), messages
    )


def _runs(shape_ids: Sequence[int]) -> list[tuple[int, array[int] | None]]:
    """Return each shape with the places of its rows, in the order of first appearance; None means all of them."""
    if shape_ids.count(shape_ids[0]) == len(shape_ids):
        return [(shape_ids[0], None)]
    places: dict[int, array[int]] = {}
    for place, shape_id in enumerate(shape_ids):
        found = places.get(shape_id)
        if found is None:
            found = places[shape_id] = array("I")
        found.append(place)
    return list(places.items())


def _slice(shape: Shape, bodies: Sequence[bytes]) -> list[_Data]:
    """Return the values of each field of a shape, one per body."""
    step = len(shape.fields)
    width = shape.width
    sizes = set(map(len, bodies))
    if min(sizes) < width or (not shape.texts and len(sizes) > 1):
        raise ValueError("a body of the wrong length")
    joined = b"".join([body[:width] for body in bodies] if shape.texts else bodies)
    floats, ints = array("d"), array("q")
    if Kind.FLOAT in shape.kinds:
        floats.frombytes(joined)
    if len(shape.kinds) > shape.kinds.count(Kind.FLOAT):
        ints.frombytes(joined)
    if _BIG_ENDIAN:
        floats.byteswap()
        ints.byteswap()
    columns: list[_Data] = []
    for place, kind in enumerate(shape.kinds):
        if kind is Kind.FLOAT:
            columns.append(floats[place::step])
        elif kind is Kind.INT:
            columns.append(ints[place::step])
        elif kind is Kind.BOOL:
            columns.append(_bools(ints[place::step]))
        else:
            columns.append([])
    if shape.texts:
        _cut_texts(shape, bodies, ints, columns)
    return columns


def _bools(numbers: array[int]) -> array[int]:
    if numbers and not 0 <= min(numbers) <= max(numbers) <= 1:
        raise ValueError("a bool that is neither 0 nor 1")
    return array("B", numbers)


def _cut_texts(shape: Shape, bodies: Sequence[bytes], ints: array[int], columns: list[Any]) -> None:
    step, width = len(shape.fields), shape.width
    lengths = [ints[place::step] for place in shape.texts]
    for row, body in enumerate(bodies):
        at = width
        for place, sizes in zip(shape.texts, lengths, strict=True):
            end = at + sizes[row]
            if not at <= end <= len(body):
                raise ValueError("a text of the wrong length")
            columns[place].append(body[at:end].decode())
            at = end
        if at != len(body):
            raise ValueError("a body of the wrong length")


def _merge(field: str, parts: list[tuple[array[int] | None, _Data]], row_count: int) -> Column:
    """Make one column of the parts that several shapes brought."""
    at, data = parts[0]
    if at is None:
        return Column(field, None, data)
    if len(parts) > 1:
        at, data = at[:], data[:]
        for more_at, more in parts[1:]:
            at.extend(more_at)  # type: ignore[arg-type]
            data.extend(more)
        order = sorted(range(len(at)), key=at.__getitem__)
        at = array("I", map(at.__getitem__, order))
        moved = map(data.__getitem__, order)
        data = list(moved) if isinstance(data, list) else array(data.typecode, moved)
    return Column(field, None if len(at) == row_count else at, data)


def _name_culprit(shape: Shape, bodies: Sequence[bytes], ids: Sequence[int], error: ValueError) -> str:
    for row_id, body in zip(ids, bodies, strict=True):
        try:
            shape.decode(body)
        except ValueError as problem:
            return f"row {row_id}: {problem}"
    return str(error)
