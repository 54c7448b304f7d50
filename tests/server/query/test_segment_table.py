from __future__ import annotations

import pytest
from hypothesis import given
from tests.server.query.made import Row, pack_lists, rows_of_packs, rows_of_table, stored_pack
from tests.server.segments.made import DEVICE, gathered, plain_plan, stored_packs

from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.query.segment_table import decode_segment_table, open_segment
from nikdev_iot.server.segments.encode import encode_segment
from nikdev_iot.server.segments.gather import Gatherer
from nikdev_iot.server.storage.segments import StoredSegment
from nikdev_iot.wire.pack import Pack


def _stored(encoded) -> StoredSegment:
    return StoredSegment(7, encoded.summary, lambda: encoded.body)


@given(pack_lists())
def test_rows_of_a_segment_are_those_of_its_packs(packs: list[Pack]) -> None:
    by_origin: dict = {}
    for pack in packs:
        by_origin.setdefault(pack.origin, []).append(pack)
    for origin, mine in by_origin.items():
        gatherer = Gatherer(DEVICE, origin)
        for arrival, pack in enumerate(mine, 5):
            gatherer.add_pack(stored_pack(pack, DEVICE, arrival=arrival))
        stored = _stored(encode_segment(gatherer.finish()))
        expected = rows_of_packs(mine)
        table = decode_segment_table(stored)
        assert [row.exact() for row in rows_of_table(table)] == [row.exact() for row in expected]
        assert [gap[0] for gap in table.notes.gaps] == [gap.first for pack in mine for gap in pack.gaps]
        assert table.packs is not None
        arrivals = table.packs.arrivals_of(table.numbers).tolist()
        for row, arrival in zip(expected, arrivals, strict=True):
            assert mine[arrival - 5].first <= row.number <= mine[arrival - 5].last
        some = rows_of_table(decode_segment_table(stored, {"a"}))
        only = [Row(*row.place, {n: v for n, v in row.values.items() if n == "a"}) for row in expected]
        assert [row.exact() for row in some] == [row.exact() for row in only]


def test_a_damaged_segment_says_which_it_is() -> None:
    encoded = encode_segment(gathered(stored_packs(plain_plan())))
    with pytest.raises(StorageCorrupt, match="segment 7 cannot be read back"):
        open_segment(StoredSegment(7, encoded.summary[:-1], lambda: encoded.body))
    with pytest.raises(StorageCorrupt, match="segment 7 cannot be read back"):
        decode_segment_table(StoredSegment(7, encoded.summary, lambda: encoded.body[:-1]))
