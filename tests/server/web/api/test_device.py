from __future__ import annotations


def test_a_device_learns_about_itself_and_its_key(site):
    device_id = site.new_device(name="Weather station")
    expires_us = site.clock() + 1_000_000
    headers = site.new_key(device_id, name="probe", can_write=False, expires_us=expires_us)
    found = site.get("/api/v1/device", headers).json
    limits = found.pop("limits")
    assert found == {
        "device_id": str(device_id),
        "name": "Weather station",
        "accepts_new_fields": True,
        "field_count": 0,
        "key": {"name": "probe", "read": True, "write": False, "expires_us": expires_us},
        "server_time_us": site.clock(),
        "epoch": site.storage.epoch.hex(),
    }
    assert limits["body_bytes"] == 8 * 1024 * 1024
    assert limits["commits"] == 50_000
    assert limits["requests_per_s"] == 1e6


def test_a_device_learns_how_many_fields_it_has(site):
    headers = site.new_key(site.new_device())
    site.push(headers, [(1, {"a": 1, "b": 2})])
    assert site.get("/api/v1/device", headers).json["field_count"] == 2


def test_the_document_says_what_each_limit_is(site):
    schemas = site.get("/api/v1/openapi.json", {}).json["components"]["schemas"]
    limits = site.get("/api/v1/device", site.new_key(site.new_device())).json["limits"]
    assert set(schemas["LimitsOut"]["properties"]) == set(limits)


def test_a_key_that_is_right_and_opens_nothing_is_told_why(site):
    device_id = site.new_device()
    expired = site.new_key(device_id, expires_us=site.clock() + 1)
    site.clock.now_us += 1
    answer = site.get("/api/v1/device", expired)
    assert (answer.status, answer.json["code"], answer.json["reason"]) == (401, "unauthorized", "key-expired")
    stranger = {**expired, "x-api-key": str(device_id)}
    assert "reason" not in site.get("/api/v1/device", stranger).json


def test_fields_with_the_kinds_seen(site):
    headers = site.new_key(site.new_device())
    assert site.get("/api/v1/fields", headers).json == {"fields": []}
    site.push(headers, [(1, {"b": "x", "a": 1}), (2, {"a": 1.5, "b": True})])
    blank = {
        "unit": "",
        "label": "",
        "created_us": site.clock(),
        "color": "",
        "decimals": None,
        "position": None,
        "hidden": False,
    }
    assert site.get("/api/v1/fields", headers).json["fields"] == [
        {"field_id": "a", "kinds": ["float", "int"], **blank},
        {"field_id": "b", "kinds": ["bool", "text"], **blank},
    ]
