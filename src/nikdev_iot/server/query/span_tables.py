"""Packs and segments as tables, each decoded once and not kept: for reads that come seldom."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import PackSpan

from .decode import decode_table
from .segment_table import decode_segment_table
from .table import Table

__all__ = ["span_tables"]


def span_tables(storage: Storage, device_id: uuid.UUID, spans: Sequence[PackSpan]) -> Iterator[tuple[Table, int]]:
    """Yield each with its arrival, packs first; whole, with what was deleted. What has gone meanwhile is left out."""
    for pack in storage.packs(device_id, [span.arrival for span in spans if span.segment is None]):
        yield decode_table(pack), pack.arrival
    segments = {span.segment: span.arrival for span in spans if span.segment is not None}
    for stored in storage.segments(device_id, list(segments)):
        yield decode_segment_table(stored), segments[stored.id]
