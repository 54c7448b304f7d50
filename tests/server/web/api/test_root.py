from __future__ import annotations

from nikdev_iot._version import __version__


def test_which_server_this_is(site):
    assert site.get("/api/v1/").json == {
        "name": "nikdev-iot",
        "version": __version__,
        "api": 1,
        "server_time_us": site.clock(),
        "epoch": site.storage.epoch.hex(),
    }


def test_it_is_there(site):
    assert site.get("/healthz").json == {"status": "ok"}


def test_the_document_needs_no_credentials(site):
    assert site.get("/api/v1/openapi.json").json["openapi"].startswith("3.")
