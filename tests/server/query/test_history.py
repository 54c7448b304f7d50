from __future__ import annotations

import uuid
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import (
    FIELDS,
    ORIGINS,
    kinds_of,
    narrowed,
    new_device,
    pack_lists,
    put,
    rows_of_packs,
    rows_of_table,
)

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.query import history
from nikdev_iot.server.query.answers import rows_json
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.query.history import Window, read_rows
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.pack import NO_PACK, Pack, pack_from_commits

WIDE = (-(10**7), 10**7)
bounds = st.just(WIDE) | st.tuples(st.integers(-6, 14), st.integers(-6, 14)).map(lambda p: (min(p), max(p)))


def pages(storage, cache, window, **options):
    """Read page by page; yields each page's rows."""
    cursor = window.after
    while True:
        page = read_rows(
            storage,
            cache,
            Window(
                device_id=window.device_id,
                fields=window.fields,
                start_us=window.start_us,
                end_us=window.end_us,
                after=cursor,
            ),
            **options,
        )
        yield rows_of_table(page.table)
        if page.next is None:
            return
        assert cursor is None or page.next > cursor
        cursor = Cursor.from_text(page.next.to_text())


@settings(max_examples=150, deadline=None)
@given(
    pack_lists(),
    bounds,
    st.none() | st.sets(st.sampled_from(FIELDS), min_size=1),
    st.integers(1, 9),
    st.sampled_from([1, 10, 200, 10**9]),
    st.sampled_from([0, 1, 60, 10**9]),
)
def test_pages_hold_every_row_once_and_in_order(storage, packs, bound, fields, limit, max_bytes, scan_rows):
    device_id = new_device(storage, packs)
    window = Window(
        device_id=device_id, fields=None if fields is None else frozenset(fields), start_us=bound[0], end_us=bound[1]
    )
    expected = narrowed(rows_of_packs(packs), fields=fields or FIELDS, start_us=bound[0], end_us=bound[1])
    found = []
    options = {"limit": limit, "max_bytes": max_bytes, "scan_rows": scan_rows}
    for page in pages(storage, PackCache(storage), window, **options):
        assert len(page) <= limit
        found += page
    assert [row.exact() for row in found] == [row.exact() for row in expected]


@settings(max_examples=50, deadline=None)
@given(pack_lists(), st.integers(0, 40))
def test_a_page_goes_on_behind_any_row(storage, packs, place):
    device_id = new_device(storage, packs)
    rows = rows_of_packs(packs)
    place = min(place, len(rows))
    after = Cursor(*rows[place - 1].place) if place else None
    page = read_rows(storage, PackCache(storage), Window(device_id=device_id, after=after), limit=1000)
    assert [row.exact() for row in rows_of_table(page.table)] == [row.exact() for row in rows[place:]]
    assert page.next is None


def test_two_commits_at_one_time_are_two_rows_and_a_page_may_end_between_them(storage):
    device_id = new_device(storage)
    packs = [
        pack_from_commits(origin, [Commit(n, 100, (("a", n),)) for n in (1, 2, 3)], parent=NO_PACK)
        for origin in reversed(ORIGINS)
    ]
    put(storage, device_id, packs)
    found = list(pages(storage, PackCache(storage), Window(device_id=device_id), limit=2))
    assert [[(row.origin, row.number) for row in page] for page in found] == [
        [(ORIGINS[0], 1), (ORIGINS[0], 2)],
        [(ORIGINS[0], 3), (ORIGINS[1], 1)],
        [(ORIGINS[1], 2), (ORIGINS[1], 3)],
        [(ORIGINS[2], 1), (ORIGINS[2], 2)],
        [(ORIGINS[2], 3)],
    ]


class CountingCache(PackCache):
    """Counts the packs that a page opens."""

    opened = 0

    def tables(self, device_id, spans, *, fields=None):
        for table in super().tables(device_id, spans, fields=fields):
            self.opened += 1
            yield table


def hundred_packs(storage) -> uuid.UUID:
    """A day's worth of consecutive packs, and one from a second origin that spans them all."""
    device_id = new_device(storage)
    put(
        storage,
        device_id,
        [
            pack_from_commits(
                ORIGINS[0],
                [Commit(p * 10 + n + 1, p * 1000 + n * 100, (("a", n),)) for n in range(10)],
                parent=NO_PACK,
            )
            for p in range(100)
        ],
    )
    put(
        storage,
        device_id,
        [pack_from_commits(ORIGINS[1], [Commit(1, 0, (("b", 1),)), Commit(2, 99_950, (("b", 2),))], parent=NO_PACK)],
    )
    return device_id


