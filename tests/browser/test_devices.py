"""The list of devices, as a person uses it."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from playwright.sync_api import Page, expect
from tests.browser.visitors import Pushing, Visitor
from tests.servers import RunningServer

from nikdev_iot.server.storage.records import Device


def _fill(visitor: Visitor) -> Pushing:
    """Make some devices as people have them: one that is online, a silent one, one never seen; return the first."""
    now = time.time()
    greenhouse = visitor.new_device("Greenhouse")
    greenhouse.push_many(
        [
            (now - 6 * 3600 + 360 * n, {"temperature": 18 + 6 * math.sin(n / 9), "humidity": 55 + n % 7}, None)
            for n in range(60)
        ]
    )
    greenhouse.push({"temperature": 21.5, "humidity": 48, "door": False}, "watered the tomatoes")
    cellar = visitor.new_device("Cellar pump")
    states = ["pumping", "pumping", "idle"]
    cellar.push_many([(now - 3600 + 60 * n, {"flow": 3 + n % 5, "state": states[n % 3]}, None) for n in range(40)])
    visitor.new_device("Attic")
    storage = visitor.server.storage
    tags = {"Greenhouse": ("garden", "warm"), "Cellar pump": ("cellar",), "Attic": ()}
    with storage.write() as write:
        for device in storage.devices(uuid.UUID(visitor.account_id)):
            silent_after_s = 1 if device.name == "Cellar pump" else None
            write.update_device(replace(device, tags=tags[device.name], silent_after_s=silent_after_s))
            for field in storage.fields(device.id):
                unit = {"temperature": "°C", "humidity": "%", "flow": "l/min"}.get(field.field_id, "")
                write.update_field(replace(field, unit=unit, decimals=1 if field.field_id == "temperature" else None))
    time.sleep(1.1)  # until the pump is silent
    return greenhouse


def test_it_looks_right(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    _fill(visitor)
    page = visitor.open("/admin/devices")
    expect(page.locator(".device .name")).to_have_text(["Cellar pump", "Attic", "Greenhouse"])
    expect(page.locator(".counts")).to_contain_text("3 devices")
    expect(page.locator("nikdev-spark path[d]").first).to_be_attached()
    look(page, "devices")


def test_the_first_device_is_added_where_there_is_none(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    page = visitor.open("/admin/devices")
    look(page, "devices-none")
    page.get_by_role("button", name="Add device").click()
    expect(page.locator(".wrong")).to_have_text("The device's name is empty.")
    page.get_by_label("Name of the device").fill("Balcony")
    page.get_by_role("button", name="Add device").click()
    expect(page).to_have_url(re.compile(r"/admin/devices/[0-9a-f-]{36}/connect$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Balcony")
    page = visitor.open("/admin/devices")
    page.locator("summary", has_text="Add device").click()
    expect(page.get_by_label("Name of the device")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name of the device")).to_be_hidden()
    expect(page.locator("summary", has_text="Add device")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of the device")).to_be_focused()
    page.keyboard.type("Attic")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Attic")


def test_search_tags_and_order(visitor: Visitor) -> None:
    _fill(visitor)
    page = visitor.open("/admin/devices")
    names = page.locator(".device .name")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("green")
    expect(names).to_have_text(["Greenhouse"])
    expect(page).to_have_url(re.compile(r"/admin/devices\?q=green$"))
    page.keyboard.type("x")
    expect(page.locator("#devices")).to_contain_text("No device has “greenx”")
    page.get_by_role("searchbox").fill("")
    expect(names).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/admin/devices$"))
    page.get_by_role("link", name="By name").click()
    expect(names).to_have_text(["Attic", "Cellar pump", "Greenhouse"])
    page.get_by_role("link", name="cellar", exact=True).click()
    expect(names).to_have_text(["Cellar pump"])
    page.get_by_role("searchbox").fill("pump")  # the tag and the order stay
    expect(page).to_have_url(re.compile(r"\?q=pump&tag=cellar&order=name$|\?tag=cellar&order=name&q=pump$"))
    expect(names).to_have_text(["Cellar pump"])
    page.get_by_role("link", name="cellar", exact=True).click()
    names.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cellar pump")


def test_values_and_states_come_by_themselves(visitor: Visitor) -> None:
    greenhouse = _fill(visitor)
    attic = next(d for d in visitor.server.storage.devices(uuid.UUID(visitor.account_id)) if d.name == "Attic")
    page = visitor.open("/admin/devices")
    row = page.locator(f'.device[data-device="{greenhouse.id}"]')
    temperature = row.locator('.value[data-field="temperature"]')
    expect(temperature.locator(".figure")).to_have_text("21.5")
    expect(temperature.locator("nikdev-spark path[d]")).to_be_attached()
    greenhouse.push({"temperature": 30.04})
    expect(temperature.locator(".figure")).to_have_text("30.0")
    state = page.locator(f'.device[data-device="{attic.id}"] .state')
    expect(state).to_have_text("never seen")
    credentials = visitor.server.add_key(str(attic.id))
    Pushing(credentials, visitor.server, visitor.folder / "attic").push({"dust": 3})
    expect(state).to_have_text(re.compile(r"online, pushed \d+ s ago"))


def test_a_thousand_devices_scroll(visitor: Visitor) -> None:
    account = uuid.UUID(visitor.account_id)
    with visitor.server.storage.write() as write:
        for n in range(1000):
            write.add_device(Device(id=uuid.uuid4(), account_id=account, name=f"Device {n}", created_us=n))
    page = visitor.open("/admin/devices")
    rows = page.locator(".device")
    expect(page.locator(".counts")).to_contain_text("1000 devices")
    for count in (50, 100, 150, 200):
        expect(rows.nth(count - 1)).to_be_attached()
        rows.nth(count - 1).scroll_into_view_if_needed()
    expect(rows.nth(200)).to_be_attached()
    page.get_by_role("searchbox").fill("device 999")
    expect(rows).to_have_count(1)


def test_it_works_without_a_script(arrive: Callable[..., Visitor], server: RunningServer) -> None:
    visitor = arrive(server, java_script_enabled=False)
    visitor.watch.allow(": csp")  # what Chromium says of scripts that it was told not to load
    _fill(visitor)
    page = visitor.open("/admin/devices")
    expect(page.locator(".device .figure").first).to_be_visible()
    page.get_by_role("searchbox").fill("pump")
    page.keyboard.press("Enter")
    expect(page.locator(".device .name")).to_have_text(["Cellar pump"])
    page.locator("summary", has_text="Add device").click()
    page.get_by_label("Name of the device").fill("Shed")
    page.get_by_role("button", name="Add device").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shed")
