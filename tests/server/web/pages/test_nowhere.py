from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path", ["/admin/nothing", "/admin/devices/a/b/c/d", "/admin/server/../x", "/admin/%00", "/admin//"]
)
def test_an_unknown_page_is_a_page_that_says_so(site, path):
    answer = site.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert b"There is no page at this address." in answer.body


def test_what_is_elsewhere_stays_the_business_of_the_api(site):
    assert site.get("/nothing").message.startswith("There is nothing at /nothing.")
    assert site.get("/api/v1/nothing").status == 404


def test_it_hides_no_page(site):
    """Its route matches everything: it must come after all others."""
    assert site.get("/admin/login").status == 200
    assert site.get("/admin/devices").status == 303
