"""From a segment to a table."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.segments.decode import SegmentReader
from nikdev_iot.server.segments.records import SegmentDamaged
from nikdev_iot.server.storage.segments import StoredSegment

from .notes import read_notes
from .table import PackPlaces, Table, TableColumn, split_origin

__all__ = ["decode_segment_table", "open_segment", "segment_damaged"]


def open_segment(stored: StoredSegment) -> SegmentReader:
    """Return a segment of which only the summary was read; raises `StorageCorrupt`."""
    try:
        return SegmentReader(stored.summary, stored.load_body)
    except SegmentDamaged as error:
        raise segment_damaged(stored.id, error) from error


def decode_segment_table(stored: StoredSegment, fields: Collection[str] | None = None) -> Table:
    """Return a segment's commits, by (time, number), with the columns of `fields` (None: all).

    Raises:
        StorageCorrupt: what is stored is no segment.
    """
    reader = open_segment(stored)
    try:
        columns = {}
        for head in reader.columns:
            if fields is None or head.field_id in fields:
                at, data = reader.data(head)
                if len(data):
                    columns[head.field_id, head.kind] = TableColumn(at, data)
        high, low = split_origin(reader.origin)
        times, numbers, packs = reader.times, reader.numbers, reader.packs
        notes = read_notes(
            reader.origin, times, numbers, reader.messages, [(gap.first, gap.count, gap.reason) for gap in reader.gaps]
        )
    except SegmentDamaged as error:
        raise segment_damaged(stored.id, error) from error
    return Table(
        times,
        np.broadcast_to(np.uint64(high), len(times)),
        np.broadcast_to(np.uint64(low), len(times)),
        numbers,
        columns,
        notes,
        PackPlaces(
            np.array([pack.first for pack in packs], dtype=np.int64),
            np.array([pack.arrival for pack in packs], dtype=np.int64),
        ),
    )


def segment_damaged(segment: int, error: SegmentDamaged) -> StorageCorrupt:
    """Return the error that names the segment."""
    return StorageCorrupt(
        f"The segment {segment} cannot be read back: {error.message}",
        hint="Nothing was changed. Check the disk, and restore the store from a backup.",
    )
