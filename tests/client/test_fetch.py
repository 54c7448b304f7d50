from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.conftest import MakeApi
from tests.client.networks import Reply, Request, http, json_reply, listening, replying, scripted, url_of
from tests.servers import RunningServer

from nikdev_iot import Api, GetException, ValueRefused
from nikdev_iot.client.fetch import fetch_history
from nikdev_iot.client.transport import Transport
from nikdev_iot.model.values import Value
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.headers import PAGE_TYPE
from nikdev_iot.wire.limits import DEFAULT_LIMITS
from nikdev_iot.wire.page import Page, encode_page

T0 = 1_795_000_000


def commit(api: Api, rows: list[tuple[float, dict[str, Value]]]) -> None:
    for time_s, row in rows:
        for field_id, value in row.items():
            api.add_value(field_id, value)
        api.commit(time=time_s)


def test_kinds_equal_times_and_order(api: Api) -> None:
    commit(
        api,
        [
            (T0 + 2, {"a": 3, "only late": "x"}),
            (T0, {"a": 21}),
            (T0, {"a": 21.0, "b": False}),  # the same time: two commits are two readings
            (T0, {"a": True}),
            (T0 + 1, {"a": "text", "b": True}),
        ],
    )
    api.push()
    history = api.fetch()
    assert sorted(history) == ["a", "b", "only late"]
    us = [time_s * 1_000_000 for time_s in (T0, T0, T0, T0 + 1, T0 + 2)]
    assert history["a"].times_us == us
    assert [(value, type(value)) for value in history["a"].values] == [
        (21, int),
        (21.0, float),
        (True, bool),
        ("text", str),
        (3, int),
    ]
    assert list(history["b"]) == [(us[0], False), (us[3], True)]
    assert list(history["only late"]) == [(us[4], "x")]


def test_fields_and_ranges(api: Api) -> None:
    commit(api, [(T0 + number, {"a": number, "b": -number}) for number in range(10)])
    api.push()
    start, end = datetime.fromtimestamp(T0 + 3, UTC), datetime.fromtimestamp(T0 + 6, UTC)
    ranges: list[tuple[Any, Any]] = [(start, end), (start.isoformat(), end.isoformat()), (T0 + 3, T0 + 6.0)]
    for low, high in ranges:
        history = api.fetch(["b"], start=low, end=high)
        assert list(history) == ["b"]
        assert history["b"].values == [-3, -4, -5]
    assert api.fetch("a", start=T0 + 8)["a"].values == [8, 9]
    assert api.fetch("a,b", end=T0 + 1)["b"].values == [0]
    assert list(api.fetch(["b", "a"])) == ["b", "a"]
    assert api.fetch("a", start=T0 + 100)["a"].values == []
    assert len(api.fetch([])) == 0


def test_buckets(api: Api) -> None:
    commit(api, [(T0 + number, {"a": number, "s": f"x{number}"}) for number in range(20)])
    api.push()
    first = T0 // 10 * 10 * 1_000_000
    for every in ("10s", 10, 10.0, timedelta(seconds=10)):
        history = api.fetch("a", every=every)
        assert history["a"].times_us == [first, first + 10_000_000]
        assert history["a"].values == [4.5, 14.5]
    assert api.fetch("a", every="10s", aggregate="max")["a"].values == [9, 19]
    assert api.fetch("a", every="10s", aggregate="sum")["a"].values == [45, 145]
    assert api.fetch("s", every="10s", aggregate="last")["s"].values == ["x9", "x19"]
    assert api.fetch("s", every="10s", aggregate="count")["s"].values == [10, 10]
    assert [type(value) for value in api.fetch("a", every="10s", aggregate="min")["a"].values] == [int, int]


@pytest.mark.parametrize(
    "options",
    [
        {"every": "ten"},
        {"every": "1w"},
        {"every": "10us"},
        {"every": 0},
        {"every": -5},
        {"every": True},
        {"every": ""},
        {"every": "10s", "aggregate": "median"},
        {"aggregate": "mean"},
        {"start": "yesterday"},
        {"end": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"field_ids": ["a/b"]},
    ],
)
def test_what_makes_no_sense_is_refused_here(api: Api, options: dict[str, Any]) -> None:
    with pytest.raises(ValueRefused):
        api.fetch(**options)


def test_what_the_server_refuses_is_said(api: Api) -> None:
    with pytest.raises(GetException):
        api.fetch(every="0.000001s")
    with pytest.raises(GetException) as caught:
        api.fetch(start=T0, end=T0 - 1)
    assert str(caught.value)


