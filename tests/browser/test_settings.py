"""The settings of a device, and its end."""

from __future__ import annotations

import urllib.error

import pytest
from playwright.sync_api import expect


@pytest.fixture
def device(visitor):
    return visitor.new_device("Greenhouse")


def test_settings_are_saved(visitor, device, look):
    visitor.open(f"{visitor.new_device('Shed').path}/settings")
    visitor.page.get_by_label("Tags").fill("roof, north")
    visitor.page.get_by_role("button", name="Save").click()
    page = visitor.open(f"{device.path}/settings")
    page.get_by_label("Name", exact=True).fill("Glass house")
    page.get_by_label("Note").fill("Behind the shed.\nThe key hangs at the door.")
    page.get_by_label("Tags").fill("glass")
    page.get_by_role("button", name="roof").click()
    expect(page.get_by_label("Tags")).to_have_value("glass, roof")
    expect(page.get_by_role("button", name="roof")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Accepts new fields").uncheck()
    page.get_by_label("Silent after, how many").fill("2")
    page.get_by_label("Silent after, the unit").select_option("hours")
    look(page, "settings")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.get_by_role("heading", name="Glass house")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("Behind the shed.\nThe key hangs at the door.")
    expect(page.get_by_label("Silent after, how many")).to_have_value("2")
    expect(page.get_by_label("Accepts new fields")).not_to_be_checked()


def test_what_is_wrong_is_said_beside_the_field(visitor, device, look):
    page = visitor.open(f"{device.path}/settings")
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_label("Silent after, how many").fill("soon")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Name", exact=True)).to_have_accessible_description("The device's name is empty.")
    expect(page.get_by_label("Silent after, how many")).to_have_value("soon")
    look(page, "settings-refused")


def test_a_device_is_deleted_after_typing_its_name(visitor, device, look):
    device.push({"temperature": 21.5})
    page = visitor.open(f"{device.path}/settings")
    page.get_by_label("Type its name, Greenhouse").fill("greenhouse")
    page.get_by_role("button", name="Delete the device").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not its name, which is “Greenhouse”.")
    look(page, "settings-not-deleted")
    page.get_by_label("Type its name, Greenhouse").fill("Greenhouse")
    page.get_by_role("button", name="Delete the device").click()
    expect(page.get_by_role("heading", name="“Greenhouse” is deleted")).to_be_visible()
    look(page, "device-deleted")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        visitor.server.get("/api/v1/values", device.credentials)
    visitor.watch.allow(f"404 GET {device.path}")
    page.goto(device.path)
    expect(page.get_by_text("There is no device")).to_be_visible()
    page.get_by_role("link", name="To the devices").click()
    expect(page.get_by_text("Greenhouse")).to_have_count(0)
