"""The container: sections behind a directory, each with a check value, so that one can be read without the rest."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from enum import IntEnum
from typing import TypeAlias

from .records import SegmentDamaged

__all__ = ["CHECK", "VERSION", "Part", "Section", "SectionKey", "pack_part"]

VERSION = 1
_HEAD = struct.Struct("<4sHHII")
_ENTRY = struct.Struct("<HHII")
CHECK = slice(12, 16)
"""Where the check value of the directory is, which stands for the whole part: it is over those of the sections."""
_CHECKED = CHECK.start


class Section(IntEnum):
    """What a section holds; the numbers are those of the file."""

    HEAD = 1
    GAPS = 2
    MESSAGES = 3
    BLOCKS = 4
    STATISTICS = 5
    """Of one column."""
    PACKS = 16
    TIMES = 17
    NUMBERS = 18
    SHIFTS = 19
    UNCERTAIN = 20
    DIGESTS = 21
    PRESENCE = 32
    """Of one column, as the next two."""
    DATA = 33
    ERASED = 34


SectionKey: TypeAlias = tuple[Section, int]
"""(what, column); the column is 0 where it is of none."""


def pack_part(magic: bytes, sections: Mapping[SectionKey, bytes]) -> bytes:
    """Return the sections as one part of a segment, in their order."""
    directory = b"".join(
        _ENTRY.pack(kind, column, len(raw), zlib.crc32(raw)) for (kind, column), raw in sections.items()
    )
    size = _HEAD.size + len(directory) + sum(map(len, sections.values()))
    start = _HEAD.pack(magic, VERSION, len(sections), size, 0)[:_CHECKED]
    check = zlib.crc32(directory, zlib.crc32(start))
    return b"".join((start, struct.pack("<I", check), directory, *sections.values()))


class Part:
    """One part as it was read: the directory is right, and each section is checked when it is asked for."""

    def __init__(self, magic: bytes, raw: bytes) -> None:
        """Read the directory.

        Raises:
            SegmentDamaged: it is no such part, not whole, or of a later version.
        """
        self._raw = memoryview(raw)
        if len(raw) < _HEAD.size:
            raise SegmentDamaged(f"A segment is damaged: a part of it has {len(raw)} bytes.")
        found, version, count, size, check = _HEAD.unpack_from(raw)
        directory = self._raw[_HEAD.size : _HEAD.size + count * _ENTRY.size]
        if found != magic:
            raise SegmentDamaged("A segment is damaged: it does not begin as one.")
        if check != zlib.crc32(directory, zlib.crc32(self._raw[:_CHECKED])):
            raise SegmentDamaged("A segment is damaged: its directory has another check value.")
        if version != VERSION:
            raise SegmentDamaged(
                f"A segment is of version {version}; this program reads version {VERSION}.",
                hint="It was left as it is. Upgrade nikdev-iot.",
            )
        if size != len(raw):
            raise SegmentDamaged(f"A segment is damaged: {len(raw)} bytes where {size} should be.")
        self._places: dict[tuple[int, int], tuple[int, int, int]] = {}
        at = _HEAD.size + len(directory)
        for kind, column, length, section_check in _ENTRY.iter_unpack(directory):
            self._places[kind, column] = at, at + length, section_check
            at += length
        if at != size or len(self._places) != count:
            raise SegmentDamaged("A segment is damaged: its directory does not fit its length.")

    def __contains__(self, key: SectionKey) -> bool:
        return key in self._places

    def section(self, kind: Section, column: int = 0) -> memoryview:
        """Return a section; raises `SegmentDamaged` where it is missing or damaged."""
        place = self._places.get((kind, column))
        if place is None:
            raise SegmentDamaged(f"A segment is damaged: it has no section {kind.name} {column}.")
        start, end, check = place
        raw = self._raw[start:end]
        if zlib.crc32(raw) != check:
            raise SegmentDamaged(f"A segment is damaged: its section {kind.name} {column} has another check value.")
        return raw
