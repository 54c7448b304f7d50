from __future__ import annotations

import asyncio
import uuid

import pytest
from tests.server.web.pages.people import Somebody, new_person
from tests.server.web.pages.streams import Stream
from tests.server.web.whole_app import Site, running_site

from nikdev_iot.server.live import streams
from nikdev_iot.server.storage.people import Role

NOW_US = 1_790_000_000_000_000


@pytest.fixture
def owner(site: Site) -> Somebody:
    return new_person(site, site.new_account(), Role.OWNER)


def open_stream(site: Site, who: Somebody, devices: str) -> Stream:
    stream = Stream(site, f"/admin/live?devices={devices}", who.headers)
    assert stream.status == 200
    return stream


def test_a_value_is_on_the_stream_after_its_push(site: Site, owner: Somebody):
    device_id = site.new_device(owner.account_id)
    key = site.new_key(device_id)
    site.push(key, [(NOW_US, {"a": 1})])
    stream = open_stream(site, owner, str(device_id))
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    assert "content-length" not in stream.headers
    before = {"device": str(device_id), "received_us": None, "latest": {"a": [NOW_US, 1]}, "points": {}}
    assert stream.event() == ("values", before)
    site.push(key, [(NOW_US + 1, {"a": 2, "b": True}), (NOW_US + 2, {"a": 2.5})])
    assert stream.event() == (
        "values",
        {
            "device": str(device_id),
            "received_us": site.clock(),
            "latest": {"a": [NOW_US + 2, 2.5], "b": [NOW_US + 1, True]},
            "points": {"a": [[NOW_US + 1, 2], [NOW_US + 2, 2.5]], "b": [[NOW_US + 1, True]]},
        },
    )
    stream.close()
    assert site.services.live.count == 0


def test_all_devices_of_the_account_and_no_others(site: Site, owner: Somebody):
    other = site.new_device()
    mine = [site.new_device(owner.account_id, name) for name in ("one", "two")]
    stream = open_stream(site, owner, "*")
    late = site.new_device(owner.account_id, "made while it was open")
    for device_id in (other, *mine, late):
        site.push(site.new_key(device_id), [(NOW_US, {"a": 1})])
    told = {stream.event()[1]["device"] for _ in range(3)}
    assert told == {str(device_id) for device_id in (*mine, late)}
    stream.close()


@pytest.mark.parametrize(
    ("devices", "status", "words"),
    [
        ("", 422, "is no Device ID"),
        ("x", 422, "is no Device ID"),
        (str(uuid.uuid4()), 404, "There is no device"),
        (",".join(str(uuid.UUID(int=n)) for n in range(201)), 422, "names more than 200"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(site: Site, owner: Somebody, devices: str, status: int, words: str):
    answer = site.get(f"/admin/live?devices={devices}", owner.headers)
    assert answer.status == status
    assert words in answer.body.decode()
    assert site.services.live.count == 0


def test_another_accounts_device_is_not_there(site: Site, owner: Somebody):
    mine, other = site.new_device(owner.account_id), site.new_device()
    assert site.get(f"/admin/live?devices={mine},{other}", owner.headers).status == 404


def test_a_person_has_only_so_many(site: Site, owner: Somebody):
    opened = [open_stream(site, owner, "*") for _ in range(20)]
    answer = site.get("/admin/live?devices=*", owner.headers)
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    assert "as many as one may have" in answer.body.decode()
    opened.pop().close()
    open_stream(site, owner, "*").close()
    for stream in opened:
        stream.close()


def test_signing_out_ends_it(site: Site, owner: Somebody, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "CHECK_S", 0.05)
    stream = open_stream(site, owner, "*")
    site.services.sessions.sign_out(owner.token)
    assert stream.event() == ("gone", {})
    assert stream.event() is None
    stream.close()


def test_a_device_that_is_deleted_ends_it(site: Site, owner: Somebody, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "CHECK_S", 0.05)
    device_id = site.new_device(owner.account_id, "Attic")
    stream = open_stream(site, owner, str(device_id))
    assert stream.event()[0] == "values"
    site.services.devices.delete(device_id, account_id=owner.account_id)
    assert stream.event() == ("gone", {"device": str(device_id)})
    assert stream.event() is None
    stream.close()


def test_it_ends_when_the_server_stops(tmp_path):
    with running_site(tmp_path) as site:
        owner = new_person(site, site.new_account(), Role.OWNER)
        stream = open_stream(site, owner, "*")
        site.app.live.close()
        assert stream.event(1) is None
        stream.close()
        assert site.get("/admin/live?devices=*", owner.headers).status == 503


def test_it_stays_open_while_nothing_comes(site: Site, owner: Somebody, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "CHECK_S", 0.05)
    stream = open_stream(site, owner, "*")
    site.loop.run_until_complete(asyncio.sleep(0.2))
    site.push(site.new_key(site.new_device(owner.account_id)), [(NOW_US, {"a": 1})])
    assert stream.event()[0] == "values"
    stream.close()
