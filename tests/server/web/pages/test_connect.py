from __future__ import annotations

import re
import uuid
from urllib.parse import urlencode

import pytest
from tests.server.web.pages.people import Somebody, new_person
from tests.server.web.whole_app import Site

from nikdev_iot.server.storage.people import Role


@pytest.fixture
def owner(site: Site) -> Somebody:
    return new_person(site, site.new_account(), Role.OWNER)


def _make_key(site: Site, who: Somebody, device: uuid.UUID) -> tuple[int, str]:
    headers = {**who.headers, "content-type": "application/x-www-form-urlencoded", "host": "iot.example.org"}
    body = urlencode({"csrf": who.csrf}).encode()
    answer = site.call("POST", f"/admin/devices/{device}/connect", headers, body)
    return answer.status, answer.body.decode()


def test_the_lines_are_of_this_server_and_device(site: Site, owner: Somebody) -> None:
    device = site.new_device(owner.account_id)
    answer = site.get(f"/admin/devices/{device}/connect", {**owner.headers, "host": "iot.example.org:8321"})
    text = answer.body.decode()
    for snippet in ("python", "nikdev", "curl"):
        code = re.search(rf'<code id="{snippet}">(.*?)</code>', text, re.DOTALL)
        assert code is not None
        assert "http://iot.example.org:8321/api/v1/" in code[1]
        assert str(device) in code[1]
        assert "YOUR-API-KEY" in code[1]
    assert "waiting for the first value…" in text


def test_a_key_is_made_and_shown_once(site: Site, owner: Somebody) -> None:
    device = site.new_device(owner.account_id)
    status, text = _make_key(site, owner, device)
    assert status == 200
    (key,) = site.storage.keys(device)
    assert (key.name, key.can_read, key.can_write) == ("Connect", False, True)
    secret = re.search(r'<code id="new-key">([^<]+)</code>', text)
    assert secret is not None
    assert text.count(secret[1]) == 4
    assert "I have stored it" in text
    assert "YOUR-API-KEY" not in text
    again = site.get(f"/admin/devices/{device}/connect", owner.headers).body.decode()
    assert secret[1] not in again
    site.push({"x-device-id": str(device), "x-api-key": secret[1]}, [(site.clock(), {"temperature": 21.5})])
    after = site.get(f"/admin/devices/{device}/connect", owner.headers).body.decode()
    assert "waiting for the first value…" not in after
    assert "It is connected" in after


def test_a_viewer_is_told_who_makes_keys(site: Site, owner: Somebody) -> None:
    viewer = new_person(site, owner.account_id, Role.VIEWER)
    device = site.new_device(owner.account_id)
    text = site.get(f"/admin/devices/{device}/connect", viewer.headers).body.decode()
    assert "an editor of this account can make one" in text
    assert _make_key(site, viewer, device)[0] == 403
    assert site.storage.keys(device) == []
