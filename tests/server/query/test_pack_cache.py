from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from tests.conformance.made import made_device
from tests.server.query.made import ORIGINS, new_device, rows_of_table

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.errors import NotFound, StorageCorrupt
from nikdev_iot.server.query import pack_cache
from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.server.storage.records import PackSpan
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits


def device_with_packs(storage, count=5, rows=100):
    packs = [
        pack_from_commits(
            ORIGINS[0],
            [Commit(p * rows + n + 1, p * rows + n, (("a", p * rows + n),)) for n in range(rows)],
            parent=NO_PACK,
        )
        for p in range(count)
    ]
    device_id = new_device(storage, packs)
    return device_id, storage.spans(device_id, start_us=0, end_us=10**9)


def firsts(tables):
    return [rows_of_table(table)[0].time_us for table in tables]


def test_packs_come_in_the_order_asked_for_whether_kept_or_not(storage):
    device_id, spans = device_with_packs(storage)
    cache = PackCache(storage)
    assert firsts(cache.tables(device_id, spans[1:3])) == [100, 200]
    assert firsts(cache.tables(device_id, spans[::-1])) == [400, 300, 200, 100, 0]


def test_a_pack_is_decoded_once_while_it_is_kept(storage, monkeypatch):
    device_id, spans = device_with_packs(storage)
    decoded = []

    def counting(stored):
        decoded.append(stored.arrival)
        return decode_table(stored)

    monkeypatch.setattr(pack_cache, "decode_table", counting)
    cache = PackCache(storage)
    for _ in range(3):
        list(cache.tables(device_id, spans))
    assert decoded == [span.arrival for span in spans]


def test_memory_is_bounded_and_the_least_used_goes_first(storage, monkeypatch):
    device_id, spans = device_with_packs(storage)
    (table,) = PackCache(storage).tables(device_id, spans[:1])
    one = table.size_bytes() + pack_cache._OVERHEAD_BYTES
    cache = PackCache(storage, max_bytes=3 * one)
    list(cache.tables(device_id, spans[:3]))
    list(cache.tables(device_id, spans[:1]))  # now the first was used last
    list(cache.tables(device_id, spans[3:4]))
    assert [key[1] for key in cache._kept] == [spans[place].arrival for place in (2, 0, 3)]
    assert cache._size == 3 * one
    small = PackCache(storage, max_bytes=one)
    list(small.tables(device_id, spans))
    assert not small._kept  # one that would fill it alone is not kept


def test_a_pack_that_is_gone_is_said_to_be(storage):
    device_id, spans = device_with_packs(storage)
    gone = replace(spans[-1], arrival=spans[-1].arrival + 1000)
    for wrong in ([spans[0], gone], [gone, spans[0]], [replace(spans[0], segment=1000)]):
        with pytest.raises(StorageCorrupt, match="has gone from the store"):
            list(PackCache(storage).tables(device_id, wrong))


def test_packs_of_a_device_that_was_deleted_meanwhile_are_not_missing(storage):
    device = made_device()
    with storage.write() as write:
        write.add_device(device)
        write.delete_device(device.id, at_us=1)
    span = PackSpan(arrival=1, row_count=1, min_time_us=0, max_time_us=0)
    for missing in (span, replace(span, segment=1)):
        with pytest.raises(NotFound, match="it was deleted just now"):
            list(PackCache(storage).tables(device.id, [missing]))


def test_threads_may_read_at_once(storage):
    device_id, spans = device_with_packs(storage, count=20)
    (table,) = PackCache(storage).tables(device_id, spans[:1])
    cache = PackCache(storage, max_bytes=5 * (table.size_bytes() + pack_cache._OVERHEAD_BYTES))
    results: list[list[int]] = []

    def read():
        results.extend(firsts(cache.tables(device_id, spans)) for _ in range(10))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[p * 100 for p in range(20)]] * 40
    assert cache._size == sum(size for _, size in cache._kept.values()) <= cache._max_bytes
