from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.client.conftest import MakeApi
from tests.client.networks import (
    closed_port,
    http,
    json_reply,
    listening,
    never_answering,
    replying,
    scripted,
    url_of,
)
from tests.servers import Credentials, RunningServer

from nikdev_iot import Api, ConnectionReport, PushException
from nikdev_iot.client.connection import STEPS


def step(report: ConnectionReport, name: str) -> tuple[bool, str, str]:
    (found,) = [step for step in report.steps if step.name == name]
    return found.ok, found.found, found.todo


def check_form(report: ConnectionReport) -> None:
    assert [step.name for step in report.steps] == list(STEPS)
    assert bool(report) is report.ok is all(step.ok for step in report.steps)
    for one in report.steps:
        assert one.found
        was_tried = not one.found.startswith("not tried")
        assert bool(one.todo) is (was_tried and not one.ok)  # what to do, exactly where there is something
        assert was_tried or (one.is_note and not one.ok)
    assert len(str(report).splitlines()) == len(STEPS)


def test_all_is_well(api: Api) -> None:
    report = api.test_connection()
    check_form(report)
    assert report, str(report)
    assert (report.can_read, report.can_write) == (True, True)
    assert report.clock_offset_s is not None
    assert abs(report.clock_offset_s) < 5
    assert api.fetch() == {}  # the test writes nothing


@pytest.mark.parametrize(("read", "write"), [(True, False), (False, True)])
def test_a_key_with_one_access_is_well_and_says_so(
    server: RunningServer, who: Credentials, make_api: MakeApi, read: bool, write: bool
) -> None:
    one = server.add_key(who.device_id, read=read, write=write)
    report = make_api(apiKey=one.api_key).test_connection()
    check_form(report)
    assert report.ok
    assert (report.can_read, report.can_write) == (read, write)
    assert "no write access" in step(report, "write")[1] or "no read access" in step(report, "read")[1]
    assert [one.name for one in report.steps if one.is_note] == (["write"] if read else ["read"])


@pytest.mark.parametrize("set_aside", [False, True])
def test_a_key_that_cannot_push_what_waits(
    server: RunningServer, who: Credentials, make_api: MakeApi, set_aside: bool
) -> None:
    api = make_api(apiKey=server.add_key(who.device_id, write=False).api_key)
    api.add_value("a", 1)
    api.commit()
    if set_aside:
        with pytest.raises(PushException):
            api.push()
    report = api.test_connection()
    check_form(report)
    assert not report
    assert (report.can_read, report.can_write) == (True, False)
    is_ok, found, todo = step(report, "write")
    assert not is_ok
    assert ("0 unpushed, 1 set aside" if set_aside else "1 unpushed, 0 set aside") in found
    assert ("restore_rejected()" in todo) is set_aside
    assert [one.name for one in report.steps if not one.ok] == ["write"]
    assert not any(one.is_note for one in report.steps)


