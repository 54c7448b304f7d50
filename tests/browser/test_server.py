"""The page of whoever runs the server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def operator(arrive, own_server):
    return arrive(own_server)


def test_how_the_server_is_and_goes_on(operator, look):
    device = operator.new_device("Roof")
    page = operator.open("/admin/devices")
    page.get_by_role("link", name="Server").click()
    expect(page.get_by_text("well", exact=True)).to_be_visible()
    commits = page.locator("dt", has_text="Commits kept").locator("+ dd")
    expect(commits).to_have_text("0")
    device.push_many((None, {"temperature": 20.5 + n}, None) for n in range(50))
    expect(commits).to_have_text("50")  # by itself
    expect(page.locator("dt", has_text="Devices").locator("+ dd")).to_have_text("1")
    look(page, "server")


def test_a_backup_is_made_and_downloaded(operator, tmp_path, look):
    device = operator.new_device("Roof")
    device.push({"temperature": 21.5})
    page = operator.open("/admin/server")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Back up now and download").click()
    download = downloading.value
    assert re.fullmatch(r"nikdev-\d{4}-\d\d-\d\dT\d{6}Z\.sqlite3", download.suggested_filename)
    download.save_as(tmp_path / "restored" / "store.sqlite3")
    expect(page.get_by_text("Copied; the browser is downloading it.")).to_be_visible()
    copy = SqliteStorage.open(tmp_path / "restored")
    try:
        assert [str(found.id) for found in copy.devices()] == [device.id]
        assert copy.counts().commits == 1
    finally:
        copy.close()
    assert not list(operator.server.data.glob("backup-*"))


def test_who_may_register_is_set(operator):
    page = operator.open("/admin/server")
    expect(page.get_by_label("By invitation")).to_be_checked()
    page.get_by_label("Open Whoever").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Open Whoever")).to_be_checked()


def test_others_do_not_see_it(arrive, own_server):
    arrive(own_server)
    other = arrive(own_server)
    page = other.open("/admin/devices")
    expect(page.get_by_role("link", name="Devices")).to_be_visible()
    expect(page.get_by_role("link", name="Server")).to_have_count(0)
    other.watch.allow("403 GET /admin/server")
    page.goto("/admin/server")
    expect(page.get_by_text("That is for the operator of this server.")).to_be_visible()
