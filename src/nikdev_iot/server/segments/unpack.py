"""Packs out of a segment, as they were stored but for their encoding: for reads that want single packs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.records import ErasedValues, StoredPack
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.pack import NO_PACK, RAW, Pack, encode_content

from .records import Int64s, PackHead, Segment, SegmentColumn

__all__ = ["Unpacker"]

_TYPECODES = {Kind.FLOAT: "d", Kind.INT: "q", Kind.BOOL: "B"}


class Unpacker:
    """Makes packs of a segment."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._by_number = np.argsort(segment.numbers)
        self._numbers = segment.numbers[self._by_number]
        self._recorded = segment.recorded_times()
        self._messages = dict(segment.messages)
        self._shifts = dict(zip(segment.shift_rows.tolist(), segment.shifts.tolist(), strict=True))
        self._uncertain = frozenset(segment.uncertain.tolist())
        self._digests = {one.row: one.digest for one in segment.erased}

    def packs(self, heads: Iterable[PackHead]) -> list[StoredPack]:
        """Return the packs of these heads, which are the segment's."""
        return [self._pack(head) for head in heads]

    def _pack(self, head: PackHead) -> StoredPack:
        segment = self._segment
        low, high = np.searchsorted(self._numbers, (head.first, head.last + 1)).tolist()
        rows = self._by_number[low:high]
        listed = rows.tolist()
        columns, taken = [], dict[int, list[str]]()
        for index in head.layout:
            column = segment.columns[index]
            found = _column(column, rows)
            if found is not None:
                columns.append(found)
            if len(column.erased):
                for row in rows[np.isin(rows, column.erased, assume_unique=True)].tolist():
                    taken.setdefault(row, []).append(column.field_id)
        content = encode_content(
            Pack(
                origin=segment.origin,
                first=head.first,
                count=head.last - head.first + 1,
                parent=NO_PACK,
                times=array("q", self._recorded[rows].tobytes()),
                columns=tuple(columns),
                gaps=tuple(gap for gap in segment.gaps if head.first <= gap.first <= head.last),
                messages=tuple(
                    (place, self._messages[row]) for place, row in enumerate(listed) if row in self._messages
                ),
                shifts=tuple((place, self._shifts[row]) for place, row in enumerate(listed) if row in self._shifts),
                uncertain=array("I", [place for place, row in enumerate(listed) if row in self._uncertain]) or None,
            )
        )
        times = segment.times[rows]
        return StoredPack(
            device_id=segment.device_id,
            origin=segment.origin,
            first=head.first,
            last=head.last,
            hash=head.hash_head,
            parent=b"",
            row_count=len(listed),
            min_time_us=int(times.min()) if listed else 0,
            max_time_us=int(times.max()) if listed else 0,
            received_us=head.received_us,
            clock_offset_us=head.clock_offset_us,
            key_id=head.key_id,
            codec=RAW,
            content_bytes=len(content),
            payload=content,
            arrival=head.arrival,
            erased=tuple(
                ErasedValues(int(segment.numbers[row]), self._digests[row], tuple(names))
                for row, names in sorted(taken.items(), key=lambda pair: int(segment.numbers[pair[0]]))
            ),
        )


def _column(column: SegmentColumn, rows: Int64s) -> Column | None:
    """Return what these rows have in a column; None where that is nothing."""
    at: array[int] | None = None
    data: Any
    if column.at is None:
        data = column.data[rows]
    else:
        places = np.minimum(np.searchsorted(column.at, rows), max(len(column.at) - 1, 0))
        has = column.at[places] == rows if len(column.at) else np.zeros(len(rows), dtype=np.bool_)
        data = column.data[places[has]]
        if not bool(has.all()):
            at = array("I", np.flatnonzero(has).astype(np.uint32).tobytes())
    if not len(data):
        return None
    if column.kind is Kind.TEXT:
        return Column(column.field_id, at, data.tolist())
    typecode = _TYPECODES[column.kind]
    return Column(column.field_id, at, array(typecode, data.tobytes()))
