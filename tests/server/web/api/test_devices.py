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
