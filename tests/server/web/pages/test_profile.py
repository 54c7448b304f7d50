from __future__ import annotations

import uuid

import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD

NEW = "a longer staple"


@pytest.fixture
def email(site):
    email = f"{uuid.uuid4()}@example.org"
    site.new_account(email)
    return email


@pytest.fixture
def browsers(site, email):
    """The same person at two."""
    found = [Browser(site), Browser(site, peer=("203.0.113.9", 5))]
    for browser in found:
        browser.sign_in(email)
    return found


def test_a_new_password_ends_all_other_sessions(browsers, email):
    here, there = browsers
    answer = here.post("/admin/profile/password", old_password=PASSWORD, new_password=NEW)
    assert (answer.status, answer.headers["location"]) == (303, "/admin/profile?done=password")
    assert "signed out everywhere else" in text_of(here.get("/admin/profile?done=password"))
    assert not there.is_signed_in
    assert there.sign_in(email).status == 401
    assert there.sign_in(email, NEW).status == 303


@pytest.mark.parametrize(
    ("old", "new", "said"), [("not this one", NEW, "The password is wrong."), (PASSWORD, "short", "at least 8")]
)
def test_what_is_wrong_with_it_is_said_and_nothing_is_changed(browsers, email, old, new, said):
    here, there = browsers
    answer = here.post("/admin/profile/password", old_password=old, new_password=new)
    assert answer.status == 422
    assert said in text_of(answer)
    assert there.is_signed_in
    assert Browser(here.site).sign_in(email).status == 303


def test_guessing_the_old_one_is_slowed_down(browsers):
    here = browsers[0]
    said = ""
    for _ in range(7):
        said = text_of(here.post("/admin/profile/password", old_password="guess", new_password=NEW))
    assert "Too many failed attempts" in said


def test_sessions_are_listed_and_ended(site, browsers, email):
    here, there = browsers
    said = text_of(here.get("/admin/profile"))
    assert "from 203.0.113.9" in said
    assert said.count("this is the one you use now") == 1
    handles = [part.split('"')[0] for part in here.get("/admin/profile").body.decode().split('name="session" value="')]
    (handle,) = handles[1:]
    assert Browser(site).post("/admin/profile/sessions/end", session=handle).status == 303  # to the login
    assert there.is_signed_in
    assert here.post("/admin/profile/sessions/end", session=handle).status == 303
    assert not there.is_signed_in
    there.sign_in(email)
    assert here.post("/admin/profile/sessions/end-others").status == 303
    assert not there.is_signed_in
    assert here.is_signed_in


def test_nothing_of_a_session_that_opens_anything_is_on_the_page(site, browsers, email):
    page = browsers[0].get("/admin/profile").body.decode()
    for session in site.services.sessions.all(site.services.people.find(email).id):
        assert session.token_hash.hex() not in page
    for browser in browsers:
        assert browser.cookies["nikdev_session"] not in page
