"""The API keys of a device: made, shown once, switched and revoked."""

from __future__ import annotations

import time
import urllib.error

import pytest
from playwright.sync_api import expect
from tests.servers import Credentials


def _status(visitor, credentials, path="/api/v1/values"):
    try:
        visitor.server.get(path, credentials)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def _wait_for(visitor, credentials, status):
    """Wait until a reading request gets this status; return how long that took."""
    begun = time.monotonic()
    while _status(visitor, credentials) != status:
        assert time.monotonic() - begun < 2, "not in force within 2 s"
        time.sleep(0.02)
    return time.monotonic() - begun


@pytest.fixture
def device(visitor):
    return visitor.new_device("Greenhouse")


def test_a_key_is_made_used_switched_and_revoked(visitor, device, look):
    page = visitor.open(f"{device.path}/keys")
    expect(page.get_by_role("heading", name="API Keys")).to_be_visible()
    page.get_by_label("Name").last.fill("the Pi")
    form = page.locator("section", has_text="Make a key").last
    form.get_by_role("switch", name="Read").check()
    form.get_by_label("Expires").select_option("In 90 days")
    form.get_by_role("button", name="Make the key").click()
    secret = page.locator("#new-key")
    expect(secret).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_be_focused()
    expect(page).to_have_url(f"{visitor.server.url}{device.path}/keys")
    look(page, "keys-made")
    credentials = Credentials(device.id, secret.inner_text(), "", visitor.account_id)
    assert _status(visitor, credentials) == 200
    page.get_by_role("link", name="I have stored it").click()
    expect(secret).to_be_hidden()
    expect(page.get_by_role("heading", name="API Keys")).to_be_focused()

    row = page.locator(".key", has_text="the Pi")
    row.get_by_role("switch", name="Read").uncheck()
    expect(row.locator(".said")).to_have_text("May write, may not read. In force within 2 s.")
    _wait_for(visitor, credentials, 403)
    row.get_by_role("switch", name="Read").check()
    expect(row.locator(".said")).to_have_text("May read and write. In force within 2 s.")
    _wait_for(visitor, credentials, 200)
    look(page, "keys")

    row.locator("summary", has_text="Change").click()
    row.get_by_label("Name").fill("the shed")
    row.get_by_label("Expires").select_option("After a day of your choice")
    row.get_by_label("Its last day").fill("2031-12-31")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The key “the shed” is changed")).to_be_visible()
    row = page.locator(".key", has_text="the shed")
    expect(row.locator(".expires time")).to_have_attribute("title", "2032-01-01T00:00:00.000Z")

    row.locator("summary", has_text="Change").click()
    row.get_by_text("Revoke…").click()
    look(page, "keys-revoke")
    row.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("The key “the shed” is revoked")).to_be_visible()
    expect(row).to_have_count(0)
    _wait_for(visitor, credentials, 401)
    page.get_by_text("1 revoked").click()
    expect(page.locator(".revoked li")).to_contain_text("the shed")
    look(page, "keys-revoked")


def test_a_key_that_cannot_be_is_refused_beside_its_field(visitor, device, look):
    page = visitor.open(f"{device.path}/keys")
    form = page.locator("section", has_text="Make a key").last
    form.get_by_label("Name").fill("kept")
    form.get_by_role("switch", name="Write").uncheck()
    form.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose read, write or both")
    expect(form.get_by_label("Name")).to_have_value("kept")
    look(page, "keys-refused")
    form.get_by_role("switch", name="Write").check()
    form.get_by_label("Expires").select_option("date")
    form.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("Name the last day on which the key works")
    expect(form.get_by_label("Its last day")).to_be_visible()


def test_a_switch_that_was_refused_goes_back(visitor, device):
    page = visitor.open(f"{device.path}/keys")
    visitor.server.revoke(device.credentials)
    switch = page.get_by_role("switch", name="Read with a key")
    switch.click()
    expect(page.locator(".key .said")).to_contain_text("is revoked, and stays so")
    expect(switch).to_be_checked()


def test_it_works_without_script(arrive, server, look):
    visitor = arrive(server, java_script_enabled=False)
    device = visitor.new_device("Greenhouse")
    page = visitor.open(f"{device.path}/keys")
    row = page.locator(".key", has_text="a key")
    row.get_by_role("switch", name="Read").uncheck()
    row.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("The key “a key” is changed")).to_be_visible()
    assert _status(visitor, device.credentials) == 403
    page.get_by_label("Name").last.fill("second")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#new-key")).to_be_visible()
    page.get_by_role("link", name="I have stored it").click()
    expect(page.locator("#new-key")).to_have_count(0)
    row = page.locator(".key", has_text="second")
    row.locator("summary", has_text="Change").click()
    row.get_by_text("Revoke…").click()
    row.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("The key “second” is revoked")).to_be_visible()
