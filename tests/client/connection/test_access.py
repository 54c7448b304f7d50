from __future__ import annotations

import time
from typing import Any

import pytest
from tests.client.conftest import MakeApi
from tests.client.connection.fronts import states, step
from tests.client.networks import Reply, Request, json_reply, scripted, url_of
from tests.servers import Credentials, RunningServer, run_server

from nikdev_iot import Api, ConnectionReport, PushException
from nikdev_iot.client.connection import Cause, State, Step

LIMITS = {"requests_per_s": 200.0, "burst": 400.0, "body_bytes": 8_388_608, "commits": 50_000, "fields_per_device": 10}


def failure(report: ConnectionReport, name: str, cause: Cause) -> Step:
    found = step(report, name)
    assert (found.state, found.cause) == (State.FAILED, cause), str(report)
    return found


def test_what_the_server_says_of_the_device(server: RunningServer, who: Credentials, api: Api) -> None:
    api.add_value("a", 1)
    api.add_value("b", 1)
    api.commit_and_push()
    report = api.test_connection()
    assert report.ok
    assert step(report, "device").found == f"'a device', {who.device_id}"
    assert "'a key', which may read and write; it never expires" in step(report, "key").found
    quota = step(report, "quota")
    assert "requests per second" in quota.found
    assert "8.39 MB or 50,000 commits in one request; 2 of 1,000 fields used" in quota.found
    assert quota.details["limits"]["fields_per_device"] == 1000


@pytest.mark.parametrize(("read", "write"), [(True, False), (False, True)])
def test_a_key_with_one_access_is_well_and_says_so(
    server: RunningServer, who: Credentials, make_api: MakeApi, read: bool, write: bool
) -> None:
    one = server.add_key(who.device_id, read=read, write=write)
    report = make_api(apiKey=one.api_key).test_connection()
    assert report.ok
    assert (report.can_read, report.can_write) == (read, write)
    assert [name for name in states(report, State.NOTE) if name not in {"dns", "tls"}] == (
        ["write"] if read else ["read"]
    )
    assert step(report, "key").details["access"] == (["read"] if read else ["write"])


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
    assert (report.can_read, report.can_write) == (True, False)
    found = failure(report, "write", Cause.DENIED)
    waits = "1 commit set aside" if set_aside else "1 commit not pushed yet"
    assert found.found == f"this key has no write access, which is needed here: {waits}"
    assert ("restore_rejected()" in found.todo) is set_aside
    assert states(report, State.FAILED) == ["write"]


def test_a_wrong_key(server: RunningServer, who: Credentials, make_api: MakeApi) -> None:
    report = make_api(apiKey=server.add_key(server.add_device(who.account_id)).api_key).test_connection()
    assert step(report, "clock").ok
    found = failure(report, "device", Cause.DENIED)
    assert found.found == (
        f"the server has no device {who.device_id} with this API key; it does not say which of the two is wrong"
    )
    assert who.device_id in found.todo
    assert {step(report, name).found for name in ("key", "read", "write", "quota")} == {
        "not tried, because of 'device'"
    }


def test_a_key_that_has_expired(server: RunningServer, who: Credentials, make_api: MakeApi) -> None:
    one = server.add_key(who.device_id, expires=time.time() + 0.2)
    time.sleep(0.25)
    report = make_api(apiKey=one.api_key).test_connection()
    assert step(report, "device").state is State.OK
    found = failure(report, "key", Cause.DENIED)
    assert "expired" in found.found
    assert "change its expiry" in found.todo
    assert found.details == {"reason": "key-expired"}


def test_a_key_that_was_revoked(server: RunningServer, who: Credentials, make_api: MakeApi) -> None:
    one = server.add_key(who.device_id)
    server.revoke(one)
    found = failure(make_api(apiKey=one.api_key).test_connection(), "key", Cause.DENIED)
    assert "revoked" in found.found
    assert "Make a new key" in found.todo


def test_a_key_that_is_about_to_expire(server: RunningServer, who: Credentials, make_api: MakeApi) -> None:
    soon = make_api(apiKey=server.add_key(who.device_id, expires=time.time() + 3.5 * 86_400).api_key).test_connection()
    assert soon.ok
    assert step(soon, "key").state is State.WARNING
    assert "that is in 3 days" in step(soon, "key").found
    later = make_api(apiKey=server.add_key(who.device_id, expires=time.time() + 30 * 86_400).api_key).test_connection()
    assert step(later, "key").state is State.OK
    assert ", until 20" in step(later, "key").found


# -- other servers, older and stranger -------------------------------------------------------------------------------


