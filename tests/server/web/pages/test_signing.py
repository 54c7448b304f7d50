from __future__ import annotations

import pytest
from starlette.requests import Request

from nikdev_iot.server.web.pages.signing import browser_of, own_path, peer_of, wrong_entries


@pytest.mark.parametrize("target", ["/admin/devices", "/admin/devices/x/charts?start=1&end=2", "/admin/people"])
def test_a_page_of_ours_is_where_to_go_on(target):
    assert own_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "https://elsewhere.example/admin/devices",
        "//elsewhere.example/admin/",
        "/\\elsewhere.example/admin/",
        "\\\\elsewhere.example",
        "/admin/../../elsewhere",
        "javascript:alert(1)",
        "admin/devices",
        "/admin",
        "/api/v1/account",
        "/admin/logout",
        "/admin/login?next=/admin/login",
        "/admin/login/code",
        "/admin/devices\r\nset-cookie: a=b",
        "/admin/devices\tx",
        "/admin/é",
        "///elsewhere.example/admin/",
        "///admin/devices",  # to a browser, `admin` is the host
        "////admin/devices",
        "http:/admin/devices",
    ],
)
def test_anything_else_is_not(target):
    assert own_path(target) == "/admin/devices"


def test_who_asks():
    scope = {"type": "http", "headers": [(b"user-agent", b"Firefox")], "client": ("192.0.2.1", 5)}
    assert (peer_of(Request(scope)), browser_of(Request(scope))) == ("192.0.2.1", "Firefox")
    scope = {"type": "http", "headers": [], "client": None}
    assert (peer_of(Request(scope)), browser_of(Request(scope))) == ("", "")


def test_what_is_wrong_is_said_for_each_field(site):
    assert wrong_entries(site.services, email="ada@example.org", password="long enough") == {}
    wrong = wrong_entries(site.services, email="ada", password="short")
    assert wrong.keys() == {"email", "password"}
    assert "not an e-mail address" in wrong["email"]
    assert "at least 8" in wrong["password"]
