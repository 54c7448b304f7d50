from __future__ import annotations

from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.storage.sqlite.origins import (
    NO_ORIGIN,
    SHELF_PACKS,
    OriginCache,
    unpack_arrivals,
    with_pack,
)


def test_a_shelf_begins_anew_when_it_is_full() -> None:
    key = new_key()
    origin = NO_ORIGIN
    for number in range(1, SHELF_PACKS + 1):
        assert not origin.is_full
        origin = with_pack(origin, made_pack(key, number, min_time_us=number, max_time_us=number), 100 + number)
    assert origin.is_full
    assert unpack_arrivals(origin.arrivals) == tuple(range(101, 101 + SHELF_PACKS))
    assert (origin.first_arrival, origin.min_time_us, origin.max_time_us) == (101, 1, SHELF_PACKS)
    last = made_pack(key, SHELF_PACKS + 1, min_time_us=-9, max_time_us=-8)
    origin = with_pack(origin, last, 500)
    assert unpack_arrivals(origin.arrivals) == (500,)
    assert (origin.first_arrival, origin.min_time_us, origin.max_time_us) == (500, -9, -8)
    assert (origin.mark_number, origin.mark_hash) == (last.last, last.hash)


def test_packs_without_rows_have_no_times() -> None:
    key = new_key()
    empty = {"row_count": 0, "min_time_us": 0, "max_time_us": 0}
    origin = with_pack(NO_ORIGIN, made_pack(key, 1, **empty), 1)
    assert (origin.min_time_us, origin.max_time_us) == (None, None)
    origin = with_pack(origin, made_pack(key, 2, min_time_us=50, max_time_us=60), 2)
    origin = with_pack(origin, made_pack(key, 3, **empty), 3)
    assert (origin.min_time_us, origin.max_time_us) == (50, 60)


def test_the_cache_holds_while_nobody_else_stores() -> None:
    cache = OriginCache(limit=2)
    cache.at(7)
    cache.put(b"a", NO_ORIGIN)
    cache.at(7)
    assert cache.get(b"a") is NO_ORIGIN
    cache.committed(9, {b"b": NO_ORIGIN})
    cache.at(9)
    assert cache.get(b"a") is cache.get(b"b") is NO_ORIGIN
    cache.at(10)
    assert cache.get(b"a") is None
    cache.put(b"a", NO_ORIGIN)
    cache.clear()
    cache.at(10)
    assert cache.get(b"a") is None


def test_the_cache_is_bounded() -> None:
    cache = OriginCache(limit=2)
    for key in (b"a", b"b", b"a", b"c"):
        cache.put(key, NO_ORIGIN)
    assert [cache.get(key) for key in (b"a", b"b", b"c")] == [NO_ORIGIN, None, NO_ORIGIN]