def test_pages_of_any_size_give_the_same(make_api: MakeApi) -> None:
    api = make_api(durability="normal")
    rows: list[tuple[float, dict[str, Value]]] = [
        (T0 + number // 3, {"a": number, **({"b": number / 2} if number % 4 else {"b": number})})
        for number in range(50)
    ]
    rows[7] = (T0, {"c": "c"})
    commit(api, rows)
    api.push()
    whole = api.fetch()
    transport = api._open_transport()
    for page_rows in (1, 2, 7, 49, 50, 51):
        seen: list[int] = []
        history = fetch_history(transport, page_rows=page_rows, progress=seen.append)
        assert seen[-1] == 50
        assert len(seen) >= 50 / page_rows
        assert {name: list(series) for name, series in history.items()} == {
            name: list(series) for name, series in whole.items()
        }


def test_the_whole_of_a_long_history(make_api: MakeApi) -> None:
    api = make_api(durability="normal")
    count = 25_000
    api._store.commits().commit_many(
        (T0 * 1_000_000 + number, {"a": number, "b": number / 3}, None) for number in range(count)
    )
    api.push()
    history = api.fetch()
    assert history["a"].values == list(range(count))
    assert history["b"].values == [number / 3 for number in range(count)]
    assert history["a"].times_us == [T0 * 1_000_000 + number for number in range(count)]


values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(max_size=9),
).filter(lambda value: not isinstance(value, str) or value.isprintable())


@pytest.fixture(scope="module")
def fresh(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made: list[Api] = []

    def make() -> Api:
        who = server.new_device()
        folder = tmp_path_factory.mktemp("device")
        made.append(
            Api.from_credentials(
                who.device_id, who.api_key, baseUrl=server.api_url, storagePath=folder, durability="normal"
            )
        )
        return made[-1]

    yield make
    for api in made:
        api.close()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.dictionaries(st.sampled_from(["a", "b", "c d"]), values, min_size=1)),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_anything_committed_comes_back_equal(
    fresh: Any, rows: list[tuple[int, dict[str, Value]]], page_rows: int
) -> None:
    api = fresh()
    commit(api, [(T0 + second, row) for second, row in rows])
    api.push()
    history = fetch_history(api._open_transport(), page_rows=page_rows)
    ordered = sorted(rows, key=lambda row: row[0])
    for field_id in {name for _, row in rows for name in row}:
        expected = [((T0 + second) * 1_000_000, row[field_id]) for second, row in ordered if field_id in row]
        found = list(history[field_id])
        assert [(us, repr(value)) for us, value in found] == [(us, repr(value)) for us, value in expected]


# -- answers that are none ---------------------------------------------------------------------------------


def asking(port: int) -> GetException:
    transport = Transport(base_url=url_of(port), timeout_s=2)
    with pytest.raises(GetException) as caught:
        fetch_history(transport)
    transport.close()
    return caught.value


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (http("200 OK", "<html>", "Content-Type: text/html"), "a web page"),
        (http("200 OK", "{}", "Content-Type: application/json"), "not as a NikDev server"),
        (http("200 OK", b"\xff\xff", f"Content-Type: {PAGE_TYPE}"), "no page of history"),
        (http("200 OK", b"", f"Content-Type: {PAGE_TYPE}"), "no page of history"),
        (http("200 OK", b"\xa1", f"Content-Type: {PAGE_TYPE}", length=500), "ended before"),
    ],
)
def test_an_answer_that_is_no_page(raw: bytes, says: str) -> None:
    with listening(replying(raw)) as port:
        assert says in str(asking(port))


def test_a_server_that_goes_in_circles() -> None:
    body = encode_page(Page(array("q", [1]), (), "again"))

    def answer(_: Request) -> Reply:
        return 200, {"content-type": PAGE_TYPE}, body

    with scripted(answer) as port:
        assert "the same page again" in str(asking(port))


@pytest.mark.parametrize(("row_count", "field_count", "text"), [(10_000, 101, "x"), (600, 1, "é" * 32_000)])
def test_a_page_may_hold_more_than_a_pack(row_count: int, field_count: int, text: str) -> None:
    columns = tuple(Column(f"f{number}", None, [text] * row_count) for number in range(field_count))
    body = encode_page(Page(array("q", range(row_count)), columns))
    assert len(body) > DEFAULT_LIMITS.content_bytes or row_count * field_count > DEFAULT_LIMITS.items
    with scripted(lambda _: (200, {"content-type": PAGE_TYPE}, body)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=30)
        history = fetch_history(transport)
        transport.close()
    assert len(history) == field_count
    assert history["f0"].values == [text] * row_count


@pytest.mark.parametrize(
    ("head", "many", "says"),
    [
        (b"", b"\x9a\x00\x01\x00\x01" + b"\x80" * 65_537, "the limit is 65536"),
        (b"\x81\x83\x61a\xf6", b"\x9a\x00\x3d\x09\x01" + b"\x60" * 4_000_001, "the limit is 4000000"),
    ],
    ids=["columns", "texts"],
)
def test_a_page_that_takes_for_ever_to_read_is_not_read(head: bytes, many: bytes, says: str) -> None:
    body = b"\xa5\x61v\x01\x65count\x00\x65times\xd8\x4f\x40\x67columns" + head + many
    with scripted(lambda _: (200, {"content-type": PAGE_TYPE}, body)) as port:
        assert says in str(asking(port))


def test_a_server_that_knows_no_history() -> None:
    with scripted(lambda _: json_reply(404, {"message": "nothing here"})) as port:
        error = asking(port)
    assert error.status == 404
    assert "nothing here" in str(error)
