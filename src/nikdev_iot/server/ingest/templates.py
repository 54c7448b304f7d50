"""Packs of one commit, read and written by template: the form of most pushes, thousands of times a second.

The contents of two such packs with the same fields and kinds differ in a few places only: origin, number, parent, time
and values. Where these are is found out once for each layout, by encoding two packs that differ in all of them; after
that, `struct` reads or writes them all in one go. What is read this way is exactly what `wire.pack.decode_content`
would take: every byte between the places must be the template's, and what stands in them is checked as it is there.
Whatever has no template (texts, several commits, gaps, another encoder's habits) goes the ordinary way.
"""

from __future__ import annotations

import struct
import uuid
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import Kind, Value
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.pack import HASH_BYTES, MAX_NUMBER, Pack, encode_content

__all__ = ["FieldKind", "Layout", "Single", "Templates", "layout_of"]

FieldKind: TypeAlias = tuple[str, Kind]
"""A field and a kind of value that it has."""

_KINDS: dict[type, Kind] = {float: Kind.FLOAT, int: Kind.INT, bool: Kind.BOOL, str: Kind.TEXT}
_TYPES = {kind: plain for plain, kind in _KINDS.items()}
_CODES: dict[type, str] = {float: "d", int: "q", bool: "B"}
_SIZES = {"d": 8, "q": 8, "B": 1}
_LOWEST = (1, 24, 2**8, 2**16, 2**32, MAX_NUMBER + 1)
"""CBOR gives the numbers from one of these up to the next the same length; the ends differ in every byte."""
_MAX_FIELDS = 64
_MAX_LENGTHS = 1_024
_MAX_OF_ONE_LENGTH = 4
"""Templates that are tried one after the other on a content of their length."""


class Single(NamedTuple):
    """A pack of one commit, as far as it takes to judge and store it."""

    origin: uuid.UUID
    first: int
    parent: bytes
    time_us: int
    layout: Layout


class Layout:
    """The fields of a commit and their kinds, in its order. Where they are few, `layout_of` has one object for each."""

    __slots__ = ("_templates", "_types", "brought", "brought_set")

    def __init__(self, names: tuple[str, ...], types: tuple[type, ...]) -> None:
        self.brought: tuple[FieldKind, ...] = tuple(zip(names, map(_KINDS.__getitem__, types), strict=True))
        self.brought_set = frozenset(self.brought)
        self._types = types
        has_template = 0 < len(names) <= _MAX_FIELDS and str not in types
        self._templates: list[_Template | None] | None = [None] * len(_LOWEST) if has_template else None

    def template(self, number: int) -> _Template | None:
        """Return the template for a commit of this number, None where there is none for the layout."""
        if self._templates is None:
            return None
        at = bisect_right(_LOWEST, number)
        template = self._templates[at]
        if template is None:
            template = self._templates[at] = _Template(self, self._types, _LOWEST[at - 1], _LOWEST[at] - 1)
        return template


def layout_of(names: tuple[str, ...], types: tuple[type, ...]) -> Layout:
    """Return the layout of a commit with these Field IDs and types of values, in this order."""
    return _layout_of(names, types) if len(names) <= _MAX_FIELDS else Layout(names, types)


_layout_of = lru_cache(2_048)(Layout)  # the same devices push the same fields again and again


@lru_cache(16_384)
def _uuid(raw: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=raw)


