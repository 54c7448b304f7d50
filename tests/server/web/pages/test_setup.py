from __future__ import annotations

import pytest
from tests.server.web.pages.browsing import Browser, text_of
from tests.server.web.whole_app import PASSWORD, running_site


@pytest.fixture
def empty(tmp_path):
    """A server without an account."""
    with running_site(tmp_path) as site:
        yield site


def test_the_link_makes_the_first_account_and_signs_in(empty):
    browser = Browser(empty)
    place = f"/admin/setup/{empty.services.set_up.new_token()}"
    assert "you become its operator" in text_of(browser.get(place))
    answer = browser.post(place, email="Ada@example.org", password=PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/admin/devices")
    assert browser.is_signed_in
    assert empty.services.people.find("ada@example.org").is_operator
    assert browser.get("/admin/server").status == 200
    stranger = Browser(empty)
    for ask in (lambda: stranger.get(place), lambda: stranger.post(place, email="e@x.org", password=PASSWORD)):
        answer = ask()
        assert answer.status == 404
        assert "used up" in text_of(answer)
    assert len(empty.services.accounts.all()) == 1


def test_what_is_wrong_is_said_beside_the_field_and_the_link_stays_good(empty):
    browser = Browser(empty)
    place = f"/admin/setup/{empty.services.set_up.new_token()}"
    answer = browser.post(place, email="ada<script>", password="short")
    assert answer.status == 422
    assert "is not an e-mail address" in text_of(answer)
    assert "at least 8" in text_of(answer)
    assert b'value="ada&lt;script&gt;"' in answer.body
    assert b"short" not in answer.body.replace(b"shortcut", b"")
    assert browser.post(place, email="ada@example.org", password=PASSWORD).status == 303


@pytest.mark.parametrize("token", ["x", "%00", "é" * 50])
def test_another_link_opens_nothing(empty, token):
    assert Browser(empty).get(f"/admin/setup/{token}").status == 404
    empty.services.set_up.new_token()
    assert Browser(empty).get(f"/admin/setup/{token}").status == 404
