from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import FIELDS, ORIGINS, exact, new_device, pack_lists, put, real, rows_of_packs

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.times import MIN_TIME_US
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query import buckets as buckets_module
from nikdev_iot.server.query.aggregates import Aggregate, summarize
from nikdev_iot.server.query.buckets import read_buckets
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.query.finish import Series
from nikdev_iot.server.query.history import Window
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits

ALL = tuple(Aggregate)


def listed(series: Series) -> dict[int, dict[str, Any]]:
    lists = {name: v if isinstance(v, list) else v.tolist() for name, v in series.values.items()}
    return {
        start: {name: values[row] for name, values in lists.items()} for row, start in enumerate(series.starts.tolist())
    }


def pages(storage, window, **options):
    """Read page by page; yields {field: {start: {aggregate: value}}}."""
    cache = PackCache(storage)
    cursor = window.after
    while True:
        asked = Window(
            device_id=window.device_id,
            fields=window.fields,
            start_us=window.start_us,
            end_us=window.end_us,
            after=cursor,
        )
        page = read_buckets(storage, cache, asked, **options)
        yield {field_id: listed(series) for field_id, series in page.fields.items()}
        if page.next is None:
            return
        assert cursor is None or page.next > cursor
        cursor = Cursor.from_text(page.next.to_text())


def reference(rows, *, fields, start_us, end_us, every_us):
    """{field: {start: values in order}}."""
    found: dict[str, dict[int, list[Any]]] = {}
    for row in rows:
        if start_us <= row.time_us < end_us:
            for name, value in row.values.items():
                if name in fields:
                    start = row.time_us // every_us * every_us
                    found.setdefault(name, {}).setdefault(start, []).append(value)
    return found


def chosen(values: list[Any], choose: Any) -> Any:
    """The least or greatest; of equals, a float before an int before a bool."""
    found = choose(values)
    return next(v for kind in (float, int, bool) for v in values if type(v) is kind and v == found)


def is_finite_sum(values: list[Any]) -> bool:
    return abs(sum(map(Fraction, values), Fraction(0))) < Fraction(2) ** 1023


def check_bucket(found: dict[str, Any], values: list[Any]) -> None:
    numbers = [value for value in values if not isinstance(value, str)]
    assert found["count"] == len(values)
    assert exact(found["first"]) == exact(values[0])
    assert exact(found["last"]) == exact(values[-1])
    if not numbers:
        assert [found[name] for name in ("mean", "min", "max") if name in found] == [None] * 3
        assert found.get("sum") is None
        return
    for name, choose in (("min", min), ("max", max)):
        expected = chosen(numbers, choose)
        assert found[name] == expected
        assert type(found[name]) is type(expected)
    total = sum(map(Fraction, numbers), Fraction(0))
    size = sum((abs(Fraction(number)) for number in numbers), Fraction(0))
    assert type(found["mean"]) is float
    if not any(type(number) is float for number in numbers):
        assert found["mean"] == float(total / len(numbers))
        if "sum" in found:
            assert (type(found["sum"]), found["sum"]) == (int, int(total))
        return
    # 5e-324: scaled down, so small a number is lost beside one of 1e270 and more.
    slack = size * Fraction(1e-12) + Fraction(5e-324) * len(numbers)
    assert abs(Fraction(found["mean"]) * len(numbers) - total) <= slack
    if "sum" in found:
        assert type(found["sum"]) is float
        assert abs(Fraction(found["sum"]) - total) <= size * Fraction(1e-12)


