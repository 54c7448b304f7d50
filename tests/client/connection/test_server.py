from __future__ import annotations

import time
from typing import Any

import pytest
from tests.client.conftest import MakeApi
from tests.client.connection.fronts import TLS, step, tls_front
from tests.client.networks import http, json_reply, listening, replying, scripted, url_of
from tests.servers import RunningServer

from nikdev_iot import ConnectionReport
from nikdev_iot.client.connection import Cause, State, Step, examine, server

ABOUT = {"name": "nikdev-iot", "version": "9"}


def failure(report: ConnectionReport, cause: Cause) -> Step:
    found = step(report, "server")
    assert (found.state, found.cause) == (State.FAILED, cause), str(report)
    assert step(report, "device").found == "not tried, because of 'server'"
    return found


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (http("200 OK", "<html><title>Router</title>", "Content-Type: text/html"), "a web page (HTML, 'Router')"),
        (http("200 OK", '{"name": "something else"}', "Content-Type: application/json"), "not a NikDev server's"),
        (http("200 OK", "[]", "Content-Type: application/json"), "not a NikDev server's"),
        (http("404 Not Found", '{"detail": "Not Found"}'), "HTTP 404"),
        (http("511 Network Authentication Required", "<html>sign in"), "a web page"),
    ],
)
def test_something_else_answers(make_api: MakeApi, raw: bytes, said: str) -> None:
    with listening(replying(raw)) as port:
        found = failure(make_api(baseUrl=url_of(port)).test_connection(), Cause.ANSWER)
    assert said in found.found
    assert "'baseUrl'" in found.todo
    assert "sign-in page" in found.todo


@pytest.mark.parametrize("path", ["admin/", "elsewhere", "api/", "api/v1/entries", "admin/login", "iot/api/v1"])
def test_a_wrong_path(server: RunningServer, make_api: MakeApi, path: str) -> None:
    found = failure(make_api(baseUrl=f"{server.url}/{path}").test_connection(), Cause.ANSWER)
    assert f"but there is one at {server.api_url}" in found.found
    assert found.todo == f"Set 'baseUrl' to {server.api_url}"


def test_a_server_under_a_path_of_a_proxy(make_api: MakeApi) -> None:
    def answer(request: Any) -> Any:
        return json_reply(200, ABOUT) if request.path == "/iot/api/v1/" else (404, {}, b"")

    with scripted(answer) as port:
        for path in ("iot", "iot/api/v1/values"):
            found = failure(make_api(baseUrl=f"http://127.0.0.1:{port}/{path}").test_connection(), Cause.ANSWER)
            assert found.todo == f"Set 'baseUrl' to http://127.0.0.1:{port}/iot/api/v1/"


def test_a_server_that_redirects_to_https(make_api: MakeApi) -> None:
    place = "https://127.0.0.1/api/v1/"
    with listening(replying(http("301 Moved Permanently", "", f"Location: {place}"))) as port:
        found = failure(make_api(baseUrl=url_of(port)).test_connection(), Cause.ANSWER)
    assert f"redirects to {place}" in found.found
    assert found.todo == f"Set 'baseUrl' to {place}"


def test_a_sign_in_page_that_redirects(make_api: MakeApi) -> None:
    with listening(replying(http("302 Found", "", "Location: http://sign-in.invalid/"))) as port:
        found = failure(make_api(baseUrl=url_of(port)).test_connection(), Cause.ANSWER)
    assert "sign in first" in found.todo
    assert "Set 'baseUrl' to http" not in found.todo


def test_http_where_tls_is_spoken(monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "elsewhere.pem"))
    with tls_front(server.port) as port:
        found = failure(make_api(baseUrl=f"http://localhost:{port}/").test_connection(), Cause.ANSWER)
    assert "speaks TLS" in found.found
    assert found.todo == f"Set 'baseUrl' to https://localhost:{port}/api/v1/"


def test_what_speaks_something_else(make_api: MakeApi) -> None:
    with listening(replying(b"220 mail.example.org ESMTP\r\n")) as port:
        found = failure(make_api(baseUrl=url_of(port), requestTimeout=0.5).test_connection(), Cause.ANSWER)
    assert "does not speak HTTP" in found.found


