from __future__ import annotations

import pytest

from nikdev_iot.server.web.pages.shell import CSP


@pytest.mark.parametrize(
    "path", ["/admin/nothing", "/admin/devices/a/b/c/d", "/admin/server/../x", "/admin/%00", "/admin//"]
)
def test_an_unknown_page_is_a_page_that_says_so(site, path):
    answer = site.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert b"There is no page at this address." in answer.body


@pytest.mark.parametrize("path", ["/nothing", "/admi", "/shared", "/favicon.ico"])
def test_a_browser_that_is_lost_elsewhere_gets_a_page_too(site, path):
    answer = site.get(path, {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == CSP
    assert b"There is no page at this address." in answer.body
    assert b'href="/admin/devices"' in answer.body


def test_programs_get_json(site):
    assert site.get("/nothing").message.startswith("There is nothing at /nothing.")
    assert site.get("/nothing", {"accept": "*/*"}).message.startswith("There is nothing at /nothing.")
    assert site.get("/api/v1/nothing", {"accept": "text/html"}).message.startswith(
        "There is nothing at /api/v1/nothing."
    )
    assert site.call("POST", "/nothing", {"accept": "text/html"}).message.startswith("There is nothing at")


def test_it_hides_no_page(site):
    """Its route matches everything: it must come after all others."""
    assert site.get("/admin/login").status == 200
    assert site.get("/admin/devices").status == 303
