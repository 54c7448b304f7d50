"""Shapes: the ordered fields and kinds of a commit, and how its values become one row's body.

The body is 8 bytes, little-endian, per value in the order of the shape (float64; int64; a bool as int64 0 or 1; for a
text the length of its UTF-8 as int64), then the texts' UTF-8 in the same order. So a run of rows of one shape becomes
columns by slicing (`packing.py`).
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from nikdev_iot.model.errors import JournalError
from nikdev_iot.model.values import Kind, Value, kind_of

from .errors import JournalDamaged

__all__ = ["Shape", "ShapeBook", "add_spec", "shape_of", "spec_of"]

_BYTES = 8
_MAX_CACHED = 2048


class Shape:
    """The fields and kinds of a commit, in order; `id` is its row, 0 while it has none."""

    __slots__ = ("_struct", "fields", "id", "kinds", "texts", "width")

    def __init__(self, shape_id: int, fields: tuple[str, ...], kinds: tuple[Kind, ...]) -> None:
        self.id = shape_id
        self.fields = fields
        self.kinds = kinds
        self.texts = tuple(place for place, kind in enumerate(kinds) if kind is Kind.TEXT)
        self._struct = struct.Struct("<" + "".join("d" if kind is Kind.FLOAT else "q" for kind in kinds))
        self.width = _BYTES * len(fields)

    def encode(self, values: Iterable[Value]) -> bytes:
        """Return the body of values of this shape."""
        if not self.texts:
            return self._struct.pack(*values)
        numbers = list(values)
        tail = []
        for place in self.texts:
            raw = numbers[place].encode()  # type: ignore[union-attr]
            numbers[place] = len(raw)
            tail.append(raw)
        return self._struct.pack(*numbers) + b"".join(tail)

    def decode(self, body: bytes) -> dict[str, Value]:
        """Return the values of a body by Field ID; `ValueError` where it is not of this shape."""
        if len(body) < self.width:
            raise ValueError(f"{len(body)} bytes where at least {self.width} belong")
        values: list[Any] = list(self._struct.unpack_from(body))
        at = self.width
        for place, kind in enumerate(self.kinds):
            value = values[place]
            if kind is Kind.BOOL:
                if value not in (0, 1):
                    raise ValueError(f"the bool {value!r}")
                values[place] = value == 1
            elif kind is Kind.TEXT:
                end = at + value
                if not at <= end <= len(body):
                    raise ValueError(f"a text of {value!r} bytes, where {len(body) - at} are left")
                values[place] = body[at:end].decode()
                at = end
        if at != len(body):
            raise ValueError(f"{len(body) - at} bytes too many")
        return dict(zip(self.fields, values, strict=True))


def shape_of(values: Mapping[str, Value]) -> Shape:
    """Return the shape of values, without an id."""
    return Shape(0, tuple(values), tuple(map(kind_of, values.values())))


def spec_of(shape: Shape) -> str:
    """Return the shape as text, as the table `shapes` has it."""
    pairs = [[field, int(kind)] for field, kind in zip(shape.fields, shape.kinds, strict=True)]
    return json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))


class ShapeBook:
    """The table `shapes`, with what was read from it. Rows are only ever added, so what is known stays true."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._by_types: dict[tuple[tuple[str, ...], tuple[type, ...]], Shape] = {}
        self._by_id: dict[int, Shape] = {}

    def known(self, values: Mapping[str, Value]) -> Shape | None:
        """Return the shape of `values` if it was met before; without I/O."""
        return self._by_types.get((tuple(values), tuple(map(type, values.values()))))

    def remember(self, values: Mapping[str, Value], shape: Shape) -> None:
        """Keep what `add` returned, once its transaction is done."""
        if len(self._by_types) >= _MAX_CACHED:
            self._by_types.clear()
        self._by_types[tuple(values), tuple(map(type, values.values()))] = shape

    def add(self, connection: sqlite3.Connection, values: Mapping[str, Value]) -> Shape:
        """Return the shape of `values` with its row, which is made, in the caller's transaction, if it is new."""
        shape = self.known(values)
        if shape is None:
            shape = shape_of(values)
            shape.id = add_spec(connection, spec_of(shape))
        return shape

    def by_id(self, connection: sqlite3.Connection, shape_id: int) -> Shape:
        """Return a shape by its row.

        Raises:
            JournalError: there is no such row, or it is no shape.
        """
        shape = self._by_id.get(shape_id)
        if shape is None:
            row = connection.execute("SELECT spec FROM shapes WHERE id = ?", (shape_id,)).fetchone()
            try:
                pairs = json.loads(row[0])
                shape = Shape(shape_id, tuple(field for field, _ in pairs), tuple(Kind(kind) for _, kind in pairs))
            except (TypeError, ValueError, RecursionError):
                raise self.damaged(f"it has no shape {shape_id}") from None
            if len(self._by_id) >= _MAX_CACHED:
                self._by_id.clear()
            self._by_id[shape_id] = shape
        return shape

    def damaged(self, what: str) -> JournalError:
        """Return the error that says that the file is damaged."""
        return JournalDamaged(
            f"The journal {self._name} is damaged: {what}.",
            path=self._name,
            operation="read",
            hint="Nothing was changed. Keep a copy of its file, and run nikdev fsck.",
        )


def add_spec(connection: sqlite3.Connection, spec: str) -> int:
    """Return the row of a shape, made if it is new."""
    connection.execute("INSERT OR IGNORE INTO shapes (spec) VALUES (?)", (spec,))
    (shape_id,) = connection.execute("SELECT id FROM shapes WHERE spec = ?", (spec,)).fetchone()
    return int(shape_id)