@settings(max_examples=150, deadline=None)
@given(
    pack_lists(),
    st.just((-(10**7), 10**7)) | st.tuples(st.integers(-6, 14), st.integers(-6, 14)).map(lambda p: (min(p), max(p))),
    st.sets(st.sampled_from(FIELDS), min_size=1),
    st.sampled_from([1, 3, 5, 1000]),
    st.integers(1, 6),
    st.sampled_from([0, 1, 60, 10**9]),
)
def test_buckets_hold_what_python_would_find(storage, packs, bound, fields, every_us, limit, scan_rows):
    device_id = new_device(storage, packs)
    window = Window(device_id=device_id, fields=frozenset(fields), start_us=bound[0], end_us=bound[1])
    expected = reference(rows_of_packs(packs), fields=fields, start_us=bound[0], end_us=bound[1], every_us=every_us)
    has_sums = all(
        is_finite_sum([value for value in values if not isinstance(value, str)])
        for buckets in expected.values()
        for values in buckets.values()
    )
    aggregates = ALL if has_sums else tuple(a for a in ALL if a is not Aggregate.SUM)
    found: dict[str, dict[int, dict[str, Any]]] = {}
    behind = -(10**9)
    for page in pages(storage, window, every_us=every_us, aggregates=aggregates, limit=limit, scan_rows=scan_rows):
        starts = sorted({start for buckets in page.values() for start in buckets})
        assert len(starts) <= limit
        assert not starts or starts[0] > behind
        behind = starts[-1] if starts else behind
        for field_id, buckets in page.items():
            assert list(buckets) == sorted(buckets)
            found.setdefault(field_id, {}).update(buckets)
    assert {name: list(buckets) for name, buckets in found.items()} == {
        name: sorted(buckets) for name, buckets in expected.items()
    }
    for field_id, buckets in expected.items():
        for start, values in buckets.items():
            check_bucket(found[field_id][start], values)


def one_page(storage, values, *, every_us=1000, aggregates=ALL):
    commits = [Commit(n + 1, n, (("a", value),)) for n, value in enumerate(values)]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    (page,) = pages(storage, Window(device_id=device_id), every_us=every_us, aggregates=aggregates, limit=100)
    return page["a"]


def test_the_sum_of_ints_is_exact_beyond_64_bits(storage):
    assert one_page(storage, [2**63 - 1] * 3, aggregates=(Aggregate.SUM,)) == {0: {"sum": 3 * (2**63 - 1)}}


def test_the_mean_of_ints_is_rounded_once(storage):
    values = [2**53 + 1, 2**53 + 1, 2**53 + 3]
    assert one_page(storage, values, aggregates=(Aggregate.MEAN,)) == {0: {"mean": float(Fraction(sum(values), 3))}}


def test_a_mean_does_not_overflow_where_its_values_do_not(storage):
    assert one_page(storage, [1.7e308] * 5, aggregates=(Aggregate.MEAN,)) == {0: {"mean": pytest.approx(1.7e308)}}
    highest = 1.7976931348623157e308
    assert one_page(storage, [highest] * 7, aggregates=(Aggregate.MEAN,))[0]["mean"] <= highest
    assert one_page(storage, [highest, highest, 1, True], aggregates=(Aggregate.MEAN,))[0]["mean"] == pytest.approx(
        highest / 2
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(real, min_size=1, max_size=5))
def test_a_sum_beyond_the_range_of_floats_is_refused_by_name(storage, values):
    if abs(sum(map(Fraction, values), Fraction(0))) > Fraction(1.7976931348623157e308):
        with pytest.raises(Invalid, match="aggregate: the sum of 'a' in the bucket 1970-01-01T00:00:00Z"):
            one_page(storage, values)
    elif is_finite_sum(values):
        check_bucket(one_page(storage, values)[0], values)


def test_bools_count_as_0_and_1_and_stay_bools_where_one_is_chosen(storage):
    (found,) = one_page(storage, [True, False, True, True]).values()
    assert found == {"mean": 0.75, "min": False, "max": True, "sum": 3, "count": 4, "first": True, "last": True}
    assert [type(found[name]) for name in ("min", "max", "sum", "first")] == [bool, bool, int, bool]


def test_texts_are_counted_and_come_first_and_last(storage):
    (found,) = one_page(storage, ["b", 4, "a"]).values()
    assert found == {"mean": 4.0, "min": 4, "max": 4, "sum": 4, "count": 3, "first": "b", "last": "a"}
    assert type(found["min"]) is int
    (found,) = one_page(storage, ["b", "a"]).values()
    assert found == {"mean": None, "min": None, "max": None, "sum": None, "count": 2, "first": "b", "last": "a"}


