"""Where a browser comes first, and what every page has."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_stranger_is_sent_to_the_login(stranger):
    page = stranger.open("/")
    expect(page).to_have_url(f"{stranger.server.url}/admin/login?next=/admin/devices")


def test_someone_signed_in_comes_to_the_devices(visitor, look):
    page = visitor.open("/")
    expect(page).to_have_url(f"{visitor.server.url}/admin/devices")
    look(page, "devices-empty")