def test_a_key_without_any_access(make_api: MakeApi) -> None:
    about = {"name": "nikdev-iot", "version": "9", "server_time_us": time.time_ns() // 1000}
    device = {"name": "d", "key": {"name": "k", "read": False, "write": False}}
    with scripted(lambda request: json_reply(200, device if request.path.endswith("/device") else about)) as port:
        report = make_api(baseUrl=url_of(port)).test_connection()
    check_form(report)
    assert not report
    assert (report.can_read, report.can_write) == (False, False)
    assert step(report, "key")[0]
    assert not step(report, "read")[0]
    assert not step(report, "write")[0]


def test_a_wrong_key(server: RunningServer, make_api: MakeApi) -> None:
    report = make_api(apiKey=server.new_device().api_key).test_connection()
    check_form(report)
    assert not report
    assert step(report, "server")[0]
    is_ok, found, todo = step(report, "key")
    assert not is_ok
    assert "401" in found
    assert "API key" in todo
    assert step(report, "read")[1] == "not tried, because of 'key'"


@pytest.mark.parametrize("options", [{"deviceId": None}, {"apiKey": None}, {"apiKey": "<API Key>"}, {"deviceId": "x"}])
def test_credentials_that_are_missing_or_cannot_be_right(make_api: MakeApi, options: dict[str, str]) -> None:
    api = make_api(**options)
    report = api.test_connection()
    check_form(report)
    assert not report
    is_ok, found, _ = step(report, "configuration")
    assert not is_ok
    assert next(iter(options)) in found
    assert step(report, "server")[0]  # the rest is looked at all the same
    assert not step(report, "key")[0]


def test_a_server_that_is_not_there(make_api: MakeApi) -> None:
    report = make_api(baseUrl=url_of(closed_port())).test_connection()
    check_form(report)
    assert not report
    assert "refused" in step(report, "reach")[1]
    assert step(report, "journal")[0]


def test_a_name_that_does_not_exist(make_api: MakeApi) -> None:
    report = make_api(baseUrl="http://no-such-host.invalid/").test_connection()
    check_form(report)
    assert "cannot be found" in step(report, "reach")[1]


def test_a_server_that_never_answers(make_api: MakeApi) -> None:
    with listening(never_answering) as port:
        began = time.monotonic()
        report = make_api(baseUrl=url_of(port), requestTimeout=0.5).test_connection()
        assert time.monotonic() - began < 3
    check_form(report)
    assert "timeout" in step(report, "reach")[1]


@pytest.mark.parametrize(
    "raw",
    [
        http("200 OK", "<html><title>Router</title>", "Content-Type: text/html"),
        http("200 OK", '{"name": "something else"}', "Content-Type: application/json"),
        http("200 OK", "[]", "Content-Type: application/json"),
        http("404 Not Found", '{"detail": "Not Found"}'),
        http("302 Found", "", "Location: http://sign-in.invalid/"),
    ],
)
def test_something_else_answers(make_api: MakeApi, raw: bytes) -> None:
    with listening(replying(raw)) as port:
        report = make_api(baseUrl=url_of(port)).test_connection()
    check_form(report)
    assert step(report, "reach")[0]
    is_ok, _, todo = step(report, "server")
    assert not is_ok
    assert "baseUrl" in todo


def test_tls_where_there_is_none(server: RunningServer, make_api: MakeApi) -> None:
    report = make_api(baseUrl=server.api_url.replace("http:", "https:"), requestTimeout=2).test_connection()
    check_form(report)
    assert not step(report, "reach")[0]


def test_a_clock_that_is_wrong(make_api: MakeApi) -> None:
    about = {"name": "nikdev-iot", "version": "9", "api": 1, "server_time_us": time.time_ns() // 1000 - 3_600_000_000}
    with scripted(lambda _: json_reply(200, about)) as port:
        report = make_api(baseUrl=url_of(port)).test_connection()
    check_form(report)
    is_ok, found, todo = step(report, "clock")
    assert not is_ok
    assert "3600.0 s ahead of" in found
    assert "clock" in todo
    assert report.clock_offset_s == pytest.approx(3_600, abs=5)


def test_a_server_that_does_not_tell_its_time(make_api: MakeApi) -> None:
    with scripted(lambda _: json_reply(200, {"name": "nikdev-iot", "version": "9"})) as port:
        report = make_api(baseUrl=url_of(port)).test_connection()
    check_form(report)
    assert "does not tell its time" in step(report, "clock")[1]


@pytest.mark.parametrize("device", ["[]", '{"key": 7}', '{"key": {}}', "nonsense", '"x"'])
def test_a_server_that_answers_nonsense_about_the_device(make_api: MakeApi, device: str) -> None:
    about = {"name": "nikdev-iot", "version": "9", "server_time_us": time.time_ns() // 1000}
    with scripted(
        lambda request: (
            (200, {"content-type": "application/json"}, device.encode())
            if request.path.endswith("/device")
            else json_reply(200, about)
        )
    ) as port:
        report = make_api(baseUrl=url_of(port)).test_connection()
    check_form(report)
    assert not step(report, "key")[0]


def test_a_journal_that_cannot_be_used(make_api: MakeApi, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = make_api(storagePath=str(tmp_path / "file")).test_connection()
    check_form(report)
    is_ok, found, _ = step(report, "journal")
    assert not is_ok
    assert str(tmp_path / "file") in found
    assert report.can_write


def test_what_waits_is_counted(make_api: MakeApi) -> None:
    api = make_api()
    api.add_value("a", 1)
    api.commit()
    report = api.test_connection()
    assert report.ok
    assert "1 unpushed" in step(report, "journal")[1]
