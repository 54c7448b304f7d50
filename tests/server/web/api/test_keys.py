from __future__ import annotations

import pytest


@pytest.fixture
def owned(site):
    """(session, path of the device's keys, Device ID)."""
    account = site.new_account()
    device_id = site.new_device(account)
    return site.new_session(account), f"/api/v1/devices/{device_id}/keys", str(device_id)


def test_a_key_is_made_used_changed_and_revoked(site, owned):
    session, path, device_id = owned
    made = site.send("POST", path, session, {"name": "roof", "write": True})
    assert made.status == 201
    key = made.json
    secret = key.pop("api_key")
    headers = {"x-device-id": device_id, "x-api-key": secret}
    site.push(headers, [(1, {"a": 1})])
    assert site.get("/api/v1/values", headers).status == 403

    one = f"{path}/{key['key_id']}"
    changed = site.send("PATCH", one, session, {"read": True, "expires_us": site.clock() + 5})
    assert (changed.json["read"], changed.json["write"], changed.json["expires_us"]) == (True, True, site.clock() + 5)
    assert site.get("/api/v1/values", headers).status == 200
    assert site.send("PATCH", one, session, {"name": "shed"}).json["expires_us"] == site.clock() + 5
    assert site.send("PATCH", one, session, {"expires_us": None}).json["expires_us"] is None

    revoked = site.call("DELETE", one, session)
    assert revoked.json["revoked_us"] == site.clock()
    assert site.get("/api/v1/values", headers).status == 401
    assert site.call("DELETE", one, session).status == 200
    assert site.send("PATCH", one, session, {"read": True}).status == 422
    (listed,) = site.get(path, session).json["keys"]
    assert (listed["name"], listed["revoked_us"]) == ("shed", site.clock())


def test_the_secret_is_told_once_and_kept_nowhere(site, owned):
    session, path, _ = owned
    secret = site.send("POST", path, session, {"read": True}).json["api_key"]
    assert secret.encode() not in site.get(path, session).body
    for file in site.folder.iterdir():
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "A key without read and without write access would open nothing."),
        ({"read": True, "expires_us": 5}, "The key would expire in the past. Nothing was changed."),
        ({"read": 1}, "read: input should be a valid boolean."),
        ({"read": True, "expires_us": 1e18}, "expires_us: input should be a valid integer."),
        ({"read": True, "expires_us": 2**80}, "expires_us: input should be less than or equal to 253402300799999999."),
    ],
)
def test_a_key_that_cannot_be_is_refused(site, owned, body, message):
    session, path, _ = owned
    answer = site.send("POST", path, session, body)
    assert (answer.status, answer.message) == (422, message)
    assert site.get(path, session).json == {"keys": []}
