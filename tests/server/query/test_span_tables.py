from __future__ import annotations

import uuid
from dataclasses import replace

from tests.conformance.repacking import one_commit, push, repack

from nikdev_iot.server.query.span_tables import span_tables


def test_packs_and_segments_come_with_their_arrivals(storage) -> None:
    key = (uuid.uuid4(), uuid.uuid4())
    push(storage, key, [one_commit(number) for number in range(1, 10)])
    repack(storage, key, count=5)
    spans = storage.spans(key[0], start_us=0, end_us=2**60)
    found = list(span_tables(storage, key[0], spans))
    assert [table.numbers.tolist() for table, _ in found] == [[6], [7], [8], [9], [1, 2, 3, 4, 5]]
    assert sorted(arrival for _, arrival in found) == sorted(span.arrival for span in spans)
    gone = [replace(span, segment=10**6) for span in spans if span.segment]
    assert list(span_tables(storage, key[0], gone)) == []
