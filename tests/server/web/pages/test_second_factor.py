from __future__ import annotations

import re
import uuid
from urllib.parse import unquote

import pyotp
import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD

PLACE = "/admin/profile/second-factor"


@pytest.fixture
def email(site):
    email = f"{uuid.uuid4()}@example.org"
    site.new_account(email)
    return email


@pytest.fixture
def browser(site, email):
    browser = Browser(site)
    browser.sign_in(email)
    return browser


def secret_on(answer):
    return re.search(r'name="secret" value="(\w{32})"', answer.body.decode())[1]


def switch_on(browser):
    """Return the backup codes."""
    secret = secret_on(browser.get(PLACE))
    code = pyotp.TOTP(secret).at(browser.site.clock() // 1_000_000)
    answer = browser.post(PLACE, secret=secret, code=code, password=PASSWORD)
    assert answer.status == 200
    return re.search(r'id="codes">(.*?)</pre>', answer.body.decode(), re.DOTALL)[1].split()


def test_the_page_shows_a_picture_that_an_app_reads(browser, email):
    answer = browser.get(PLACE)
    picture = re.search(r'src="data:image/svg\+xml[^,]*,([^"]+)"', answer.body.decode())
    assert unquote(picture[1]).startswith("<svg")
    assert secret_on(answer) != secret_on(browser.get(PLACE))
    assert browser.site.services.people.find(email).totp_secret is None


def test_it_is_on_once_a_code_has_shown_that_the_app_has_it(browser, email, site):
    elsewhere = Browser(site)
    elsewhere.sign_in(email)
    secret = secret_on(browser.get(PLACE))
    code = pyotp.TOTP(secret).at(site.clock() // 1_000_000)
    for fields, said in (
        ({"code": "000000", "password": PASSWORD}, "The code is wrong"),
        ({"code": code, "password": "not this one"}, "The password is wrong"),
    ):
        answer = browser.post(PLACE, secret=secret, **fields)
        assert answer.status == 422
        assert said in text_of(answer)
        assert secret_on(answer) == secret
    assert browser.post(PLACE, secret="A" * 16, code=code, password=PASSWORD).status == 422
    assert site.services.people.find(email).totp_secret is None
    assert elsewhere.is_signed_in
    answer = browser.post(PLACE, secret=secret, code=f"{code[:3]} {code[3:]}", password=PASSWORD)
    assert "shown once" in text_of(answer)
    assert site.services.people.find(email).totp_secret == secret
    assert not elsewhere.is_signed_in
    assert browser.is_signed_in
    assert secret not in browser.get("/admin/profile").body.decode()
    assert browser.get(PLACE).headers["location"].startswith("/admin/profile")


def test_backup_codes_open_once_and_are_replaced(browser, email, site):
    codes = switch_on(browser)
    assert len(set(codes)) == 10
    assert "10 backup codes left" in text_of(browser.get("/admin/profile"))
    elsewhere = Browser(site)
    for expected in (303, 401):
        elsewhere.sign_in(email)
        assert elsewhere.post("/admin/login/code", csrf=False, code=codes[0].upper()).status == expected
    refused = browser.post(f"{PLACE}/codes", codes_password="not this one")
    assert refused.status == 422
    assert "The password is wrong" in text_of(refused)
    answer = browser.post(f"{PLACE}/codes", codes_password=PASSWORD)
    new = re.search(r'id="codes">(.*?)</pre>', answer.body.decode(), re.DOTALL)[1].split()
    assert not set(new) & set(codes)
    assert elsewhere.post("/admin/login/code", csrf=False, code=codes[1]).status == 401
    assert elsewhere.post("/admin/login/code", csrf=False, code=new[0]).status == 303


def test_switching_it_off_asks_for_the_password(browser, email, site):
    switch_on(browser)
    answer = browser.post(f"{PLACE}/off", off_password="not this one")
    assert answer.status == 422
    assert "The password is wrong" in text_of(answer)
    assert site.services.people.find(email).totp_secret
    assert browser.post(f"{PLACE}/off", off_password=PASSWORD).status == 303
    assert site.services.people.find(email).totp_secret is None
    assert Browser(site).sign_in(email).status == 303
    answer = browser.post(f"{PLACE}/codes", codes_password=PASSWORD)
    assert answer.status == 409
    assert "is off" in text_of(answer)
