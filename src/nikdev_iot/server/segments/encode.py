"""From a segment to its two parts (`docs/storage.md`): the summary, which queries plan with, and the body."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from nikdev_iot.model.values import Kind

from .arrays import dump_bools, dump_bytes, dump_floats, dump_ints, dump_texts
from .records import Int64s, Segment, SegmentColumn
from .sections import CHECK, Section, SectionKey, pack_part
from .statistics import Blocks, ColumnStatistics, block_length_us, blocks_of, statistics_of

__all__ = ["BODY", "COLUMN", "FLAG_ERASED", "FLAG_EVERY", "HEAD", "SUMMARY", "EncodedSegment", "encode_segment"]

SUMMARY, BODY = b"NKSS", b"NKSB"
HEAD = struct.Struct("<16s16sqqqqIIqqqqqIIH")
"""Device, origin, first and last number, first and last arrival, rows, packs, earliest and latest time, the times of
the first and of the last number that has a commit, length of a block, length and check value of the body, columns."""
COLUMN = struct.Struct("<BBH")
"""Kind, flags, length of the Field ID in bytes."""
FLAG_EVERY = 1
"""Every row has a value."""
FLAG_ERASED = 2
"""Values were taken out."""


class EncodedSegment(NamedTuple):
    """A segment as bytes."""

    summary: bytes
    body: bytes


def encode_segment(segment: Segment) -> EncodedSegment:
    """Return a segment as bytes; equal segments give equal bytes, with the same versions of pcodec and zlib."""
    length_us = block_length_us(segment.times) if len(segment) else 0
    blocks = blocks_of(segment.times, segment.numbers, length_us)
    body = pack_part(BODY, _body(segment))
    sections: dict[SectionKey, bytes] = {(Section.HEAD, 0): _head(segment, length_us, body)}
    if segment.gaps:
        gaps = segment.gaps
        sections[Section.GAPS, 0] = (
            dump_ints(_array(gap.first for gap in gaps))
            + dump_ints(_array(gap.count for gap in gaps))
            + dump_texts([gap.reason for gap in gaps])
        )
    if segment.messages:
        sections[Section.MESSAGES, 0] = dump_ints(_array(row for row, _ in segment.messages)) + dump_texts(
            [text for _, text in segment.messages]
        )
    if len(segment):
        sections[Section.BLOCKS, 0] = _blocks(blocks)
    for number, column in enumerate(segment.columns):
        if len(column.data):
            found = statistics_of(column, segment.times, segment.numbers, blocks)
            sections[Section.STATISTICS, number] = _statistics(column, found)
    return EncodedSegment(pack_part(SUMMARY, sections), body)


def _array(items: Iterable[int]) -> Int64s:
    return np.array(list(items), dtype=np.int64)


def _head(segment: Segment, length_us: int, body: bytes) -> bytes:
    times, numbers = segment.times, segment.numbers
    count = len(segment)
    edges = (times[0], times[-1], times[np.argmin(numbers)], times[np.argmax(numbers)]) if count else (0, 0, 0, 0)
    parts = [
        HEAD.pack(
            segment.device_id.bytes,
            segment.origin.bytes,
            segment.first,
            segment.last,
            segment.packs[0].arrival,
            segment.packs[-1].arrival,
            count,
            len(segment.packs),
            *map(int, edges),
            length_us,
            len(body),
            int.from_bytes(body[CHECK], "little"),
            len(segment.columns),
        )
    ]
    for column in segment.columns:
        name = column.field_id.encode()
        flags = (FLAG_EVERY if column.at is None else 0) | (FLAG_ERASED if len(column.erased) else 0)
        parts += COLUMN.pack(column.kind, flags, len(name)), name
    return b"".join(parts)


def _blocks(blocks: Blocks) -> bytes:
    return dump_ints(blocks.begins) + _places(blocks)


def _places(places: Blocks) -> bytes:
    return b"".join(map(dump_ints, (places.first_times, places.last_times, places.first_numbers, places.last_numbers)))


def _statistics(column: SegmentColumn, found: ColumnStatistics) -> bytes:
    parts = [dump_ints(found.blocks), dump_ints(found.counts)]
    if column.at is not None:
        parts += dump_ints(found.places.begins), _places(found.places)
    numbers = found.numbers
    if numbers is None:
        return b"".join(parts)
    edges = (numbers.lows, numbers.highs, numbers.firsts, numbers.lasts)
    if numbers.totals is not None:
        parts += *map(dump_floats, edges), bytes([numbers.is_scaled]), dump_floats(numbers.totals)
    elif numbers.high_sums is not None and numbers.low_sums is not None:
        parts += map(dump_ints, (*edges, numbers.high_sums, numbers.low_sums))
    return b"".join(parts)


def _body(segment: Segment) -> dict[SectionKey, bytes]:
    sections: dict[SectionKey, bytes] = {(Section.PACKS, 0): _packs(segment)}
    if len(segment):
        sections[Section.TIMES, 0] = dump_ints(segment.times)
        sections[Section.NUMBERS, 0] = dump_ints(segment.numbers)
    if len(segment.shift_rows):
        sections[Section.SHIFTS, 0] = dump_ints(segment.shift_rows) + dump_ints(segment.shifts)
    if len(segment.uncertain):
        sections[Section.UNCERTAIN, 0] = dump_ints(segment.uncertain)
    if segment.erased:
        sections[Section.DIGESTS, 0] = dump_ints(_array(one.row for one in segment.erased)) + dump_bytes(
            b"".join(one.digest for one in segment.erased)
        )
    for number, column in enumerate(segment.columns):
        if column.at is not None:
            sections[Section.PRESENCE, number] = dump_ints(column.at)
        sections[Section.DATA, number] = _data(column)
        if len(column.erased):
            sections[Section.ERASED, number] = dump_ints(column.erased)
    return sections


def _data(column: SegmentColumn) -> bytes:
    if column.kind is Kind.FLOAT:
        return dump_floats(column.data)
    if column.kind is Kind.INT:
        return dump_ints(column.data)
    return dump_bools(column.data) if column.kind is Kind.BOOL else dump_texts(column.data.tolist())


def _packs(segment: Segment) -> bytes:
    """Return the heads of the packs, as columns too."""
    packs = segment.packs
    keys: dict[uuid.UUID | None, int] = {None: 0}
    layouts: dict[tuple[int, ...], int] = {}
    key_codes = _array(keys.setdefault(pack.key_id, len(keys)) for pack in packs)
    layout_codes = _array(layouts.setdefault(pack.layout, len(layouts)) for pack in packs)
    offsets = [pack.clock_offset_us for pack in packs]
    return b"".join(
        (
            dump_ints(_array(pack.arrival for pack in packs)),
            dump_ints(_array(pack.first for pack in packs)),
            dump_bytes(b"".join(pack.hash_head for pack in packs)),
            dump_ints(_array(pack.received_us for pack in packs)),
            dump_bools(np.array([offset is not None for offset in offsets], dtype=np.bool_)),
            dump_ints(_array(offset for offset in offsets if offset is not None)),
            dump_bytes(b"".join(key.bytes for key in keys if key is not None)),
            dump_ints(key_codes),
            dump_ints(_array(map(len, layouts))),
            dump_ints(_array(column for layout in layouts for column in layout)),
            dump_ints(layout_codes),
        )
    )
