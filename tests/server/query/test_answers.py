from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from tests.server.query.made import FIELDS, ORIGINS, exact, new_device, pack_lists, rows_of_packs

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.answers import buckets_json, buckets_page, rows_json, rows_page
from nikdev_iot.server.query.buckets import BucketsPage, read_buckets
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.query.history import RowsPage, Window, read_rows
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.server.query.table import empty_table
from nikdev_iot.wire.columns import rows_of
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits
from nikdev_iot.wire.page import decode_page


def json_of(chunks):
    return json.loads(b"".join(chunks))


@settings(max_examples=60, deadline=None)
@given(pack_lists())
def test_rows_are_the_same_as_json_and_as_a_page(storage, packs):
    device_id = new_device(storage, packs)
    page = read_rows(storage, PackCache(storage), Window(device_id=device_id), limit=1000)
    rows = rows_of_packs(packs)

    columnar = decode_page(rows_page(page))
    assert columnar.next is None
    assert columnar.times.tolist() == [row.time_us for row in rows]
    assert [sorted((name, exact(value)) for name, value in row) for row in rows_of(columnar.columns, len(rows))] == [
        row.exact()[3] for row in rows
    ]

    body = json_of(rows_json(page, [*FIELDS, "silent"]))
    assert body["next"] is None
    assert list(body["fields"]) == [*FIELDS, "silent"]
    for field_id, series in body["fields"].items():
        expected = [(row.time_us, exact(row.values[field_id])) for row in rows if field_id in row.values]
        assert list(zip(series["times_us"], map(exact, series["values"]), strict=True)) == expected


@settings(max_examples=60, deadline=None)
@given(pack_lists())
def test_buckets_are_the_same_as_json_and_as_pages(storage, packs):
    device_id = new_device(storage, packs)
    aggregates = tuple(a for a in Aggregate if a is not Aggregate.SUM)
    window = Window(device_id=device_id)
    page = read_buckets(storage, PackCache(storage), window, every_us=5, aggregates=aggregates, limit=1000)
    body = json_of(buckets_json(page, FIELDS, aggregates))["fields"]
    assert list(body) == list(FIELDS)
    for aggregate in aggregates:
        columnar = decode_page(buckets_page(page, aggregate))
        assert columnar.times.tolist() == sorted(set(columnar.times))
        found: dict = {field_id: {} for field_id in FIELDS}
        for start, row in zip(columnar.times, rows_of(columnar.columns, len(columnar.times)), strict=True):
            for field_id, value in row:
                found[field_id][start] = exact(value)
        for field_id, series in body.items():
            pairs = zip(series["times_us"], series[aggregate], strict=True)
            assert found[field_id] == {start: exact(value) for start, value in pairs if value is not None}


def test_json_comes_in_chunks_however_long_it_is(storage):
    rows = [(("a", n), ("t", "x" * 3_000), ("b", True if n % 2 else "no")) for n in range(400)]
    commits = [Commit(n + 1, n, row) for n, row in enumerate(rows)]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    page = read_rows(storage, PackCache(storage), Window(device_id=device_id), limit=1000)
    chunks = list(rows_json(page, ["a", "t"]))
    assert len(chunks) > 3
    assert max(map(len, chunks)) < 600_000
    body = json_of(chunks)["fields"]
    assert body["a"]["values"] == list(range(400))
    assert body["t"] == {"times_us": list(range(400)), "values": ["x" * 3_000] * 400}
    assert body["b"]["values"] == ["no", True] * 200


def test_a_page_without_rows_is_a_page():
    following = Cursor(5)
    page = RowsPage(empty_table(), following)
    assert decode_page(rows_page(page)).next == following.to_text()
    assert json_of(rows_json(page, ["a"])) == {
        "fields": {"a": {"times_us": [], "values": []}},
        "next": following.to_text(),
    }
    assert len(decode_page(buckets_page(BucketsPage({}, None), Aggregate.MEAN)).times) == 0
    assert json_of(buckets_json(BucketsPage({}, None), ["a"], [Aggregate.MEAN])) == {
        "fields": {"a": {"times_us": [], "mean": []}},
        "next": None,
    }


@pytest.mark.parametrize("others", [[], ["text"]])
def test_a_sum_beyond_64_bits_is_exact_in_json_and_refused_in_a_page(storage, others):
    values = [2**63 - 1, 2**63 - 1, *others]
    commits = [Commit(n + 1, n, (("a", value),)) for n, value in enumerate(values)]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    window = Window(device_id=device_id)
    page = read_buckets(storage, PackCache(storage), window, every_us=60, aggregates=(Aggregate.SUM,), limit=9)
    assert json_of(buckets_json(page, ["a"], (Aggregate.SUM,)))["fields"]["a"]["sum"] == [2**64 - 2]
    with pytest.raises(Invalid, match="'a' in the bucket 1970-01-01T00:00:00Z is beyond 64 bits"):
        buckets_page(page, Aggregate.SUM)
