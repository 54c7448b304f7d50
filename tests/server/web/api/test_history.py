from __future__ import annotations

import asyncio
import csv
import io
import threading
import time
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nikdev_iot.server.query.reader import Reader
from nikdev_iot.wire.columns import rows_of
from nikdev_iot.wire.headers import CSV_TYPE, JSON_TYPE, PAGE_TYPE
from nikdev_iot.wire.page import decode_page

S = 1_000_000
T0 = 1_700_000_040 * S  # a whole minute


@pytest.fixture(scope="module")
def device(site):
    """A device whose minutes hold two commits each, two of them at one time."""
    account = site.new_account()
    headers = site.new_key(site.new_device(account))
    rows = [(T0 + n // 2 * 60 * S, {"temperature": 20 + n, "door": n % 3 == 0}) for n in range(20)]
    rows.append((T0 + 30 * 60 * S, {"temperature": 21.0, "note": 'say "hi"'}))
    site.push(headers, rows[:9])
    site.push(headers, rows[9:])
    return headers, rows, site.new_session(account)


def test_rows_as_json_with_exact_kinds(site, device):
    headers, rows, _ = device
    answer = site.get("/api/v1/history", headers)
    assert answer.headers["content-type"] == JSON_TYPE
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "accept"
    body = answer.json
    assert body["next"] is None
    temperature = body["fields"]["temperature"]
    assert temperature["times_us"] == [at for at, _ in rows]
    assert list(map(repr, temperature["values"])) == [repr(values["temperature"]) for _, values in rows]
    assert body["fields"]["door"]["values"] == [n % 3 == 0 for n in range(20)]
    assert body["fields"]["note"] == {"times_us": [T0 + 30 * 60 * S], "values": ['say "hi"']}


def test_a_window_of_some_fields(site, device):
    headers, _, _ = device
    path = f"/api/v1/history?fields=door&start=2023-11-14T22:15:00Z&end_us={T0 + 120 * S}"
    assert site.get(path, headers).json == {
        "fields": {"door": {"times_us": [T0 + 60 * S, T0 + 60 * S], "values": [False, True]}},
        "next": None,
    }


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_pages_put_together_are_the_whole(site, device, limit):
    headers, rows, _ = device
    found, path = [], f"/api/v1/history?format=page&limit={limit}"
    cursor = None
    while True:
        answer = site.get(path + (f"&cursor={cursor}" if cursor else ""), headers)
        assert answer.headers["content-type"] == PAGE_TYPE
        page = decode_page(answer.body)
        found += list(zip(page.times, map(dict, rows_of(page.columns, len(page.times))), strict=True))
        cursor = page.next
        if cursor is None:
            break
    assert found == rows


def test_csv_holds_everything(site, device):
    headers, rows, _ = device
    answer = site.get("/api/v1/history?fields=temperature,door,note", {**headers, "accept": "text/csv"})
    assert answer.headers["content-type"] == CSV_TYPE
    assert "content-length" not in answer.headers
    header, *lines = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    assert header == ["time", "temperature", "door", "note"]
    assert lines[0] == ["2023-11-14T22:14:00.000000Z", "20", "true", ""]
    assert lines[-1] == ["2023-11-14T22:44:00.000000Z", "21.0", "", 'say "hi"']
    assert len(lines) == len(rows)


def test_buckets(site, device):
    headers, _, _ = device
    answer = site.get("/api/v1/history?fields=temperature&every=10m&aggregate=mean,count,last", headers)
    starts = [T0 - 240 * S, T0 + 360 * S, T0 + 1560 * S]  # aligned to the epoch, and the empty one is absent
    assert answer.json == {
        "fields": {
            "temperature": {
                "times_us": starts,
                "mean": [25.5, 35.5, 21.0],
                "count": [12, 8, 1],
                "last": [31, 39, 21.0],
            }
        },
        "next": None,
    }
    page = decode_page(site.get("/api/v1/history?fields=temperature&every=10m&aggregate=max&format=page", headers).body)
    assert page.times.tolist() == starts
    assert [dict(row) for row in rows_of(page.columns, 3)] == [
        {"temperature": 31},
        {"temperature": 39},
        {"temperature": 21.0},
    ]
    text = site.get("/api/v1/history?fields=temperature&every=1d&format=csv", headers).body.decode()
    assert text == "time,temperature\r\n2023-11-14T00:00:00.000000Z,29.095238095238095\r\n"


def test_a_page_of_buckets_goes_on(site, device):
    headers, _, _ = device
    first = site.get("/api/v1/history?fields=temperature&every=1m&limit=4", headers).json
    rest = site.get(f"/api/v1/history?fields=temperature&every=1m&cursor={first['next']}", headers).json
    times = first["fields"]["temperature"]["times_us"] + rest["fields"]["temperature"]["times_us"]
    assert times == [T0 + n * 60 * S for n in [*range(10), 30]]
    assert rest["next"] is None


def test_a_field_that_is_not_there_is_named_with_those_that_are(site, device):
    headers, _, _ = device
    answer = site.get("/api/v1/history?fields=temperature,humidity", headers)
    assert answer.status == 404
    assert answer.message == "The device has no field humidity. Did you mean door, note, temperature?"


def test_a_signed_in_person_reads_the_same(site, device):
    headers, _, session = device
    path = f"/api/v1/devices/{headers['x-device-id']}/history?every=5m&aggregate=sum,first"
    own = site.get("/api/v1/history?every=5m&aggregate=sum,first", headers)
    assert site.get(path, session).body == own.body


def test_a_bad_parameter_is_422_and_named(site, device):
    headers, _, session = device
    for query, name in (("limit=x", "limit"), ("every=x", "every"), ("start=x", "start"), ("cursor=x", "cursor")):
        answer = site.get(f"/api/v1/history?{query}", headers)
        assert answer.status == 422
        assert answer.message.startswith(f"{name}: ")
        assert site.get(f"/api/v1/devices/{headers['x-device-id']}/history?{query}", session).status == 422


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["fields", "start", "end", "start_us", "end_us", "every", "aggregate", "limit", "cursor", "format", "x"]
            ),
            st.sampled_from(["temperature", "5m", "1", "csv", "page", "mean,sum", "2023-11-14T22:15:00Z", "-5", "%00"])
            | st.text("%0123456789abcdef+ ,:.-TZ\u00e9", max_size=12),
        ),
        max_size=5,
    )
)
def test_no_query_is_a_fault_of_the_server(site, device, pairs):
    headers, _, _ = device
    query = "&".join(f"{name}={value.encode('ascii', 'ignore').decode()}" for name, value in pairs)
    assert site.get(f"/api/v1/history?{query}", headers).status in {200, 404, 422}


