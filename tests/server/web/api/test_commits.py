from __future__ import annotations

import json
import uuid

import pytest
from tests.server.web.whole_app import running_site

from nikdev_iot.server.ingest.entries import entries_origin


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def device(site):
    account = site.new_account()
    device_id = site.new_device(account)
    return device_id, site.new_key(device_id), site.new_session(account)


def test_the_log_of_a_device_the_newest_first_and_page_by_page(site, device):
    device_id, key, session = device
    site.push(key, [(n, {"a": n, "b": 2**63 - 1 if n == 2 else float(n)}) for n in range(1, 4)])
    site.push(key, [(10, {"a": True})])
    page = site.get("/api/v1/commits?limit=3", key).json
    assert [item["number"] for item in page["items"]] == [4, 3, 2]
    assert page["newer"] is None
    newest = page["items"][0]
    assert newest["type"] == "commit"
    assert newest["values"] == {"a": True}
    assert (newest["time_us"], newest["recorded_us"], newest["uncertain"], newest["deleted"]) == (10, 10, False, [])
    assert newest["received_us"] == site.clock()
    assert newest["key_id"] is not None
    assert newest["is_json_v1"] is False
    assert page["items"][2]["values"] == {"a": 2, "b": 2**63 - 1}
    older = site.get(f"/api/v1/commits?limit=3&before={page['older']}", key).json
    assert [item["number"] for item in older["items"]] == [1]
    assert older["older"] is None
    newer = site.get(f"/api/v1/commits?limit=3&after={older['newer']}", key).json
    assert newer["items"] == page["items"]
    assert newer["newer"] is None
    assert site.get(f"/api/v1/devices/{device_id}/commits?limit=3", session).json == page
    origin = newest["origin"]
    assert site.get(f"/api/v1/commits?origin={origin}&limit=3", key).json["items"] == page["items"]
    assert site.get(f"/api/v1/commits?origin={uuid.uuid4()}", key).json == {"items": [], "older": None, "newer": None}


def test_what_came_as_json_says_so(site, device):
    device_id, key, _ = device
    body = {"clientTimestamp": 5, "entries": [{"timestamp": 5, "values": [{"a": 1.5}]}]}
    assert site.call("POST", "/api/v1/entries/", key, json.dumps(body).encode()).status == 200
    (item,) = site.get("/api/v1/commits", key).json["items"]
    assert item["is_json_v1"] is True
    assert item["origin"] == str(entries_origin(device_id))
    assert item["clock_offset_us"] == 5_000_000 - site.clock()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("before=x", "not a place in the log"),
        ("after=1", "not a place in the log"),
        ("before=1-1&after=1-1", "give one of them"),
        ("origin=x", "not a UUID"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
    ],
)
def test_what_cannot_be_asked_is_named(site, device, query, message):
    answer = site.get(f"/api/v1/commits?{query}", device[1])
    assert answer.status == 422
    assert message in answer.message
