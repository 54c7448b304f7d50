from __future__ import annotations

import gzip
import json
import uuid
from urllib.parse import quote

import pytest
from tests.server.web.pages.people import Somebody, new_person
from tests.server.web.whole_app import Answer, Site

from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages import series as series_page

SECOND_US = 1_000_000


@pytest.fixture
def owner(site: Site) -> Somebody:
    return new_person(site, site.new_account(), Role.OWNER)


@pytest.fixture
def device_id(site: Site, owner: Somebody) -> uuid.UUID:
    """One commit a second, over the last 2000 s."""
    device_id = site.new_device(owner.account_id, 'Attic "é"')
    rows = [(site.clock() - (2_000 - n) * SECOND_US, {"a": n, "on": n % 100 < 50}) for n in range(2_000)]
    site.push(site.new_key(device_id), rows)
    return device_id


def get(site: Site, who: Somebody, device_id: uuid.UUID, query: str = "", name: str = "series", **more: str) -> Answer:
    return site.get(f"/admin/devices/{device_id}/{name}?{query}", {**who.headers, "accept": "application/json", **more})


def test_the_last_day_comes_in_buckets(site: Site, owner: Somebody, device_id: uuid.UUID):
    answer = get(site, owner, device_id)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json
    assert found["end_us"] - found["start_us"] == 86_400 * SECOND_US
    assert (found["every_us"], found["commits"]) == (120 * SECOND_US, 2_000)
    assert found["newest_us"] == site.clock() - SECOND_US
    assert (found["messages"], found["gaps"]) == ([], [])
    a, on = found["fields"]["a"], found["fields"]["on"]
    assert a["kind"] == "number"
    assert {key: len(a[key]) for key in ("times_us", "mean", "min", "max")} == dict.fromkeys(
        ("times_us", "mean", "min", "max"), len(a["count"])
    )
    assert (sum(a["count"]), min(a["min"]), max(a["max"])) == (2_000, 0, 1_999)
    assert on["kind"] == "state"
    assert [value for _, _, value in on["states"]] == [True, False] * 20


def test_a_short_range_comes_value_by_value(site: Site, owner: Somebody, device_id: uuid.UUID):
    start_us = site.clock() - 10 * SECOND_US
    found = get(site, owner, device_id, f"fields=a&start_us={start_us}&end_us={site.clock()}&points=10").json
    assert found["every_us"] == 0
    assert found["fields"] == {
        "a": {
            "kind": "number",
            "times_us": [start_us + n * SECOND_US for n in range(10)],
            "values": list(range(1_990, 2_000)),
        }
    }


def test_a_long_answer_is_squeezed_for_whoever_takes_it(site: Site, owner: Somebody, device_id: uuid.UUID):
    plain = get(site, owner, device_id)
    squeezed = get(site, owner, device_id, **{"accept-encoding": "br, gzip"})
    assert squeezed.headers["content-encoding"] == "gzip"
    assert len(squeezed.body) < len(plain.body) / 2
    assert json.loads(gzip.decompress(squeezed.body)) == plain.json


def test_hidden_fields_come_only_when_they_are_asked_for(site: Site, owner: Somebody, device_id: uuid.UUID):
    site.services.fields.update(device_id, "on", hidden=True)
    assert list(get(site, owner, device_id).json["fields"]) == ["a"]
    assert list(get(site, owner, device_id, "fields=on").json["fields"]) == ["on"]


def test_a_device_without_values_has_nothing_to_draw(site: Site, owner: Somebody):
    found = get(site, owner, site.new_device(owner.account_id)).json
    assert (found["fields"], found["commits"], found["newest_us"]) == ({}, 0, None)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("fields=nix", 404, "Did you mean a"),
        ("fields=a,", 422, "empty Field ID"),
        ("points=0", 422, "points: '0' is not a whole number from 1 to 4000"),
        ("start_us=x", 422, "start_us: 'x' is not"),
        ("start_us=5&end_us=5", 422, "start_us: is not before end_us"),
    ],
)
def test_what_cannot_be_is_refused(
    site: Site, owner: Somebody, device_id: uuid.UUID, query: str, status: int, words: str
):
    for name in ("series", "export.csv"):
        answer = get(site, owner, device_id, query, name)
        if "points" not in query or name == "series":
            assert answer.status == status
            assert words in answer.json["message"]


def test_another_accounts_device_is_not_there(site: Site, device_id: uuid.UUID):
    stranger = new_person(site, site.new_account(), Role.OWNER)
    for name in ("series", "export.csv"):
        assert get(site, stranger, device_id, name=name).status == 404


def test_much_work_waits_for_its_turn_and_comes_to_the_same(
    site: Site, owner: Somebody, device_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    plain = get(site, owner, device_id, "end_us=1790000000000000").json
    monkeypatch.setattr(series_page, "_AT_ONCE_ROWS", 0)
    assert get(site, owner, device_id, "end_us=1790000000000000").json == plain
    assert get(site, owner, device_id).json["commits"] == 2_000


def test_the_export_has_every_value_of_the_range(site: Site, owner: Somebody, device_id: uuid.UUID):
    start_us = site.clock() - 3 * SECOND_US
    answer = get(site, owner, device_id, f"start_us={start_us}", "export.csv")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/csv")
    name = answer.headers["content-disposition"]
    assert name.startswith('attachment; filename="Attic ---')
    assert quote('Attic "é"', safe="") in name
    head, *lines = answer.body.decode().split("\r\n")
    assert head == "time,a,on"
    assert [line.split(",")[1:] for line in lines[:-1]] == [[str(n), "false"] for n in (1_997, 1_998, 1_999)]


def test_the_export_of_a_long_range_is_streamed(site: Site, owner: Somebody):
    device_id = site.new_device(owner.account_id)
    key = site.new_key(device_id)
    for part in range(3):
        site.push(key, [(site.clock() - (12_000 - part * 4_000 - n) * SECOND_US, {"a": n}) for n in range(4_000)])
    answer = get(site, owner, device_id, name="export.csv")
    assert answer.body.count(b"\r\n") == 12_001
    assert "content-length" not in answer.headers
