from __future__ import annotations

import uuid

import numpy as np
import pytest
from tests.server.web.pages.boards import Boards, key, make_boards, value_tile

from nikdev_iot.model.values import Kind
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import FieldBuckets, FieldRaw, FieldSeries, SeriesData
from nikdev_iot.server.web.pages import dashboard_data
from nikdev_iot.server.web.pages.dashboard_data import merged

ROOF, CELLAR = uuid.UUID(int=1), uuid.UUID(int=2)
KINDS = frozenset({Kind.INT})


@pytest.fixture
def boards(site) -> Boards:
    return make_boards(site)


def data(every_us: int, **fields: FieldRaw | FieldBuckets | None) -> SeriesData:
    made = {name: FieldSeries(KINDS, numbers, None) for name, numbers in fields.items()}
    return SeriesData(every_us=every_us, fields=made, commits=3, messages=(), gaps=())


def raw(*values: int) -> FieldRaw:
    return FieldRaw(np.arange(len(values)), list(values))


def test_fields_of_several_devices_are_told_apart():
    found = merged({ROOF: data(0, a=raw(1, 2)), CELLAR: data(0, a=raw(3))})
    assert list(found.fields) == [f"{ROOF}/a", f"{CELLAR}/a"]
    assert (found.every_us, found.commits) == (0, 6)
    assert found.fields[f"{ROOF}/a"].numbers.values == [1, 2]


def test_single_values_beside_buckets_become_buckets_of_one():
    buckets = FieldBuckets(np.array([0]), np.array([1.5]), [1], [2], [2])
    found = merged({ROOF: data(1_000, a=buckets), CELLAR: data(0, a=raw(3, 4), b=None)})
    assert found.every_us == 1_000
    assert found.fields[f"{ROOF}/a"].numbers is buckets
    single = found.fields[f"{CELLAR}/a"].numbers
    assert isinstance(single, FieldBuckets)
    assert (single.means.tolist(), single.lows, single.highs, list(single.counts)) == (
        [3.0, 4.0],
        [3, 4],
        [3, 4],
        [1, 1],
    )
    assert found.fields[f"{CELLAR}/b"].numbers is None


def test_nothing_of_nothing():
    assert merged({}).fields == {}


def test_the_answer_says_when_the_newest_of_its_fields_was(boards):
    board = boards.add(value_tile(boards.roof, "b"))
    before_us = boards.site.clock()
    boards.push(boards.roof, b=9.5)
    newest_us = boards.site.clock()
    boards.push(boards.roof, a=1.5)
    path = f"/admin/dashboards/{board.id}/series"
    answer = boards.browser.get(path)
    assert answer.json["newest_us"] == newest_us > before_us
    assert list(answer.json["fields"]) == [key(boards.roof, "b")]
    assert (answer.json["messages"], answer.json["gaps"]) == ([], [])
    squeezed = boards.browser.get(f"{path}?start_us=0", {"accept-encoding": "gzip"})
    assert squeezed.headers["vary"] == "accept-encoding"


def test_much_is_read_in_turn(boards, monkeypatch):
    monkeypatch.setattr(dashboard_data, "_AT_ONCE_ROWS", 1)
    monkeypatch.setattr(dashboard_data, "_SHORT_BYTES", 10)
    board = boards.add(value_tile(boards.roof, "a"), value_tile(boards.cellar, "a", "t2"))
    answer = boards.browser.get(f"/admin/dashboards/{board.id}/series", {"accept-encoding": "gzip"})
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")


def test_many_devices_share_what_is_read_at_once(boards, monkeypatch):
    asked, series = [], Reader.series

    def counted(reader, query, *, at_once_rows=None, **more):
        asked.append(at_once_rows)
        return series(reader, query, at_once_rows=at_once_rows, **more)

    monkeypatch.setattr(Reader, "series", counted)
    for tiles in ([value_tile(boards.roof, "a")], [value_tile(boards.roof, "a"), value_tile(boards.cellar, "a", "t2")]):
        asked.clear()
        board = boards.add(*tiles)
        assert boards.browser.get(f"/admin/dashboards/{board.id}/series").status == 200
        assert (len(asked), sum(asked)) == (len(tiles), 200_000)