def test_so_many_histories_are_read_at_once_and_no_more(site, device, monkeypatch):
    headers, _, _ = device
    other = site.new_key(site.new_device())
    site.push(other, [(T0, {"a": 1})])
    reading: list[uuid.UUID] = []
    most: dict[str, int] = {"all": 0, "one": 0}
    lock, rows = threading.Lock(), Reader.rows

    def watched(self, window, **options):
        with lock:
            reading.append(window.device_id)
            most["all"] = max(most["all"], len(reading))
            most["one"] = max(most["one"], reading.count(uuid.UUID(headers["x-device-id"])))
        time.sleep(0.02)
        with lock:
            reading.remove(window.device_id)
        return rows(self, window, **options)

    monkeypatch.setattr(Reader, "rows", watched)

    async def ask():
        return await asyncio.gather(*[exchange(site, who) for who in [headers] * 12 + [other] * 2])

    assert [status for status, _ in site.loop.run_until_complete(ask())] == [200] * 14
    assert most["one"] == 2
    assert 2 <= most["all"] <= 4


def test_answers_that_nobody_reads_are_held_in_small_numbers(site, device):
    headers, rows, _ = device

    async def ask():
        reads = asyncio.Event()
        stuck = [asyncio.create_task(exchange(site, headers, reads, query="format=csv")) for _ in range(8)]

        def begun():
            return sum(bool(task.get_coro().cr_frame.f_locals.get("messages")) for task in stuck)

        for _ in range(3_000):
            if begun() == 4:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)  # a fifth would begin meanwhile
        found = begun()
        reads.set()
        return found, await asyncio.gather(*stuck)

    begun, answers = site.loop.run_until_complete(ask())
    assert begun == 4
    assert [(status, body.count(b"\r\n")) for status, body in answers] == [(200, len(rows) + 1)] * 8


async def exchange(site, headers, reads=None, *, query=""):
    """Ask for history; the body is read once `reads` is set."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/api/v1/history",
        "raw_path": b"/api/v1/history",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8321),
        "scheme": "http",
        "root_path": "",
    }
    messages: list[Any] = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        messages.append(message)
        if reads is not None:
            await reads.wait()

    await site.app(scope, receive, send)
    return messages[0]["status"], b"".join(message.get("body", b"") for message in messages)