def test_a_connection_that_is_cut(make_api: MakeApi) -> None:
    with listening(replying(b"")) as port:
        found = failure(make_api(baseUrl=url_of(port), requestTimeout=0.5).test_connection(), Cause.UNREACHABLE)
    assert "ended before the answer" in found.found


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, b'{"message": "The store is locked."}', "The store is locked."),
        (429, b'{"message": "Too many."}', "Too many."),
        (502, b"<html>nginx", "the server behind it does not"),
    ],
)
def test_a_server_that_cannot_now(make_api: MakeApi, status: int, body: bytes, said: str) -> None:
    with scripted(lambda _: (status, {}, body)) as port:
        found = failure(make_api(baseUrl=url_of(port)).test_connection(), Cause.UNREACHABLE)
    assert said in found.found
    assert found.details == {"status": status}


def test_what_a_server_calls_itself_is_shown_in_bounds(make_api: MakeApi) -> None:
    with scripted(lambda _: json_reply(200, {**ABOUT, "version": "\x1b[2J" + "9" * 10_000})) as port:
        found = step(make_api(baseUrl=url_of(port)).test_connection(), "server")
    assert found.state is State.OK
    assert found.found.isprintable()
    assert len(found.found) < 200
    with scripted(lambda _: json_reply(200, {**ABOUT, "version": 7})) as port:
        assert "of unknown version" in step(make_api(baseUrl=url_of(port)).test_connection(), "server").found


# -- clocks ------------------------------------------------------------------------------------------------------

NOW_US = 1_795_000_000_000_000
HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("device_us", "server_us", "by_system", "said"),
    [
        (NOW_US, NOW_US - HOUR_US, None, "which of them is wrong cannot be told from here"),
        (NOW_US, NOW_US + HOUR_US, True, "kept right, so the server's is wrong"),
        (NOW_US, NOW_US + HOUR_US, False, "nobody keeps this device's clock right"),
        (5_000_000, NOW_US, None, "This device's is wrong: it shows a time before this program existed"),
        (5_000_000, 5_000_000, None, "This device's is wrong"),
        (NOW_US, 7_000_000, False, "The server's is wrong: it shows a time before this program existed"),
        (NOW_US, -(2**63), None, "The server's is wrong"),
        (NOW_US, 2**200, None, "they differ".capitalize()),
    ],
)
def test_clocks_that_differ(
    monkeypatch: pytest.MonkeyPatch,
    make_api: MakeApi,
    device_us: int,
    server_us: int,
    by_system: bool | None,
    said: str,
) -> None:
    monkeypatch.setattr(server, "is_synchronized", lambda: by_system)
    with scripted(lambda _: json_reply(200, {**ABOUT, "server_time_us": server_us})) as port:
        api = make_api(baseUrl=url_of(port))
        report = examine(api.config, api._store.commits, now_us=lambda: device_us)
    found = step(report, "clock")
    assert (found.state, found.cause) == (State.FAILED, Cause.CLOCK)
    assert said in found.found
    assert "clock" in found.todo
    if abs(server_us) < 2**62:
        assert report.clock_offset_s == pytest.approx((device_us - server_us) / 1e6)


def test_clocks_that_agree(make_api: MakeApi) -> None:
    def answer(_: object) -> Any:
        return json_reply(200, {**ABOUT, "server_time_us": time.time_ns() // 1000 - 30_000_000})

    with scripted(answer) as port:
        report = make_api(baseUrl=url_of(port)).test_connection()
    found = step(report, "clock")
    assert found.state is State.OK
    assert "ahead of" in found.found
    assert found.details["offset_s"] == report.clock_offset_s == pytest.approx(30, abs=5)
    assert found.details["uncertainty_s"] >= 0


@pytest.mark.parametrize("told", [{}, {"server_time_us": "now"}, {"server_time_us": True}])
def test_a_server_that_does_not_tell_its_time(make_api: MakeApi, told: dict[str, object]) -> None:
    with scripted(lambda _: json_reply(200, {**ABOUT, **told})) as port:
        found = step(make_api(baseUrl=url_of(port)).test_connection(), "clock")
    assert found.cause is Cause.ANSWER
    assert "does not tell its time" in found.found
