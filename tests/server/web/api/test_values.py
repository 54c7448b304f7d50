from __future__ import annotations

import pytest

from nikdev_iot.wire.v1 import Latest, decode_latest

S = 1_000_000


@pytest.fixture(scope="module")
def device(site):
    account = site.new_account()
    device_id = site.new_device(account)
    headers = site.new_key(device_id)
    site.services.fields.add(device_id, "silent")
    site.push(headers, [(100 * S, {"temperature": 21, "note": "é"}), (200 * S, {"temperature": 21.0, "on": True})])
    site.push(headers, [(150 * S, {"temperature": 5})])
    return headers, site.new_session(account)


def test_the_newest_value_of_each_field_with_its_kind(site, device):
    headers, _ = device
    answer = site.get("/api/v1/values/temperature,on,note", headers)
    assert answer.json["data"]["values"] == [
        {"temperature": {"value": 21.0, "timestamp": 200}},
        {"on": {"value": True, "timestamp": 200}},
        {"note": {"value": "é", "timestamp": 100}},
    ]
    assert '"value":21.0' in answer.body.decode()
    server_time_us, values = decode_latest(answer.json)
    assert server_time_us == site.clock() // S * S
    assert values[0] == Latest("temperature", 21.0, 200 * S)


def test_all_fields_and_a_known_one_without_a_value(site, device):
    headers, session = device
    paths = ("/api/v1/values", "/api/v1/values/", "/api/v1/values/silent,note,on,temperature")
    answers = [site.get(path, headers) for path in paths]
    answers.append(site.get(f"/api/v1/devices/{headers['x-device-id']}/values", session))
    for answer in answers:
        assert answer.status == 200
        found = {name: value for pair in answer.json["data"]["values"] for name, value in pair.items()}
        assert set(found) == {"silent", "note", "on", "temperature"}
        assert found["silent"] == {"value": None, "timestamp": None}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Temprature", "The device has no field Temprature. Did you mean temperature, note, on (and 1 more)?"),
        (
            "nope,on,silence",
            "The device has no field nope, silence. Did you mean silent, note, temperature (and 1 more)?",
        ),
        ("on,", "The device has no field (an empty Field ID). Did you mean note, on, silent (and 1 more)?"),
        ("%2e%2e", "The device has no field ... Did you mean note, on, silent (and 1 more)?"),
        ("a,b,c,d", "The device has no field a, b, c, d. Did you mean note, on, silent (and 1 more)?"),
    ],
)
def test_unknown_fields_are_named_with_the_nearest_there_are(site, device, asked, message):
    answer = site.get(f"/api/v1/values/{asked}", device[0])
    assert answer.status == 404
    assert answer.message == message


def test_a_device_without_any_field_says_so(site):
    answer = site.get("/api/v1/values/temperature", site.new_key(site.new_device()))
    assert answer.message == "The device has no field temperature. It has none yet: its first push makes them."


def test_a_push_is_seen_by_the_next_read(site):
    headers = site.new_key(site.new_device())
    for n in range(1, 101):
        site.push(headers, [(n * S, {"n": n})])
        assert site.get("/api/v1/values/n", headers).json["data"]["values"] == [{"n": {"value": n, "timestamp": n}}]
