from __future__ import annotations

import uuid

import pytest
from tests.server.web.pages.browsing import Browser, text_of

from nikdev_iot.server.storage.people import Role


def test_on_to_another_account_of_the_same_person(site):
    email = f"{uuid.uuid4()}@example.org"
    own, other = site.new_account(email), site.new_account()
    site.new_device(own, "Balcony")
    site.new_device(other, "Cellar")
    browser = Browser(site)
    browser.sign_in(email)
    assert "Switch account" not in text_of(browser.get("/admin/devices"))
    assert browser.post("/admin/switch", account=str(other)).status == 404
    owner = site.services.people.members(other)[0].person.id
    token = site.services.invitations.invite(other, by=owner, role=Role.VIEWER).token
    site.services.invitations.accept(token, site.services.people.find(email))
    assert "Switch account" in text_of(browser.get("/admin/devices"))
    answer = browser.post("/admin/switch", account=str(other))
    assert (answer.status, answer.headers["location"]) == (303, "/admin/devices")
    said = text_of(browser.get("/admin/devices"))
    assert "Cellar" in said
    assert "Balcony" not in said
    assert browser.post("/admin/devices", name="x").status == 403  # here the person only looks
    browser.post("/admin/switch", account=str(own))
    assert browser.post("/admin/devices", name="x").status == 303


@pytest.mark.parametrize("account", ["", "x", str(uuid.UUID(int=5))])
def test_what_is_no_account_of_the_person(site, account):
    email = f"{uuid.uuid4()}@example.org"
    site.new_account(email)
    browser = Browser(site)
    browser.sign_in(email)
    assert browser.post("/admin/switch", account=account).status == 404
    assert browser.is_signed_in
