from __future__ import annotations

import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD, running_site


@pytest.fixture
def own_site(tmp_path):
    """A server whose settings are this test's."""
    with running_site(tmp_path) as site:
        yield site


def test_before_the_first_account_it_explains_the_set_up_link(own_site):
    browser = Browser(own_site)
    assert "is made with its set-up link" in text_of(browser.get("/admin/register"))
    assert browser.post("/admin/register", email="ada@example.org", password=PASSWORD).status == 403
    own_site.services.settings.set_registration("open")
    assert "is made with its set-up link" in text_of(browser.get("/admin/register"))
    assert browser.post("/admin/register", email="ada@example.org", password=PASSWORD).status == 403
    assert own_site.services.accounts.all() == []


@pytest.mark.parametrize(("registration", "said"), [("invitation", "by a link"), ("closed", "takes nobody new")])
def test_it_says_why_there_is_no_form(own_site, registration, said):
    own_site.new_account()
    own_site.services.settings.set_registration(registration)
    answer = Browser(own_site).get("/admin/register")
    assert answer.status == 200
    assert said in text_of(answer)
    assert b"<form" not in answer.body
    refused = Browser(own_site).post("/admin/register", email="ada@example.org", password=PASSWORD)
    assert refused.status == 403
    assert "without an invitation" in text_of(refused)
    assert len(own_site.services.accounts.all()) == 1


def test_whoever_comes_gets_an_account_where_it_is_open(own_site):
    own_site.new_account("taken@example.org")
    own_site.services.settings.set_registration("open")
    browser = Browser(own_site)
    answer = browser.post("/admin/register", email="bob", password="short")
    assert answer.status == 422
    assert "is not an e-mail address" in text_of(answer)
    assert "at least 8" in text_of(answer)
    answer = browser.post("/admin/register", email="taken@example.org", password=PASSWORD)
    assert answer.status == 403
    assert "No account can be made with this address" in text_of(answer)
    assert not browser.is_signed_in
    answer = browser.post("/admin/register", email="bob@example.org", password=PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/admin/devices")
    assert browser.is_signed_in
    assert browser.get("/admin/server").status == 403
    for number in range(10):
        answer = Browser(own_site).post("/admin/register", email=f"{number}@example.org", password=PASSWORD)
    assert answer.status == 429
    assert "Too many accounts" in text_of(answer)
