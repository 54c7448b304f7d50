from __future__ import annotations

import re
import uuid

import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD

from nikdev_iot.server.storage.people import Role


@pytest.fixture
def account_id(site):
    if not site.services.accounts.all():
        site.new_account()  # the operator's
    return site.new_account()


def signed_in(site, email):
    browser = Browser(site)
    browser.sign_in(email)
    return browser


@pytest.fixture
def owner(site, account_id):
    return signed_in(site, site.services.people.members(account_id)[0].person.email)


@pytest.fixture
def guest(site, account_id):
    """The address of an editor."""
    return site.new_member(account_id, Role.EDITOR)


def person_id(site, email):
    return str(site.services.people.find(email).id)


def link_on(answer):
    return re.search(r'id="link">https?://iot\.example\.org(/admin/invitations/[\w-]{43})<', answer.body.decode())[1]


def test_owners_see_all_that_can_be_done_and_others_who_is_there(site, account_id, owner, guest):
    assert guest in text_of(owner.get("/admin/people"))
    editor = signed_in(site, guest)
    page = editor.get("/admin/people")
    assert guest in text_of(page)
    assert b"/admin/people/invite" not in page.body
    for form in ("invite", "role", "remove", "name", "withdraw", "invite-account", "withdraw-account"):
        assert editor.post(f"/admin/people/{form}").status == 403
    assert owner.post("/admin/people/invite-account").status == 403  # for the operator


def test_an_invitation_is_shown_once_and_can_be_withdrawn(site, account_id, owner):
    answer = owner.post("/admin/people/invite", email="Bob@example.org", role="viewer")
    place = link_on(answer)
    assert "bob@example.org" in text_of(answer)
    assert "No mail is sent" in text_of(answer)
    page = owner.get("/admin/people")
    assert "bob@example.org" in text_of(page)
    assert place.rpartition("/")[2] not in page.body.decode()
    assert Browser(site).get(place).status == 200
    (invitation,) = site.services.invitations.all(account_id)
    assert invitation.role is Role.VIEWER
    other = signed_in(site, site.services.people.members(site.new_account())[0].person.email)
    other.post("/admin/people/withdraw", invitation=str(invitation.id))
    assert Browser(site).get(place).status == 200
    assert owner.post("/admin/people/withdraw", invitation=str(invitation.id)).status == 303
    assert Browser(site).get(place).status == 404


@pytest.mark.parametrize(("fields", "said"), [
    ({"email": "bob", "role": "viewer"}, "not an e-mail address"),
    ({"email": "", "role": "king"}, "not a role"),
])  # fmt: skip
def test_what_is_wrong_with_an_invitation_is_said(site, account_id, owner, fields, said):
    answer = owner.post("/admin/people/invite", **fields)
    assert answer.status == 422
    assert said in text_of(answer)
    assert site.services.invitations.all(account_id) == []


def test_roles_are_changed_at_once(site, account_id, owner, guest):
    editor = signed_in(site, guest)
    assert editor.post("/admin/people/invite", role="viewer").status == 403
    assert owner.post("/admin/people/role", person=person_id(site, guest), role="owner").status == 303
    assert editor.post("/admin/people/invite", role="viewer").status == 200
    assert owner.post("/admin/people/role", person=person_id(site, guest), role="viewer").status == 303
    assert editor.post("/admin/devices", name="x").status == 403
    assert editor.get("/admin/devices").status == 200
    for role in ("king", ""):
        assert owner.post("/admin/people/role", person=person_id(site, guest), role=role).status == 422
    for person in ("", "x", str(uuid.uuid4())):
        assert owner.post("/admin/people/role", person=person, role="viewer").status == 404


def test_who_is_removed_is_out_at_once(site, account_id, owner, guest):
    editor = signed_in(site, guest)
    api = site.sign_in(guest)
    assert owner.post("/admin/people/remove", person=person_id(site, guest)).status == 303
    assert not editor.is_signed_in
    assert site.get("/api/v1/devices", api).status == 401
    assert guest not in text_of(owner.get("/admin/people"))


def test_the_last_owner_stays(site, account_id, owner):
    me = str(site.services.people.members(account_id)[0].person.id)
    for answer in (
        owner.post("/admin/people/remove", person=me),
        owner.post("/admin/people/role", person=me, role="viewer"),
    ):
        assert answer.status == 409
        assert "An account needs an owner" in text_of(answer)
    assert owner.post("/admin/people/name", name="x").status == 303


def test_people_of_another_account_are_not_there(site, owner):
    other = site.new_account()
    stranger = site.new_member(other, Role.EDITOR)
    for form in ("role", "remove"):
        answer = owner.post(f"/admin/people/{form}", person=person_id(site, stranger), role="viewer")
        assert answer.status == 404
    assert len(site.services.people.members(other)) == 2


def test_an_account_gets_another_name(site, account_id, owner):
    assert owner.post("/admin/people/name", name=" The <house> ").status == 303
    assert "The <house>" in text_of(owner.get("/admin/people"))
    answer = owner.post("/admin/people/name", name=" ")
    assert answer.status == 422
    assert "name is empty" in text_of(answer)
    assert site.services.accounts.get(account_id).name == "The <house>"


def test_the_operator_lets_people_in_who_share_nothing(site, account_id):
    operator = next(person for person in site.storage.people() if person.is_operator)
    browser = signed_in(site, operator.email)
    place = link_on(browser.post("/admin/people/invite-account", new_email=""))
    somebody = Browser(site)
    email = f"{uuid.uuid4()}@example.org"
    assert somebody.post(place, email=email, password=PASSWORD).status == 303
    assert [one.person.email for one in site.services.people.members(site.services.accounts.find(email).id)] == [email]
    assert browser.post("/admin/people/invite-account", new_email="bob").status == 422
    before = site.services.invitations.all(None)
    browser.post("/admin/people/invite-account", new_email="bob@example.org")
    *others, invitation = site.services.invitations.all(None)
    assert others == before
    assert "bob@example.org" in text_of(browser.get("/admin/people"))
    assert browser.post("/admin/people/withdraw-account", invitation=str(invitation.id)).status == 303
    assert site.services.invitations.all(None) == before
