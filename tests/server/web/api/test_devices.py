from __future__ import annotations

import pytest


@pytest.fixture
def session(site):
    return site.new_session(site.new_account())


def test_a_device_is_made_found_and_changed(site, session):
    made = site.send("POST", "/api/v1/devices", session, {"name": "  Roof "})
    assert made.status == 201
    device = made.json
    assert (device["name"], device["created_us"], device["accepts_new_fields"]) == ("Roof", site.clock(), True)
    path = f"/api/v1/devices/{device['device_id']}"
    assert site.get(path, session).json == device
    assert site.get("/api/v1/devices", session).json == {"devices": [device]}
    changed = site.send("PATCH", path, session, {"accepts_new_fields": False})
    assert changed.json == device | {"accepts_new_fields": False}
    changed = site.send("PATCH", path, session, {"name": "Cellar"})
    assert changed.json == site.get(path, session).json == device | {"accepts_new_fields": False, "name": "Cellar"}
    assert site.get(path.upper().replace("/API/V1/DEVICES", "/api/v1/devices"), session).status == 200


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 422, "name: is missing."),
        ({"name": ""}, 422, "The device's name is empty."),
        ({"name": "x" * 101}, 422, "The device's name has 101 characters; the longest has 100."),
        ({"name": 5}, 422, "name: input should be a valid string."),
        ({"name": "a", "accepts_new_fields": "yes"}, 422, "accepts_new_fields: input should be a valid boolean."),
        ({"name": "a", "nmae": "b"}, 422, "nmae: is not known here."),
        ([], 422, "the body: not a JSON object."),
        (None, 422, "the body: not a JSON object."),
    ],
)
def test_what_cannot_be_made_is_told_in_words(site, session, body, status, message):
    answer = site.send("POST", "/api/v1/devices", session, body)
    assert (answer.status, answer.message) == (status, message)
    assert site.get("/api/v1/devices", session).json == {"devices": []}


def test_note_tags_and_silence(site, session):
    device = site.send("POST", "/api/v1/devices", session, {"name": "Roof"}).json
    assert (device["note"], device["tags"], device["silent_after_s"], device["last_push_us"]) == ("", [], None, None)
    path = f"/api/v1/devices/{device['device_id']}"
    change = {"note": "North side", "tags": ["roof", "Roof", " b"], "silent_after_s": 600}
    changed = site.send("PATCH", path, session, change).json
    assert changed == device | change | {"tags": ["roof", "b"]}
    assert site.send("PATCH", path, session, {"name": "x"}).json["silent_after_s"] == 600
    assert site.send("PATCH", path, session, {"silent_after_s": None, "tags": []}).json["tags"] == []
    assert site.get(path, session).json["silent_after_s"] is None
    for wrong in ({"silent_after_s": 1}, {"tags": ["a,b"]}, {"tags": "a"}, {"note": "x" * 2_001}):
        assert site.send("PATCH", path, session, {"name": "y", **wrong}).status == 422
    assert site.get(path, session).json["name"] == "x"


def test_a_deleted_device_is_gone_for_everyone_at_once(site):
    account = site.new_account()
    session, device_id = site.new_session(account), site.new_device(account, name="Roof")
    headers = site.new_key(device_id)
    site.push(headers, [(1, {"a": 1})])
    path = f"/api/v1/devices/{device_id}"
    deleted = site.call("DELETE", path, session)
    assert (deleted.status, deleted.json["name"]) == (200, "Roof")
    assert site.get("/api/v1/values", headers).status == 401
    body = b'{"clientTimestamp": 5, "entries": [{"timestamp": 5, "values": [{"a": 1}]}]}'
    assert site.call("POST", "/api/v1/entries/", headers, body).status == 401
    for one in (path, f"{path}/fields", f"{path}/keys", f"{path}/values", f"{path}/history"):
        assert site.get(one, session).status == 404
    assert site.call("DELETE", path, session).status == 404
    assert site.get("/api/v1/devices", session).json == {"devices": []}