class _Template:
    """The content of a pack of one commit of one layout, with a number of one length."""

    __slots__ = ("_blank", "_bools_at", "_constants", "_high", "_layout", "_low", "_number_bytes", "_struct", "length")

    def __init__(self, layout: Layout, types: tuple[type, ...], low: int, high: int) -> None:
        lowest, highest = _filled(layout, types, low, 0x00), _filled(layout, types, high, 0xFF)
        constants, places = _compare(lowest, highest)
        values = [_CODES[plain] for plain in types]
        expected = [16, places[1], HASH_BYTES, 8, *(_SIZES[code] for code in values)]
        if len(lowest) != len(highest) or places != expected or len(constants) != len(places):
            raise AssertionError("the parts of a pack are not where they are looked for")
        codes = ["16s", f"{places[1]}s", f"{HASH_BYTES}s", "q", *values]
        between = [f"{len(constant)}s{code}" for constant, code in zip(constants, codes, strict=True)]
        self._struct = struct.Struct("<" + "".join(between))
        self._constants = tuple(constants)
        self._blank: list[Any] = [part for constant in constants for part in (constant, None)]
        self._number_bytes = places[1]
        self._bools_at = [4 + at for at, code in enumerate(values) if code == "B"]
        self._low, self._high, self._layout = low, high, layout
        self.length = len(lowest)

    def read(self, content: bytes) -> Single | None:
        """Return what `content`, of this length, holds; None where it is another's or not acceptable."""
        parts = self._struct.unpack(content)
        if parts[::2] != self._constants:
            return None
        origin, number, parent, time_us, *values = parts[1::2]
        first = int.from_bytes(number, "big")
        if not self._low <= first <= self._high or not MIN_TIME_US <= time_us <= MAX_TIME_US:
            return None
        if not all(map(isfinite, values)) or (self._bools_at and not self._are_bools(parts)):
            return None
        return Single(_uuid(origin), first, parent, time_us, self._layout)

    def values(self, content: bytes) -> tuple[int, Layout, list[Value]] | None:
        """Return time, layout and values of a content that was acceptable once; None where it is another's."""
        parts = self._struct.unpack(content)
        if parts[::2] != self._constants:
            return None
        _, _, _, time_us, *values = parts[1::2]
        for at in self._bools_at:
            values[at - 4] = values[at - 4] == 1
        return time_us, self._layout, values

    def _are_bools(self, parts: tuple[Any, ...]) -> bool:
        return all(parts[2 * at + 1] <= 1 for at in self._bools_at)

    def write(self, origin: uuid.UUID, first: int, parent: bytes, time_us: int, values: Iterable[Value]) -> bytes:
        """Return the content of such a pack."""
        parts = self._blank.copy()
        parts[1::2] = (origin.bytes, first.to_bytes(self._number_bytes, "big"), parent, time_us, *values)
        return self._struct.pack(*parts)


class Templates:
    """The templates of the packs that came of late, found by the length of a content.

    It may be used from several threads: what two of them learn at once is learnt twice.
    """

    __slots__ = ("_by_length",)

    def __init__(self) -> None:
        self._by_length: dict[int, tuple[_Template, ...]] = {}

    def read(self, content: bytes) -> Single | None:
        """Return what a pack's content holds; None where it has to be read the ordinary way."""
        for template in self._by_length.get(len(content), ()):
            single = template.read(content)
            if single is not None:
                return single
        return None

    def values(self, content: bytes) -> tuple[int, Layout, list[Value]] | None:
        """Return time, layout and values of a pack that was stored; None where it has to be read the ordinary way."""
        for template in self._by_length.get(len(content), ()):
            found = template.values(content)
            if found is not None:
                return found
        return None

    def learn(self, pack: Pack, content: bytes) -> None:
        """Take note of a pack that was read the ordinary way, so that the next one like it is not."""
        layout = _layout_of_pack(pack)
        if layout is not None:
            self.learn_layout(layout, pack.first, content)

    def learn_layout(self, layout: Layout, number: int, content: bytes) -> None:
        """Take note of the layout of a pack of one commit, if this is the content that it has in it."""
        template = layout.template(number)
        if not template or template.length != len(content) or template.read(content) is None:
            return
        found = self._by_length.get(len(content), ())
        if len(self._by_length) >= _MAX_LENGTHS:
            self._by_length.clear()
        self._by_length[len(content)] = (template, *found[: _MAX_OF_ONE_LENGTH - 1])


def _layout_of_pack(pack: Pack) -> Layout | None:
    """Return the layout of a pack of one commit and nothing else."""
    if pack.count != 1 or not pack.times or any(column.at is not None for column in pack.columns):
        return None
    return layout_of(
        tuple(column.field_id for column in pack.columns), tuple(_TYPES[column.kind] for column in pack.columns)
    )


def _filled(layout: Layout, types: tuple[type, ...], number: int, byte: int) -> bytes:
    """Return the content of a pack whose places hold one byte all over, but for the number."""
    codes = [_CODES[plain] for plain in types]
    columns = [
        Column(field_id, None, array(code, bytes([byte]) * _SIZES[code]))
        for (field_id, _), code in zip(layout.brought, codes, strict=True)
    ]
    return encode_content(
        Pack(
            origin=uuid.UUID(bytes=bytes([byte]) * 16),
            first=number,
            count=1,
            parent=bytes([byte]) * HASH_BYTES,
            times=array("q", bytes([byte]) * 8),
            columns=tuple(columns),
        )
    )


def _compare(low: bytes, high: bytes) -> tuple[list[bytes], list[int]]:
    """Return what two contents have in common, piece by piece, and the lengths of the places behind each piece."""
    constants, places, at = [], [], 0
    for differs, run in groupby(map(int.__ne__, low, high)):
        size = len(list(run))
        if differs:
            places.append(size)
        else:
            constants.append(low[at : at + size])
        at += size
    return constants, places
