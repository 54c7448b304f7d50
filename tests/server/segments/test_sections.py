from __future__ import annotations

import struct
import zlib

import pytest

from nikdev_iot.server.segments.records import SegmentDamaged
from nikdev_iot.server.segments.sections import Part, Section, pack_part

_SECTIONS = {(Section.HEAD, 0): b"head", (Section.DATA, 0): b"", (Section.DATA, 7): b"data of 7"}


def test_sections_come_back() -> None:
    part = Part(b"NKSS", pack_part(b"NKSS", _SECTIONS))
    for (kind, column), raw in _SECTIONS.items():
        assert (kind, column) in part
        assert bytes(part.section(kind, column)) == raw
    assert (Section.DATA, 1) not in part
    with pytest.raises(SegmentDamaged, match="no section DATA 1"):
        part.section(Section.DATA, 1)


def test_any_damaged_byte_is_noticed() -> None:
    whole = pack_part(b"NKSS", _SECTIONS)
    for place in range(len(whole)):
        for bit in (1, 128):
            damaged = bytearray(whole)
            damaged[place] ^= bit
            with pytest.raises(SegmentDamaged):
                _read_all(bytes(damaged))
    for size in range(len(whole)):
        with pytest.raises(SegmentDamaged):
            _read_all(whole[:size])
    with pytest.raises(SegmentDamaged):
        _read_all(whole + b"\0")


def _read_all(raw: bytes) -> None:
    part = Part(b"NKSS", raw)
    for key in _SECTIONS:
        part.section(*key)


def test_a_part_is_not_taken_for_the_other() -> None:
    with pytest.raises(SegmentDamaged, match="does not begin as one"):
        Part(b"NKSB", pack_part(b"NKSS", _SECTIONS))


def test_a_later_version_is_refused_by_name() -> None:
    raw = bytearray(pack_part(b"NKSS", {}))
    raw[4] = 2
    raw[12:16] = struct.pack("<I", zlib.crc32(raw[:12]))
    with pytest.raises(SegmentDamaged, match=r"version 2; this program reads version 1.*Upgrade"):
        Part(b"NKSS", bytes(raw))
