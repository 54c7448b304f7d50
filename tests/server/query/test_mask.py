from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.deleting import delete, left, made_deletion, scopes, undo
from tests.server.query.made import (
    FIELDS,
    ORIGINS,
    exact,
    narrowed,
    new_device,
    pack_lists,
    put,
    rows_of_pack,
    rows_of_packs,
    rows_of_table,
    stored_pack,
)

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.values import Kind
from nikdev_iot.server.query import latest, span_tables
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.history import Window, read_rows
from nikdev_iot.server.query.latest import LatestReader
from nikdev_iot.server.query.mask import Mask, is_hidden_by
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import SeriesQuery
from nikdev_iot.server.storage.records import PackSpan
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits

WIDE = (-(10**7), 10**7)


def single(number, *rows, origin=ORIGINS[0], field="a"):
    commits = [Commit(number + n, time_us, ((field, value),)) for n, (time_us, value) in enumerate(rows)]
    return pack_from_commits(origin, commits, parent=NO_PACK)


def arrivals_of(storage, device_id):
    return [pack.arrival for pack in storage.packs_after(device_id, 0, limit=1000)]


def placed(storage, device_id, packs):
    """Each row with the arrival of its pack."""
    arrivals = arrivals_of(storage, device_id)
    return [(arrival, row) for arrival, pack in zip(arrivals, packs, strict=True) for row in rows_of_pack(pack)]


def read_all(reader, window, limit):
    rows, cursor = [], None
    while True:
        page = reader.rows(replace(window, after=cursor), limit=limit)
        rows += rows_of_table(page.table)
        cursor = page.next
        if cursor is None:
            return rows


def newest_in(rows):
    return {name: (*row.place, *exact(value)) for row in rows for name, value in row.values.items()}


def listed(newest):
    return {name: (*found.place, *exact(found.value)) for name, found in newest.items()}


