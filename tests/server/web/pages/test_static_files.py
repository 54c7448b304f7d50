from __future__ import annotations

import gzip

import pytest

from nikdev_iot.server.web.pages.assets import asset, assets

PAGE_JS = asset("js/page.js")


def test_a_file_is_kept_by_browsers_for_ever(site):
    answer = site.get(PAGE_JS)
    assert answer.status == 200
    assert answer.body == assets()[1]["js/page.js"].content
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_is_squeezed_for_who_can_read_that(site):
    answer = site.get(PAGE_JS, {"accept-encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "accept-encoding"
    assert len(answer.body) < len(gzip.decompress(answer.body)) == len(site.get(PAGE_JS).body)


def test_at_an_address_of_another_version_it_is_not_kept(site):
    """A page opened before the server was updated still works, and nothing new is stored under an old address."""
    answer = site.get("/assets/0123456789abcdef/js/page.js")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "", "js", "js/", "../page.py", "js/../../assets.py", "%2e%2e/assets.py", "/etc/passwd", "%00"],
)
def test_nothing_else_can_be_had(site, name):
    answer = site.get(f"/assets/{assets()[0]}/{name}")
    assert answer.status == 404
    assert b"There is no such file." in answer.body


def test_every_file_is_served(site):
    for name, found in assets()[1].items():
        answer = site.get(asset(name))
        assert answer.body == found.content
        assert answer.headers["content-type"].partition(";")[0] == found.type
