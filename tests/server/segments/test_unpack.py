from __future__ import annotations

from hypothesis import given, settings
from tests.server.segments.made import gathered, packs_of, plain_plan, plans, stored_packs

from nikdev_iot.server.segments.records import HASH_KEPT_BYTES
from nikdev_iot.server.segments.unpack import Unpacker
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire.limits import UNLIMITED
from nikdev_iot.wire.pack import NO_PACK, decode_content, decompress, encode_content


@settings(max_examples=15)
@given(plans)
def test_packs_come_out_as_they_went_in(plan: list[list[tuple]]) -> None:
    stored, packs = stored_packs(plan), packs_of(plan)
    segment = gathered(stored)
    found = Unpacker(segment).packs(segment.packs)
    for before, pack, after in zip(stored, packs, found, strict=True):
        content = decompress(after.payload, after.codec, after.content_bytes)
        back = decode_content(content, UNLIMITED)
        assert encode_content(back) == encode_content(_without_parent(pack))
        assert back.digests() == pack.digests()
        assert after.hash == before.hash[:HASH_KEPT_BYTES]
        for name in StoredPack._fields:
            if name not in {"hash", "parent", "payload", "codec", "content_bytes"}:
                assert getattr(after, name) == getattr(before, name), name


def _without_parent(pack):
    return type(pack)(
        **{name: getattr(pack, name) for name in pack.__slots__ if name not in {"parent", "shifts"}},
        parent=NO_PACK,
        shifts=tuple(pair for pair in pack.shifts if pair[1]),
    )


def test_some_packs_alone() -> None:
    stored = stored_packs(plain_plan(packs=20, rows=5))
    segment = gathered(stored)
    found = Unpacker(segment).packs([segment.packs[17], segment.packs[3]])
    assert [(pack.arrival, pack.first, pack.row_count) for pack in found] == [
        (stored[17].arrival, 86, 5),
        (stored[3].arrival, 16, 5),
    ]