def test_buckets_are_aligned_to_the_epoch_and_cut_by_the_window(storage):
    commits = [Commit(n + 1, n * 10 - 50, (("a", n),)) for n in range(10)]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    window = Window(device_id=device_id, start_us=-45, end_us=31)
    (page,) = pages(storage, window, every_us=30, aggregates=(Aggregate.COUNT,), limit=9)
    assert page["a"] == {-60: {"count": 1}, -30: {"count": 3}, 0: {"count": 3}, 30: {"count": 1}}


def test_a_bucket_that_would_begin_before_the_year_1_begins_with_it(storage):
    commits = [Commit(1, MIN_TIME_US + 5, (("a", 1),))]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    (page,) = pages(storage, Window(device_id=device_id), every_us=10**15, aggregates=(Aggregate.SUM,), limit=1)
    assert page == {"a": {MIN_TIME_US: {"sum": 1}}}


def test_a_page_of_buckets_stops_opening_packs_when_it_is_full(storage):
    device_id = new_device(storage)
    packs = [pack_from_commits(ORIGINS[0], [Commit(p + 1, p * 100, (("a", p),))], parent=NO_PACK) for p in range(500)]
    put(storage, device_id, packs)
    opened = []

    class Counting(PackCache):
        def tables(self, device_id, spans, *, fields=None):
            for table in super().tables(device_id, spans, fields=fields):
                opened.append(table)
                yield table

    window = Window(device_id=device_id)
    page = read_buckets(storage, Counting(storage), window, every_us=100, aggregates=(Aggregate.MEAN,), limit=10)
    assert page.fields["a"].starts.tolist() == list(range(0, 1000, 100))
    assert page.next == Cursor(1000)
    assert len(opened) == 10


def test_a_bucket_pushed_out_by_the_last_pack_begins_the_next_page(storage):
    packs = [
        pack_from_commits(
            ORIGINS[0], [Commit(n, at, (("a", n),)) for n, at in ((1, -3), (2, -1), (3, 0))], parent=NO_PACK
        ),
        pack_from_commits(ORIGINS[1], [Commit(1, -2, (("a", 4),))], parent=NO_PACK),
        pack_from_commits(ORIGINS[1], [Commit(2, 1, (("a", 5),))], parent=NO_PACK),
    ]
    window = Window(device_id=new_device(storage, packs))
    found = list(pages(storage, window, every_us=1, aggregates=(Aggregate.LAST,), limit=2))
    assert [list(page["a"]) for page in found] == [[-3, -2], [-1, 0], [1]]


def test_no_more_is_summed_up_than_a_page_can_hold(storage, monkeypatch):
    device_id = new_device(storage)
    commits = [Commit(n + 1, n, (("a", n),)) for n in range(1_000)]
    put(storage, device_id, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    summed = []

    def watched(part, *args):
        summed.append(len(part))
        return summarize(part, *args)

    monkeypatch.setattr(buckets_module, "summarize", watched)
    window = Window(device_id=device_id)
    page = read_buckets(storage, PackCache(storage), window, every_us=2, aggregates=(Aggregate.SUM,), limit=5)
    assert list(page.fields["a"].values[Aggregate.SUM]) == [1, 5, 9, 13, 17]
    assert page.next == Cursor(10)
    assert summed == [10]


@pytest.mark.parametrize("size", [1_000, 60_000])
def test_a_page_of_buckets_ends_where_its_texts_are_too_many(storage, monkeypatch, size):
    monkeypatch.setattr(buckets_module, "PAGE_BYTES", 250_000)
    device_id = new_device(storage)
    commits = [Commit(n + 1, n, (("t", f"{n:{size}}"), ("a", n))) for n in range(9)]
    put(storage, device_id, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    options = {"every_us": 1, "aggregates": (Aggregate.LAST, Aggregate.COUNT), "limit": 100}
    found = list(pages(storage, Window(device_id=device_id), **options))
    assert [len(page["t"]) for page in found] == ([9] if size == 1_000 else [4, 4, 1])
    values = [value[Aggregate.LAST] for page in found for value in page["t"].values()]
    assert [int(value) for value in values] == list(range(9))
    assert [start for page in found for start in page["a"]] == list(range(9))