def check(reader, device_id, expected, *, fields=FIELDS, bound=WIDE, limit=3):
    """Rows, buckets and newest values are those of the plain list."""
    window = Window(device_id=device_id, fields=frozenset(fields), start_us=bound[0], end_us=bound[1])
    wanted = narrowed(expected, fields=fields, start_us=bound[0], end_us=bound[1])
    assert [row.exact() for row in read_all(reader, window, limit)] == [row.exact() for row in wanted]
    counts: dict = defaultdict(int)
    lasts: dict = {}
    for row in wanted:
        for name, value in row.values.items():
            counts[name, row.time_us // 5 * 5] += 1
            lasts[name, row.time_us // 5 * 5] = exact(value)
    page = reader.buckets(
        window, every_us=5, aggregates=(Aggregate.COUNT, Aggregate.LAST), limit=10_000, field_count=len(fields)
    )
    assert page.next is None
    found_counts, found_lasts = {}, {}
    for name, series in page.fields.items():
        for start, count, last in zip(
            series.starts.tolist(),
            list(series.values[Aggregate.COUNT]),
            list(series.values[Aggregate.LAST]),
            strict=True,
        ):
            found_counts[name, start] = int(count)
            found_lasts[name, start] = exact(last.item() if hasattr(last, "item") else last)
    assert found_counts == counts
    assert found_lasts == lasts
    assert listed(reader.newest(device_id)) == newest_in(expected)


@settings(max_examples=120, deadline=None)
@given(
    pack_lists(),
    pack_lists(),
    st.lists(scopes(), max_size=4),
    st.data(),
    st.sets(st.sampled_from(FIELDS), min_size=1),
)
def test_reads_with_deletions_are_a_plain_list_without_those_values(storage, packs, more, made, data, fields):
    device_id = new_device(storage, packs)
    reader = Reader(storage)
    if data.draw(st.booleans(), label="has looked before"):
        check(reader, device_id, rows_of_packs(packs))
    arrivals = [0, *arrivals_of(storage, device_id)]
    deletions = []
    for scope in made:
        arrival = data.draw(st.sampled_from(arrivals), label="arrival")
        deletions.append(delete(storage, made_deletion(device_id, arrival=arrival, **scope)))
    rows = placed(storage, device_id, packs)
    check(reader, device_id, left(rows, deletions), fields=fields)
    check(Reader(storage), device_id, left(rows, deletions))
    # What comes later into the same stretch is shown.
    after = [pack for pack in more if pack.origin not in {known.origin for known in packs}]
    put(storage, device_id, after)
    rows = placed(storage, device_id, packs + after)
    check(reader, device_id, left(rows, deletions), bound=(-3, 9))
    if deletions:
        back = data.draw(st.sampled_from(deletions), label="undone")
        undo(storage, back)
        deletions.remove(back)
        check(reader, device_id, left(rows, deletions))
        check(Reader(storage), device_id, left(rows, deletions), fields=fields)


def test_edges_are_exact(storage):
    device_id = new_device(storage, [single(1, (9, 1), (10, 2), (11, 3), (20, 4), (21, 5))])
    delete(storage, made_deletion(device_id, start_us=10, end_us=20))
    check(
        Reader(storage),
        device_id,
        rows_of_packs([single(1, (9, 1))]) + rows_of_packs([single(4, (20, 4), (21, 5))]),
    )


def test_one_commit_of_two_at_one_time_can_be_meant(storage):
    packs = [single(1, (10, 1), (10, 2), (10, 3)), single(1, (10, 4), (10, 5), origin=ORIGINS[1])]
    device_id = new_device(storage, packs)
    delete(storage, made_deletion(device_id, start_us=10, end_us=11, commit=(ORIGINS[0], 2)))
    check(Reader(storage), device_id, [row for row in rows_of_packs(packs) if row.values != {"a": 2}])


def test_nothing_is_copied_where_nothing_is_hidden(storage):
    stored = stored_pack(single(1, (9, 1), (10, 2)), uuid.uuid4(), arrival=7)
    table = decode_table(stored)
    deletion = made_deletion(stored.device_id, start_us=10, end_us=11)
    assert Mask([]).show(table, 7) is table
    assert Mask([replace(deletion, undone_us=8)]).show(table, 7) is table
    assert Mask([replace(deletion, arrival=6)]).show(table, 7) is table
    assert Mask([replace(deletion, start_us=11)]).show(table, 7) is table
    assert Mask([replace(deletion, start_us=5, end_us=9)]).show(table, 7) is table
    other = Mask([replace(deletion, fields=("b",))]).show(table, 7)
    assert other.columns["a", 2] is table.columns["a", 2]
    assert [row.values for row in rows_of_table(Mask([deletion]).show(table, 7))] == [{"a": 1}, {}]


@given(
    st.lists(scopes(), max_size=3), st.sampled_from(FIELDS), st.integers(-6, 16), st.integers(0, 4), st.integers(0, 2)
)
def test_a_pack_that_is_covered_shows_nothing(made, field, low, length, arrival):
    mask = Mask(made_deletion(uuid.UUID(int=5), **{**scope, "arrival": 1}) for scope in made)
    span = PackSpan(arrival=arrival, row_count=2, min_time_us=low, max_time_us=low + length)
    pack = single(1, (low, 1), (low + length, 2), field=field)
    table = mask.show(decode_table(stored_pack(pack, uuid.UUID(int=5), arrival=arrival)), arrival)
    if not mask.open([span], [field]):
        assert not table.columns
    if not table.columns:
        assert mask.of_pack(arrival, low, low + length)


def test_what_a_deletion_means_of_one_value():
    deletion = made_deletion(uuid.uuid4(), fields=("a",), start_us=5, end_us=9, commit=(ORIGINS[0], 3))
    value = {"time_us": 5, "origin": ORIGINS[0], "number": 3}
    assert is_hidden_by(deletion, "a", **value)
    assert is_hidden_by(replace(deletion, fields=None, commit=None), "b", **{**value, "number": 4, "time_us": 8})
    for other in ({"number": 4}, {"origin": ORIGINS[1]}, {"time_us": 4}, {"time_us": 9}):
        assert not is_hidden_by(deletion, "a", **{**value, **other})
    assert not is_hidden_by(deletion, "b", **value)


# -- caches and cursors ------------------------------------------------------------------------------


def test_a_cursor_from_before_a_deletion_goes_on_behind_it_and_back(storage):
    device_id = new_device(storage, [single(n * 10 + 1, *[(n * 10 + k, k) for k in range(10)]) for n in range(5)])
    cache = PackCache(storage)
    first = read_rows(storage, cache, Window(device_id=device_id), limit=12)
    assert first.next == Cursor(11, ORIGINS[0], 12)
    gone = delete(storage, made_deletion(device_id, start_us=5, end_us=40))
    rest = read_rows(storage, cache, Window(device_id=device_id, after=first.next), limit=100)
    assert rest.table.times.tolist() == list(range(40, 50))
    undo(storage, gone)
    rest = read_rows(storage, cache, Window(device_id=device_id, after=first.next), limit=100)
    assert rest.table.times.tolist() == list(range(12, 50))


def test_packs_kept_in_memory_stay_whole(storage, monkeypatch):
    device_id = new_device(storage, [single(1, (1, 1), (2, 2))])
    cache = PackCache(storage)
    window = Window(device_id=device_id)
    assert len(read_rows(storage, cache, window, limit=9).table) == 2
    monkeypatch.setattr(storage, "packs", None)  # from here on, from memory
    gone = delete(storage, made_deletion(device_id, start_us=2, end_us=3))
    assert read_rows(storage, cache, window, limit=9).table.times.tolist() == [1]
    undo(storage, gone)
    assert read_rows(storage, cache, window, limit=9).table.times.tolist() == [1, 2]


def test_a_snapshot_knows_which_deletions_it_honours(storage):
    count = latest.SNAPSHOT_PACKS
    device_id = new_device(storage, [single(n + 1, (n, n)) for n in range(count)])
    gone = delete(storage, made_deletion(device_id, start_us=count - 1, end_us=count))
    assert LatestReader(storage).newest(device_id)["a"].value == count - 2
    assert storage.latest(device_id) is not None
    assert LatestReader(storage).newest(device_id)["a"].value == count - 2
    more = delete(storage, made_deletion(device_id, start_us=10, end_us=count))
    assert LatestReader(storage).newest(device_id)["a"].value == 9
    undo(storage, more)
    undo(storage, gone)
    assert LatestReader(storage).newest(device_id)["a"].value == count - 1


def test_after_a_deletion_only_packs_near_it_are_opened(storage, monkeypatch):
    packs = [single(n + 1, (n * 1_000_000, n)) for n in range(300)]
    device_id = new_device(storage, [*packs, single(1, (0, 1), origin=ORIGINS[1], field="once")])
    reader = LatestReader(storage)
    assert reader.newest(device_id)["a"].value == 299
    opened = []

    def counting(stored):
        opened.append(stored.arrival)
        return decode_table(stored)

    monkeypatch.setattr(span_tables, "decode_table", counting)
    gone = delete(storage, made_deletion(device_id, start_us=250_000_000, end_us=10**9))
    assert reader.newest(device_id)["a"].value == 249
    assert len(opened) == 1  # those that are covered stay closed
    undo(storage, gone)
    assert reader.newest(device_id)["a"].value == 299
    assert len(opened) < 60


def test_charts_leave_out_what_was_deleted(storage):
    commits = [Commit(n + 1, n * 1000, (("a", n), ("door", n % 2 == 0))) for n in range(100)]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    reader = Reader(storage)
    fields = {"a": frozenset({Kind.INT}), "door": frozenset({Kind.BOOL})}
    query = SeriesQuery(device_id=device_id, fields=fields, start_us=0, end_us=100_000, points=1_000)
    gone = delete(storage, made_deletion(device_id, fields=("a",), start_us=10_000, end_us=90_000))
    found = reader.series(query).fields["a"].numbers
    assert found.times.tolist() == [n * 1000 for n in range(100) if not 10 <= n < 90]
    few = replace(query, points=10)
    assert sum(reader.series(few).fields["a"].numbers.counts) == 20
    assert reader.series(query).commits == 100  # the other field is still there
    undo(storage, gone)
    assert sum(reader.series(few).fields["a"].numbers.counts) == 100
