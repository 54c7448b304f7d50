from __future__ import annotations

import uuid

import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD

from nikdev_iot.server.storage.people import Role


@pytest.fixture
def account_id(site):
    return site.new_account()


@pytest.fixture
def owner(site, account_id):
    return site.services.people.members(account_id)[0].person


@pytest.fixture
def browser(site):
    return Browser(site, peer=(f"2001:db8:{uuid.uuid4().int % 60_000:x}::1", 5))


def invite(site, account_id, owner, role=Role.EDITOR, email=""):
    return (
        f"/admin/invitations/{site.services.invitations.invite(account_id, by=owner.id, role=role, email=email).token}"
    )


def test_somebody_new_registers_and_is_in(site, account_id, owner, browser):
    site.new_device(account_id, "Cellar")
    place = invite(site, account_id, owner)
    said = text_of(browser.get(place))
    assert f"{owner.email} invites you" in said
    assert "editor" in said
    email = f"{uuid.uuid4()}@example.org"
    answer = browser.post(place, email=email, password="short")
    assert answer.status == 422
    assert "at least 8" in text_of(answer)
    answer = browser.post(place, email=email, password=PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/admin/devices")
    assert "Cellar" in text_of(browser.get("/admin/devices"))
    assert [(one.person.email, one.role) for one in site.services.people.members(account_id)][1] == (
        email,
        Role.EDITOR,
    )
    for again in (browser.get(place), Browser(site).post(place, email="e@x.org", password=PASSWORD)):
        assert again.status == 404
        assert "used up" in text_of(again)


def test_who_is_signed_in_joins_with_a_button_and_lands_there(site, account_id, owner, browser):
    email = f"{uuid.uuid4()}@example.org"
    own = site.new_account(email)
    browser.sign_in(email)
    site.new_device(account_id, "Cellar")
    place = invite(site, account_id, owner, Role.VIEWER)
    assert f"Join as {email}" in text_of(browser.get(place))
    assert browser.post(f"{place}/accept", csrf=False).status == 403
    assert browser.post(f"{place}/accept").headers["location"] == "/admin/devices"
    assert "Cellar" in text_of(browser.get("/admin/devices"))
    assert {one.account.id for one in site.services.people.accounts(site.services.people.find(email).id)} == {
        own,
        account_id,
    }


def test_one_for_an_address_is_that_persons(site, account_id, owner, browser):
    email = f"{uuid.uuid4()}@example.org"
    place = invite(site, account_id, owner, email=email)
    assert email in text_of(browser.get(place))
    other = f"{uuid.uuid4()}@example.org"
    site.new_account(other)
    elsewhere = Browser(site)
    elsewhere.sign_in(other)
    assert f"It is for {email}" in text_of(elsewhere.get(place))
    refused = elsewhere.post(f"{place}/accept")
    assert refused.status == 403
    assert f"for {email}" in text_of(refused)
    # Whatever address is sent along: it is the invitation's that counts.
    assert browser.post(place, email="mallory@example.org", password=PASSWORD).status == 303
    assert site.services.people.find(email)


def test_an_address_that_is_taken_is_not_told(site, account_id, owner, browser):
    place = invite(site, account_id, owner)
    answer = browser.post(place, email=owner.email, password=PASSWORD)
    assert answer.status == 403
    assert "No account can be made with this address" in text_of(answer)
    assert not browser.is_signed_in
    assert f'href="/admin/login?next={place}"'.encode() in answer.body


def test_the_operator_invites_to_an_account_of_ones_own(site, owner, browser):
    place = invite(site, None, owner)
    assert "make an account of your own" in text_of(browser.get(place))
    email = f"{uuid.uuid4()}@example.org"
    assert browser.post(place, email=email, password=PASSWORD).status == 303
    (belonging,) = site.services.people.accounts(site.services.people.find(email).id)
    assert (belonging.account.name, belonging.role) == (email, Role.OWNER)


def test_where_registration_is_closed_only_people_who_are_there_accept(site, account_id, owner, browser):
    place = invite(site, account_id, owner)
    site.services.settings.set_registration("closed")
    try:
        assert "takes nobody new" in text_of(browser.get(place))
        assert browser.post(place, email="new@example.org", password=PASSWORD).status == 403
    finally:
        site.services.settings.set_registration("invitation")