def answering(**by_place: Reply) -> Any:
    """Answer as a NikDev server, with another answer for the places named."""
    about = {"name": "nikdev-iot", "version": "9", "server_time_us": time.time_ns() // 1000}
    device = {"name": "d", "key": {"name": "k", "read": True, "write": True}, "limits": LIMITS}
    given = {
        "device": json_reply(200, device),
        "values": json_reply(200, {}),
        "origins": json_reply(200, {}),
    } | by_place

    def answer(request: Request) -> Reply:
        return given.get(request.path.split("/")[3], json_reply(200, about))

    return answer


def examined(make_api: MakeApi, **by_place: Reply) -> ConnectionReport:
    with scripted(answering(**by_place)) as port:
        return make_api(baseUrl=url_of(port)).test_connection()


def test_such_a_server_is_well(make_api: MakeApi) -> None:
    report = examined(make_api)
    assert report.ok, str(report)
    assert "fields used" not in step(report, "quota").found


def device(**more: object) -> Reply:
    return json_reply(200, {"name": "d", "key": {"name": "k", "read": True, "write": True}, **more})


def test_a_key_without_any_access(make_api: MakeApi) -> None:
    report = examined(make_api, device=device(key={"name": "", "read": False, "write": 1}))
    assert (report.can_read, report.can_write) == (False, False)
    assert step(report, "key").ok
    assert states(report, State.FAILED) == ["read", "write"]
    assert "a key without a name, which may nothing" in step(report, "key").found


def test_quotas(make_api: MakeApi) -> None:
    assert step(examined(make_api, device=device()), "quota").state is State.NOTE
    odd = examined(make_api, device=device(limits={"burst": "x", "commits": -1, "items": 2.5, "columns": None}))
    assert step(odd, "quota").details["limits"] == {"items": 2.5}
    closed = examined(make_api, device=device(limits=LIMITS, field_count=8, accepts_new_fields=False))
    found = step(closed, "quota")
    assert found.state is State.OK
    assert "8 of 10 fields used; new fields are not accepted" in found.found
    full = step(examined(make_api, device=device(limits=LIMITS, field_count=9)), "quota")
    assert full.state is State.WARNING
    assert "fewer Field IDs" in full.todo


@pytest.mark.parametrize("name", ["device", "read", "write"])
@pytest.mark.parametrize(
    ("reply", "cause", "said"),
    [
        ((403, {}, b'{"message": "No."}'), Cause.DENIED, "No."),
        ((429, {"retry-after": "7"}, b'{"message": "Too many."}'), Cause.UNREACHABLE, "Too many."),
        ((500, {}, b'{"message": "Oops."}'), Cause.UNREACHABLE, "Oops."),
        ((404, {}, b"<html>"), Cause.ANSWER, "a web page"),
    ],
)
def test_a_server_that_says_no(make_api: MakeApi, name: str, reply: Reply, cause: Cause, said: str) -> None:
    place = {"device": "device", "read": "values", "write": "origins"}[name]
    report = examined(make_api, **{place: reply})
    found = failure(report, name, cause)
    assert said in found.found
    assert found.details["status"] == reply[0]
    assert ("Wait 7.0 seconds" in found.todo) is (reply[0] == 429)
    assert (report.can_read, report.can_write) == (name == "write", name == "read")


@pytest.mark.parametrize(
    "body", [b"[]", b'{"key": 7}', b'{"key": {}}', b"nonsense", b'"x"', b'{"name": 1, "key": [1]}']
)
def test_a_server_that_answers_nonsense_about_the_device(make_api: MakeApi, body: bytes) -> None:
    failure(examined(make_api, device=(200, {"content-type": "application/json"}, body)), "device", Cause.ANSWER)


def test_a_server_that_goes_away_in_between(make_api: MakeApi) -> None:
    def serve(request: Request) -> Reply:
        if request.path.endswith("/device"):
            raise ConnectionResetError  # the handler ends, and the connection with it
        return answering()(request)

    with scripted(serve) as port:
        found = failure(make_api(baseUrl=url_of(port)).test_connection(), "device", Cause.UNREACHABLE)
    assert "ended before the answer" in found.found


def test_a_real_rate_limit(tmp_path: Any, make_api: MakeApi) -> None:
    limits = {"NIKDEV_REQUESTS_PER_SECOND": "0.01", "NIKDEV_BURST": "1"}
    with run_server(tmp_path, environment=limits, is_measured=False) as slow:
        who = slow.new_device()
        report = make_api(baseUrl=slow.api_url, deviceId=who.device_id, apiKey=who.api_key).test_connection()
    found = failure(report, "read", Cause.UNREACHABLE)
    assert "Over the limit of 0.01 requests per second" in found.found
    assert "another program may be using this key" in found.todo


def test_the_words_stay_in_bounds_whatever_a_server_says(make_api: MakeApi) -> None:
    report = examined(make_api, device=(401, {}, b'{"message": "\\u001b[2J%s"}' % (b"x" * 5000)))
    assert all(one.found.isprintable() and len(one.found) <= 1000 for one in report.steps)
