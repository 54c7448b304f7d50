from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import MakeApi
from tests.client.connection.fronts import check_form, states, step
from tests.client.networks import closed_port, json_reply, listening, never_answering, scripted, url_of

from nikdev_iot import Api
from nikdev_iot.client.config import Config
from nikdev_iot.client.connection import STEPS, Cause, State, Step, examine, unconfigured
from nikdev_iot.client.connection.examination import _LOOKS
from nikdev_iot.client.connection.report import fine
from nikdev_iot.model.errors import NikDevError

BEHIND_TCP = ["tls", "server", "clock", "device", "key", "read", "write", "quota"]


def test_all_is_well(api: Api, tmp_path: Path) -> None:
    report = api.test_connection()
    check_form(report)
    assert report, str(report)
    assert (report.can_read, report.can_write) == (True, True)
    assert report.clock_offset_s is not None
    assert abs(report.clock_offset_s) < 5
    assert states(report, State.NOTE) == ["dns", "tls"]  # http to an address, within this machine
    assert api.fetch() == {}  # the test writes nothing
    assert list(tmp_path.iterdir()) == []  # nor does it make a journal
    assert report.first_failure is None


def test_each_step_is_told_when_it_is_done(api: Api) -> None:
    told: list[Step] = []
    report = api.test_connection(on_step=told.append)
    assert tuple(told) == report.steps


def test_what_failed_holds_up_what_needs_it_and_nothing_else(make_api: MakeApi) -> None:
    api = make_api(baseUrl=url_of(closed_port()))
    api.add_value("a", 1)
    api.commit()
    report = api.test_connection()
    assert states(report, State.FAILED) == ["tcp"]
    assert states(report, State.NOT_TRIED) == BEHIND_TCP
    assert {step(report, name).found for name in BEHIND_TCP} == {"not tried, because of 'tcp'"}
    assert "1 commit not pushed yet" in step(report, "queue").found
    assert [step(report, name).state for name in ("journal", "queue", "disk")] == [State.OK] * 3
    assert report.first_failure is step(report, "tcp")


@pytest.mark.parametrize("options", [{"deviceId": None}, {"apiKey": None}, {"apiKey": "<API Key>"}, {"deviceId": "x"}])
def test_credentials_that_are_missing_or_cannot_be_right(make_api: MakeApi, options: dict[str, str]) -> None:
    report = make_api(**options).test_connection()
    found = step(report, "configuration")
    assert (found.state, found.cause) == (State.FAILED, Cause.CONFIG)
    assert next(iter(options)) in found.found
    assert step(report, "clock").ok  # the rest is looked at all the same
    assert step(report, "device").found == "not tried, because of 'configuration'"
    local = State.NOT_TRIED if "deviceId" in options else State.OK  # it is the device's journal
    assert {step(report, name).state for name in ("journal", "queue", "disk")} == {local}


def test_a_server_that_never_answers_takes_no_longer_than_it_may(make_api: MakeApi) -> None:
    with listening(never_answering) as port:
        began = time.monotonic()
        report = make_api(baseUrl=url_of(port), requestTimeout=0.3).test_connection()
        assert time.monotonic() - began < 3
    found = step(report, "server")
    assert (found.state, found.cause) == (State.FAILED, Cause.UNREACHABLE)
    assert "did not answer within 0.3 s" in found.found


def test_no_step_begins_when_the_time_is_over(make_api: MakeApi) -> None:
    api = make_api(requestTimeout=1)
    times = deque([0.0] * 3)

    def monotonic() -> float:  # from the second step on, each look at the clock is ten seconds later
        if times:
            return times.popleft()
        monotonic.now += 10.0  # type: ignore[attr-defined]
        return monotonic.now  # type: ignore[attr-defined, no-any-return]

    monotonic.now = 0.0  # type: ignore[attr-defined]
    report = examine(api.config, api._store.commits, now_us=lambda: time.time_ns() // 1000, monotonic=monotonic)
    (late,) = [one for one in report.steps if one.state is State.FAILED]
    assert "there was no time left for it" in late.found
    assert late.cause is Cause.UNREACHABLE
    assert f"not tried, because of '{late.name}'" in {one.found for one in report.steps}
    assert [step(report, name).state for name in ("journal", "queue", "disk")] == [State.OK] * 3
    assert not report


def test_whatever_a_step_meets_is_reported(monkeypatch: pytest.MonkeyPatch, make_api: MakeApi) -> None:
    def breaks(error: Exception) -> Any:
        def look(_: object) -> Step:
            raise error

        return look, ()

    monkeypatch.setitem(_LOOKS, "disk", breaks(ZeroDivisionError("oops")))
    monkeypatch.setitem(_LOOKS, "queue", breaks(NikDevError("that is wrong", hint="do this")))
    report = make_api().test_connection()
    disk, queue = step(report, "disk"), step(report, "queue")
    assert (disk.cause, disk.found) == (Cause.UNEXPECTED, "ZeroDivisionError: oops")
    assert (queue.cause, queue.found, queue.todo) == (Cause.JOURNAL, "that is wrong", "do this")


def test_a_configuration_that_cannot_be_read() -> None:
    told: list[Step] = []
    report = unconfigured("it cannot be read", "is it yours?", on_step=told.append)
    assert tuple(told) == report.steps
    assert states(report, State.NOT_TRIED) == list(STEPS[1:])
    assert step(report, "configuration").cause is Cause.CONFIG


def test_every_step_waits_for_steps_before_it() -> None:
    for name, (_, needs) in _LOOKS.items():
        assert all(STEPS.index(need) < STEPS.index(name) for need in needs)


def test_the_key_goes_to_nobody_but_a_nikdev_server(make_api: MakeApi) -> None:
    seen = []

    def answer(request: Any) -> Any:
        seen.append(request.headers)
        return json_reply(200, {"name": "something else"})

    with scripted(answer) as port:
        make_api(baseUrl=url_of(port)).test_connection()
    assert seen
    assert not any("x-api-key" in headers or "x-device-id" in headers for headers in seen)


def test_a_test_with_nothing_configured_reports_too() -> None:
    report = examine(Config(base_url=url_of(closed_port())), lambda: None, now_us=lambda: 0)  # type: ignore[arg-type, return-value]
    assert states(report, State.FAILED) == ["configuration", "tcp"]
    assert fine("x", "y").ok
