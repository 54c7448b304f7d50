from __future__ import annotations

import re
import uuid

import pytest
from tests.server.web.pages.forms import HTMX, new_browser, text_of, words_of

from nikdev_iot.server.accounts.keys import KEEP
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.device_keys import expiry_of
from nikdev_iot.server.web.pages.routing import Form

DAY_US = 86_400_000_000
NOW_US = 1_790_000_000_000_000


@pytest.fixture
def browser(site):
    return new_browser(site)


@pytest.fixture
def device_id(site, browser):
    return site.new_device(browser.who.account_id, "Roof")


@pytest.fixture
def path(device_id):
    return f"/admin/devices/{device_id}/keys"


def _secret(answer):
    (secret,) = re.findall(r'<code id="new-key">([^<]*)</code>', answer.body.decode())
    return secret


def _only(site, device_id):
    (key,) = site.services.keys.all(device_id)
    return key


def test_a_key_is_made_and_its_secret_shown_once(site, browser, device_id, path):
    assert "No API key. A program needs one" in text_of(browser.get(path))
    made = browser.post(path, {"name": "the Pi", "write": "on", "expires": "30"})
    text = text_of(made)
    assert "The API key “the Pi”, shown once" in text
    assert "I have stored it" in text
    assert made.headers["cache-control"] == "no-store"
    headers = {"x-device-id": str(device_id), "x-api-key": _secret(made)}
    site.push(headers, [(1, {"a": 1})])
    assert site.get("/api/v1/values", headers).status == 403
    page = browser.get(path)
    assert _secret(made) not in page.body.decode()
    assert "the Pi" in text_of(page)
    assert _only(site, device_id).expires_us == site.clock() + 30 * DAY_US


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "x"}, "Choose read, write or both"),
        ({"name": "x" * 101, "read": "on"}, "The key's name has 101 characters"),
        ({"read": "on", "expires": "never"}, "Choose when the key expires"),
        ({"read": "on", "expires": "date"}, "Name the last day on which the key works"),
        ({"read": "on", "expires": "date", "date": "31.12.2027"}, "Name the last day on which the key works"),
        ({"read": "on", "expires": "date", "date": "2001-01-01"}, "would expire in the past"),
        ({"read": "on", "expires": "date", "date": "9999-12-31"}, "Name the last day on which the key works"),
    ],
)
def test_a_key_that_cannot_be_is_refused_in_words(site, browser, device_id, path, fields, message):
    answer = browser.post(path, {"name": "kept", **fields})
    assert answer.status == 422
    assert message in words_of(answer)
    if "name" not in fields:
        assert 'value="kept"' in answer.body.decode()
    assert site.services.keys.all(device_id) == []


def test_access_is_changed_at_once(site, browser, device_id, path):
    headers = site.new_key(device_id, name="Pi")
    site.push(headers, [(1, {"a": 1})])
    key = _only(site, device_id)
    assert site.get("/api/v1/values", headers).status == 200
    part = browser.post(f"{path}/{key.id}/access", {"write": "on"}, HTMX)
    assert words_of(part).strip() == "May write, may not read. In force within 2 s."
    assert site.get("/api/v1/values", headers).status == 403
    page = browser.follow(browser.post(f"{path}/{key.id}/access", {"read": "on"}))
    assert "The key “Pi” is changed; in force within 2 s." in page
    assert site.get("/api/v1/values", headers).status == 200
    part = browser.post(f"{path}/{key.id}/access", {}, HTMX)
    assert words_of(part).strip() == "Opens nothing now. In force within 2 s."
    assert site.get("/api/v1/values", headers).status == 403


def test_name_and_expiry_are_changed(site, browser, device_id, path):
    site.new_key(device_id, name="Pi")
    key = _only(site, device_id)
    browser.follow(browser.post(f"{path}/{key.id}/change", {"name": "Shed", "expires": "keep"}))
    assert (_only(site, device_id).name, _only(site, device_id).expires_us) == ("Shed", None)
    browser.follow(browser.post(f"{path}/{key.id}/change", {"name": "Shed", "expires": "90"}))
    assert _only(site, device_id).expires_us == site.clock() + 90 * DAY_US
    browser.follow(browser.post(f"{path}/{key.id}/change", {"name": "Shed", "expires": ""}))
    assert _only(site, device_id).expires_us is None
    for fields, message in (
        ({"name": "x" * 101, "expires": "keep"}, "The key's name has 101"),
        ({"name": "y", "expires": "date", "date": "2020-01-01"}, "in the past"),
    ):
        answer = browser.post(f"{path}/{key.id}/change", fields)
        assert answer.status == 422
        assert message in words_of(answer)
    assert _only(site, device_id).name == "Shed"


def test_a_revoked_key_is_folded_away_and_stays_so(site, browser, device_id, path):
    headers = site.new_key(device_id, name="Pi")
    key = _only(site, device_id)
    page = browser.follow(browser.post(f"{path}/{key.id}/revoke", {}))
    assert "The key “Pi” is revoked: it opens nothing any more." in page
    assert "No API key in use." in page
    assert "1 revoked" in page
    assert site.get("/api/v1/device", headers).status == 401
    for form in ("access", "change"):
        answer = browser.post(f"{path}/{key.id}/{form}", {"read": "on", "expires": "keep"})
        assert answer.status == 422
        assert "is revoked, and stays so" in words_of(answer)


def test_an_expired_key_says_so(site, browser, device_id, path):
    site.new_key(device_id, name="Pi", expires_us=site.clock() + 1)
    site.clock.now_us += 120_000_001
    assert "expired 2 min ago" in text_of(browser.get(path))


def test_a_key_of_another_device_is_not_here(site, browser, device_id, path):
    other = site.new_device(browser.who.account_id)
    site.new_key(other)
    key = _only(site, other)
    for form in ("access", "change", "revoke"):
        for key_id in (str(key.id), str(uuid.uuid4()), "x"):
            assert browser.post(f"{path}/{key_id}/{form}", {"expires": "keep"}).status == 404
    assert _only(site, other) == key


def test_a_viewer_sees_and_changes_nothing(site, browser, device_id, path):
    site.new_key(device_id, name="Pi")
    key = _only(site, device_id)
    viewer = new_browser(site, Role.VIEWER, browser.who.account_id)
    text = text_of(viewer.get(path))
    assert "Pi" in text
    for word in ("Make a key", "Revoke", "Change"):
        assert word not in text
    for form in ("", f"/{key.id}/access", f"/{key.id}/change", f"/{key.id}/revoke"):
        assert viewer.post(f"{path}{form}", {"read": "on"}).status == 403
    assert _only(site, device_id) == key


@pytest.mark.parametrize(
    ("fields", "expires_us"),
    [
        ([], None),
        ([("expires", "")], None),
        ([("expires", "keep")], KEEP),
        ([("expires", "365")], NOW_US + 365 * DAY_US),
        ([("expires", "date"), ("date", "1970-01-01")], DAY_US),
        ([("expires", "date"), ("date", "2027-12-31")], 1_830_297_600_000_000),
    ],
)
def test_when_it_expires(fields, expires_us):
    assert expiry_of(Form(fields), NOW_US) == expires_us


@pytest.mark.parametrize("day", ["", "x", "2027-02-30", "20271231", "2027-W01-1", "9999-12-31", "0000-01-01"])
def test_days_that_there_are_not(day):
    with pytest.raises(Invalid, match="last day"):
        expiry_of(Form([("expires", "date"), ("date", day)]), NOW_US)
