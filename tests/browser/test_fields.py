"""The fields of a device: named, coloured, ordered and hidden in place."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def device(visitor):
    device = visitor.new_device("Greenhouse")
    device.push({"temperature": 21.537})
    device.push({"humidity": 48, "door": False})
    return device


def _field(visitor, device, field_id="temperature"):
    (found,) = (field for field in visitor.server.storage.fields(device.device_id) if field.field_id == field_id)
    return found


def _ids(page):
    return page.locator(".field .which code").all_inner_texts()


def test_a_field_is_named_and_the_change_undone(visitor, device, look):
    page = visitor.open(f"{device.path}/fields")
    row = page.locator(".field", has_text="temperature")
    row.get_by_label("Label").fill("Warmth of the air")
    row.get_by_label("Unit").fill("°C")  # while the label is being saved
    row.get_by_label("Decimals").fill("1")
    with page.expect_response(lambda answer: "decimals=1" in (answer.request.post_data or "")):  # the last of them
        row.get_by_label("Decimals").press("Tab")
    expect(row.locator(".saved")).to_contain_text("Saved.")
    page.reload()
    expect(row.get_by_label("Label")).to_have_value("Warmth of the air")
    expect(row.get_by_label("Unit")).to_have_value("°C")
    expect(row.locator(".last")).to_contain_text("21.5 °C")
    row.get_by_label("Hidden").check()
    expect(row.locator(".saved")).to_contain_text("Saved.")
    look(page, "fields")
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_label("Hidden")).not_to_be_checked()
    page.reload()
    expect(row.get_by_label("Hidden")).not_to_be_checked()
    expect(row.get_by_label("Label")).to_have_value("Warmth of the air")


def test_what_cannot_be_is_said_beside_the_field(visitor, device, look):
    page = visitor.open(f"{device.path}/fields")
    row = page.locator(".field", has_text="temperature")
    decimals = row.get_by_label("Decimals")
    decimals.fill("99")
    decimals.press("Tab")
    expect(row.locator(".saved")).to_contain_text("Decimals are a whole number from 0 to 10")
    expect(decimals).to_have_attribute("aria-invalid", "true")
    expect(decimals).to_have_value("99")
    look(page, "fields-refused")
    decimals.fill("3")
    decimals.press("Tab")
    expect(row.locator(".saved")).to_contain_text("Saved.")
    expect(decimals).not_to_have_attribute("aria-invalid", "true")


def test_a_colour_is_chosen_from_the_palette_or_freely(visitor, device, look):
    page = visitor.open(f"{device.path}/fields")
    row = page.locator(".field", has_text="temperature")
    swatch = row.locator("summary svg")
    expect(swatch).to_have_class(re.compile("series-1"))
    row.locator("summary").click()
    look(page, "fields-colour")
    row.get_by_role("radio", name="Green").check()
    expect(swatch).to_have_class(re.compile("series-3"))
    row.get_by_label("Another colour").fill("#aa00bb")
    expect(row.get_by_role("radio", name="another")).to_be_checked()
    expect(swatch.locator("rect")).to_have_attribute("fill", "#aa00bb")
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Fields", exact=True).click()
    expect(row.get_by_role("radio", name="Green")).to_be_hidden()


def test_fields_are_ordered_by_buttons_keys_and_dragging(visitor, device):
    page = visitor.open(f"{device.path}/fields")
    assert _ids(page) == ["temperature", "door", "humidity"]
    page.get_by_role("button", name="Move temperature down").click()
    expect(page.locator("#moved")).to_have_text("temperature is now 2 of 3.")
    assert _ids(page) == ["door", "temperature", "humidity"]
    handle = page.get_by_role("button", name="Move humidity; use the arrow keys")
    handle.focus()
    page.keyboard.press("ArrowUp")
    with page.expect_response("**/fields/move"):
        page.keyboard.press("ArrowUp")
    expect(page.locator("#moved")).to_have_text("humidity is now 1 of 3.")
    expect(handle).to_be_focused()
    expect(page.get_by_role("button", name="Move humidity up")).to_be_disabled()
    page.reload()
    assert _ids(page) == ["humidity", "door", "temperature"]

    source = page.get_by_role("button", name="Move temperature; use").bounding_box()
    target = page.get_by_role("button", name="Move humidity; use").bounding_box()
    page.mouse.move(source["x"] + 5, source["y"] + 5)
    page.mouse.down()
    page.mouse.move(source["x"] + 5, target["y"] + 30, steps=8)
    page.mouse.move(source["x"] + 5, target["y"] - 10, steps=4)
    with page.expect_response("**/fields/move"):
        page.mouse.up()
    expect(page.locator("#moved")).to_have_text("temperature is now 1 of 3.")
    page.reload()
    assert _ids(page) == ["temperature", "humidity", "door"]


def test_an_order_that_the_server_refuses_goes_back(visitor, device):
    page = visitor.open(f"{device.path}/fields")
    page.route("**/fields/move", lambda route: route.abort())
    visitor.watch.allow("/fields/move")
    page.get_by_role("button", name="Move temperature down").click()
    expect(page.locator("#notes")).to_contain_text(
        "The server cannot be reached at the moment. The order is as it was."
    )
    assert _ids(page) == ["temperature", "door", "humidity"]


def test_a_field_is_made_by_hand(visitor, look):
    device = visitor.new_device("Empty")
    page = visitor.open(f"{device.path}/fields")
    look(page, "fields-empty")
    page.get_by_text("Make a field by hand").click()
    page.get_by_role("button", name="Make the field").click()
    expect(page.get_by_role("alert")).to_contain_text("Field ID")
    page.get_by_label("Field ID").fill("rain")
    page.locator(".add-field").get_by_label("Unit").fill("mm")
    page.get_by_role("button", name="Make the field").click()
    expect(page.locator(".field")).to_have_count(1)
    expect(page.locator(".field .saved")).to_have_text("Saved.")
    expect(page.locator(".field").get_by_label("Unit")).to_have_value("mm")


def test_it_works_without_script(arrive, server):
    visitor = arrive(server, java_script_enabled=False)
    device = visitor.new_device("Greenhouse")
    device.push({"temperature": 21.537})
    device.push({"door": False})
    page = visitor.open(f"{device.path}/fields")
    row = page.locator(".field", has_text="temperature")
    row.get_by_label("Label").fill("Warmth")
    row.get_by_role("button", name="Save").click()
    expect(row.locator(".saved")).to_have_text("Saved.")
    page.get_by_role("button", name="Move Warmth down").click()
    assert _ids(page) == ["door", "temperature"]
    expect(row.get_by_label("Label")).to_have_value("Warmth")
