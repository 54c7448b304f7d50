from __future__ import annotations

import threading
import uuid

import pyotp
import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD, running_site

from nikdev_iot.server.web.pages.login import HALF_COOKIE
from nikdev_iot.server.web.pages.visit import COOKIE


@pytest.fixture
def email(site):
    """The address of somebody with an account."""
    email = f"{uuid.uuid4()}@example.org"
    site.new_account(email)
    return email


@pytest.fixture
def browser(site):
    return Browser(site, peer=(f"198.51.100.{uuid.uuid4().int % 250}", 5))


def test_a_session_begins_with_the_password_and_ends_with_the_button(browser, email):
    assert not browser.is_signed_in
    answer = browser.post("/admin/login", email=f" {email.upper()}", password=PASSWORD, next="/admin/people?x=1")
    assert (answer.status, answer.headers["location"]) == (303, "/admin/people?x=1")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert browser.is_signed_in
    assert browser.get("/admin/login?next=/admin/people").headers["location"] == "/admin/people"
    kept = dict(browser.cookies)
    assert browser.post("/admin/logout").headers["location"] == "/admin/login"
    assert not browser.is_signed_in
    browser.cookies = kept
    assert not browser.is_signed_in  # it is not only the browser that forgets


def test_every_sign_in_has_a_token_of_its_own_and_ends_the_one_before(browser, email):
    browser.sign_in(email)
    before = Browser(browser.site, dict(browser.cookies))
    browser.sign_in(email)
    assert browser.cookies[COOKIE] != before.cookies[COOKIE]
    assert browser.is_signed_in
    assert not before.is_signed_in


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(browser, email):
    answers = [
        browser.post("/admin/login", email=address, password="not this one")
        for address in (email, "nobody@example.org")
    ]
    assert {answer.status for answer in answers} == {401}
    bodies = {answer.body.replace(email.encode(), b"nobody@example.org") for answer in answers}
    assert len(bodies) == 1
    assert "The e-mail or the password is wrong." in text_of(answers[0])
    assert COOKIE not in browser.cookies


def test_guessing_is_slowed_down_and_said_beside_the_field(browser, email):
    statuses = [browser.post("/admin/login", email=email, password="guess").status for _ in range(8)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert "Too many failed attempts" in text_of(browser.post("/admin/login", email=email, password=PASSWORD))
    assert Browser(browser.site, peer=("203.0.113.77", 5)).sign_in(email).status == 303


def test_before_the_first_account_the_login_says_where_to_begin(tmp_path):
    with running_site(tmp_path) as site:
        browser = Browser(site)
        assert "Open the set-up link" in text_of(browser.get("/admin/login"))
        site.new_account()
        said = text_of(browser.get("/admin/login"))
        assert "set-up link" not in said
        assert "New here?" not in said
        site.services.settings.set_registration("open")
        assert "New here?" in text_of(browser.get("/admin/login"))


def test_passwords_are_checked_in_threads_of_their_own(browser, email, monkeypatch):
    seen = []
    whole = browser.site.services.sessions.sign_in

    def sign_in(**options):
        seen.append(threading.current_thread().name)
        return whole(**options)

    monkeypatch.setattr(browser.site.services.sessions, "sign_in", sign_in)
    browser.sign_in(email)
    assert seen[0].startswith("nikdev-password")


# -- the second step ----------------------------------------------------------------------------------------


@pytest.fixture
def secret(site, email):
    """Of the second factor, which is on; the code of this step is not used yet."""
    secret = pyotp.random_base32()
    with site.storage.write() as write:
        write.set_second_factor(site.services.people.find(email).id, secret)
    return secret


def test_a_password_is_not_enough_where_the_second_factor_is_on(browser, email, secret):
    answer = browser.post("/admin/login", email=email, password=PASSWORD, next="/admin/people")
    assert answer.status == 200
    assert "The password is right." in text_of(answer)
    assert "SameSite=strict" in answer.headers["set-cookie"]
    assert not browser.is_signed_in
    browser.cookies[COOKIE] = browser.cookies[HALF_COOKIE]
    assert not browser.is_signed_in  # in its place it opens nothing either
    del browser.cookies[COOKIE]
    assert browser.post("/admin/login/code", code="000000").status == 401
    code = pyotp.TOTP(secret).at(browser.site.clock() // 1_000_000)
    answer = browser.post("/admin/login/code", code=code, next="/admin/people")
    assert (answer.status, answer.headers["location"]) == (303, "/admin/people")
    assert browser.cookies[HALF_COOKIE] == ""
    assert browser.is_signed_in


def test_a_code_without_a_password_before_it_is_nothing(browser, email, secret):
    code = pyotp.TOTP(secret).at(browser.site.clock() // 1_000_000)
    answer = browser.post("/admin/login/code", code=code)
    assert answer.status == 404
    assert "Sign in with your password again" in text_of(answer)
    assert browser.get("/admin/login/code").headers["location"] == "/admin/login"
    assert not browser.is_signed_in


def test_the_api_asks_for_the_code_too(site, email, secret):
    def sign_in(**more):
        return site.send("POST", "/api/v1/sessions", {}, {"email": email, "password": PASSWORD, **more})

    answer = sign_in()
    assert (answer.status, answer.json["code"]) == (401, "second-factor")
    assert "code" in answer.message
    answer = sign_in(code="000000")
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert sign_in(code=pyotp.TOTP(secret).at(site.clock() // 1_000_000)).status == 201
    wrong = site.send("POST", "/api/v1/sessions", {}, {"email": email, "password": "not this one"})
    assert wrong.json["code"] == "unauthorized"
