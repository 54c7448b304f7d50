from __future__ import annotations

import pytest
from tests.server.query.made import ORIGINS, new_device, rows_of_table

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.values import Kind
from nikdev_iot.server.measures.slow import SlowQueries
from nikdev_iot.server.query import reader
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.history import Window
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import SeriesQuery
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits


def device(storage):
    commits = [Commit(n + 1, n, (("a", n), ("b", -n))) for n in range(100)]
    return new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])


def test_one_door_to_rows_buckets_and_latest_values(storage):
    device_id = device(storage)
    door = Reader(storage)
    assert [row.values for row in rows_of_table(door.rows(Window(device_id=device_id), limit=2).table)] == [
        {"a": 0, "b": 0},
        {"a": 1, "b": -1},
    ]
    page = door.buckets(Window(device_id=device_id), every_us=50, aggregates=[Aggregate.MAX], limit=10, field_count=2)
    assert list(page.fields["a"].values[Aggregate.MAX]) == [49, 99]
    assert door.newest(device_id)["b"].value == -99


def test_very_many_fields_make_pages_of_buckets_shorter(storage, monkeypatch):
    monkeypatch.setattr(reader, "_MAX_BUCKET_VALUES", 40)
    window = Window(device_id=device(storage))
    aggregates = [Aggregate.MIN, Aggregate.MAX]
    page = Reader(storage).buckets(window, every_us=1, aggregates=aggregates, limit=100, field_count=2)
    assert page.fields["a"].starts.tolist() == list(range(10))
    assert page.next is not None
    page = Reader(storage).buckets(window, every_us=1, aggregates=aggregates, limit=100, field_count=1000)
    assert page.fields["a"].starts.tolist() == [0]


def test_what_takes_long_is_remembered_by_what_it_was(storage):
    device_id = device(storage)
    seconds = iter(range(100))
    slow = SlowQueries(monotonic_s=lambda: next(seconds))
    door = Reader(storage, slow=slow)
    window = Window(device_id=device_id)
    door.newest(device_id)
    door.rows(window, limit=2)
    door.buckets(window, every_us=50, aggregates=[Aggregate.MAX], limit=10, field_count=2)
    for span_us in (5_000_000, 90_000_000, 7_200_000_000, 31_536_000_000_000):
        door.series(SeriesQuery(device_id=device_id, fields={}, start_us=0, end_us=span_us, points=10))
    found = slow.slowest()
    assert {one.device_id for one in found} == {device_id}
    assert {one.what for one in found} == {
        "latest values",
        "a page of history",
        "a page of aggregates",
        "a chart of 5 s",
        "a chart of 1 min",
        "a chart of 2 h",
        "a chart of 365 d",
    }


@pytest.mark.parametrize(
    ("start_us", "end_us", "said"),
    [
        (0, 20_779 * 86_400_000_000, "a chart of all there is"),
        (1, 1 + 3 * 31_557_600_000_000, "a chart of 3 y"),
        (10**15, 10**15 + 365 * 86_400_000_000, "a chart of 365 d"),
        (10**15, 10**15 + 90_000_000, "a chart of 1 min"),
        (0, 90, "a chart of 9e-05 s"),
    ],
)
def test_a_slow_chart_is_named_by_its_length(storage, start_us, end_us, said):
    times = iter([0.0, 5.0, 5.0])
    slow = SlowQueries(monotonic_s=lambda: next(times))
    query = SeriesQuery(
        device_id=device(storage), fields={"a": frozenset({Kind.INT})}, start_us=start_us, end_us=end_us, points=10
    )
    Reader(storage, slow=slow).series(query)
    assert [found.what for found in slow.slowest()] == [said]