def test_a_page_opens_only_the_packs_it_needs(storage):
    device_id = hundred_packs(storage)
    cache = CountingCache(storage)
    page = read_rows(storage, cache, Window(device_id=device_id, start_us=50_000), limit=20)
    assert [row.time_us for row in rows_of_table(page.table)] == list(range(50_000, 52_000, 100))
    assert cache.opened == 3  # two of the day, and the one that spans it


def test_a_page_that_scanned_enough_ends_without_a_row_and_can_be_gone_on_from(storage):
    device_id = hundred_packs(storage)
    cache = CountingCache(storage)
    window = Window(device_id=device_id, fields=frozenset({"b"}), start_us=1000)
    page = read_rows(storage, cache, window, limit=5, scan_rows=10 * (10 + history.PACK_COST_ROWS))
    assert len(page.table) == 0
    assert page.next is not None
    assert cache.opened <= 11
    found = [row for page in pages(storage, cache, window, limit=5, scan_rows=600) for row in page]
    assert [(row.time_us, row.values) for row in found] == [(99_950, {"b": 2})]


def test_a_page_of_large_texts_ends_early(storage):
    device_id = new_device(storage)
    commits = [Commit(n, n, (("t", "x" * 60_000),)) for n in range(1, 31)]
    put(storage, device_id, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    found = list(pages(storage, PackCache(storage), Window(device_id=device_id), limit=1000, max_bytes=250_000))
    assert [len(page) for page in found] == [4] * 7 + [2]
    assert kinds_of(row for page in found for row in page) == {("t", 4)}


def test_a_page_that_fills_up_when_it_scanned_enough_loses_nothing(storage):
    packs = [single(ORIGINS[0], 1, (-4, "x" * 90)), single(ORIGINS[0], 2, (-4, 1)), single(ORIGINS[0], 3, (-3, 2))]
    device_id = new_device(storage, packs)
    found = pages(storage, PackCache(storage), Window(device_id=device_id), limit=3, max_bytes=200, scan_rows=0)
    assert [row.number for page in found for row in page] == [1, 2, 3]


def test_bools_count_as_what_they_take_in_an_answer(storage):
    rows, fields = 200, 1_000
    columns = tuple(Column(f"f{n}", None, array("B", bytes(rows))) for n in range(fields))
    times = array("q", range(10**15, 10**15 + rows))
    pack = Pack(origin=ORIGINS[0], first=1, count=rows, parent=NO_PACK, times=times, columns=columns)
    device_id = new_device(storage)
    put(storage, device_id, [pack])
    window = Window(device_id=device_id)
    page = read_rows(storage, PackCache(storage), window, limit=100_000, max_bytes=1024 * 1024)
    assert page.next is not None
    assert 10 < len(page.table) < rows
    assert sum(map(len, rows_json(page, [f"f{n}" for n in range(fields)]))) < 1024 * 1024
    assert all(column.data.base is None for column in page.table.columns.values()), "the rest of the pack is let go of"


def test_rows_that_come_late_behind_the_cursor_repeat_nothing(storage):
    device_id = hundred_packs(storage)
    cache = PackCache(storage)
    first = read_rows(storage, cache, Window(device_id=device_id), limit=100)
    late = pack_from_commits(ORIGINS[2], [Commit(1, 5, (("a", 0),)), Commit(2, 60_050, (("a", 1),))], parent=NO_PACK)
    put(storage, device_id, [late])
    rest = read_rows(storage, cache, Window(device_id=device_id, after=first.next), limit=10_000)
    places = [row.place for row in rows_of_table(first.table) + rows_of_table(rest.table)]
    assert places == sorted(set(places))
    assert (60_050, ORIGINS[2], 2) in places
    assert (5, ORIGINS[2], 1) not in places


def single(origin, number, *rows):
    """A pack of commits from `number` on, each (time, value of field a)."""
    commits = [Commit(number + n, time_us, (("a", value),)) for n, (time_us, value) in enumerate(rows)]
    return pack_from_commits(origin, commits, parent=NO_PACK)


def test_a_page_that_was_full_once_takes_nothing_from_behind_what_it_dropped(storage):
    large = "x" * 200
    packs = [
        single(ORIGINS[0], 1, (0, 1), (30, 2), (40, large)),  # the large one does not fit
        single(ORIGINS[1], 1, (10, 3)),  # and with this one, all that is left would
        single(ORIGINS[2], 1, (20, 4), (50, 5)),
    ]
    device_id = new_device(storage, packs)
    found = list(pages(storage, PackCache(storage), Window(device_id=device_id), limit=10, max_bytes=200))
    assert [row.time_us for page in found for row in page] == [0, 10, 20, 30, 40, 50]
