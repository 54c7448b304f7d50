from __future__ import annotations

from urllib.parse import quote

import pytest


@pytest.fixture
def owned(site):
    """(session, path of the device's fields, headers of a key)."""
    account = site.new_account()
    device_id = site.new_device(account)
    return site.new_session(account), f"/api/v1/devices/{device_id}/fields", site.new_key(device_id)


def test_unit_and_label_of_a_field(site, owned):
    session, path, headers = owned
    site.push(headers, [(1, {"temperature": 21.5, "µ (x)%?": 1})])
    changed = site.send("PATCH", f"{path}/temperature", session, {"unit": "°C"})
    assert changed.status == 200
    assert (changed.json["unit"], changed.json["label"], changed.json["kinds"]) == ("°C", "", ["float"])
    site.send("PATCH", f"{path}/{quote('µ (x)%?')}", session, {"label": "Odd"})
    found = {field["field_id"]: field for field in site.get(path, session).json["fields"]}
    assert found["temperature"]["unit"] == "°C"
    assert found["µ (x)%?"]["label"] == "Odd"
    assert site.get("/api/v1/fields", headers).json["fields"] == list(found.values())


def test_a_field_is_made_by_hand_once(site, owned):
    session, path, _ = owned
    made = site.send("POST", path, session, {"field_id": "rain", "unit": "mm"})
    assert made.status == 201
    assert made.json == {
        "field_id": "rain",
        "kinds": [],
        "unit": "mm",
        "label": "",
        "created_us": site.clock(),
        "color": "",
        "decimals": None,
        "position": None,
        "hidden": False,
    }
    again = site.send("POST", path, session, {"field_id": "rain"})
    assert (again.status, again.json["code"]) == (409, "conflict")
    bad = site.send("POST", path, session, {"field_id": "a,b"})
    assert bad.status == 422
    assert "cannot be a Field ID: it contains ','" in bad.message


def test_a_field_that_is_not_there_cannot_be_changed(site, owned):
    session, path, _ = owned
    answer = site.send("PATCH", f"{path}/rain", session, {"unit": "mm"})
    assert (answer.status, answer.message) == (404, "The device has no field 'rain'.")
    assert site.get(path, session).json == {"fields": []}


def test_how_a_field_is_shown_and_where_it_stands(site, owned):
    session, path, headers = owned
    site.push(headers, [(1, {"a": 1, "b": 1, "c": 1})])
    shown = {"color": "#0072b2", "decimals": 2, "hidden": True}
    changed = site.send("PATCH", f"{path}/c", session, {**shown, "before": "a"}).json
    assert {name: changed[name] for name in shown} == shown
    assert [field["field_id"] for field in site.get(path, session).json["fields"]] == ["c", "a", "b"]
    assert site.send("PATCH", f"{path}/c", session, {"unit": "m"}).json["decimals"] == 2
    last = site.send("PATCH", f"{path}/c", session, {"before": None, "decimals": None}).json
    assert (last["position"], last["decimals"], last["unit"]) == (2, None, "m")
    assert site.send("PATCH", f"{path}/a", session, {"unit": "x", "before": "nothing"}).status == 404
    assert site.send("PATCH", f"{path}/a", session, {"color": "red"}).status == 422
    assert [field["unit"] for field in site.get(path, session).json["fields"]] == ["", "", "m"]
    assert [field["field_id"] for field in site.get("/api/v1/fields", headers).json["fields"]] == ["a", "b", "c"]
