"""Dashboards: made, filled, arranged by pointer and keyboard, looked at live, and shown to others by a link."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from tests.browser.visitors import Pushing, Visitor


@pytest.fixture
def devices(visitor: Visitor) -> tuple[Pushing, Pushing]:
    """Two devices with a past of some hours."""
    made = []
    now_s = time.time()
    for number, name in enumerate(("Greenhouse", "Cellar")):
        device = visitor.new_device(name)
        device.push_many(
            (
                now_s - 60 * (200 - n),
                {"temperature": 20.0 - 8 * number + n / 40, "humidity": 50.0 + n % 7, "door": n % 50 < 9},
                None,
            )
            for n in range(200)
        )
        made.append(device)
        storage = visitor.server.storage
        with storage.write() as write:
            for field in storage.fields(uuid.UUID(device.id)):
                unit = {"temperature": "°C", "humidity": "%"}.get(field.field_id, "")
                write.update_field(replace(field, unit=unit, decimals=1 if unit else None))
    return made[0], made[1]


def make(page: Page, name: str, begin_with: str = "nothing") -> None:
    page.goto("/admin/dashboards")
    page.get_by_label("Name of the dashboard").fill(name)
    page.get_by_label("Begin with").select_option(label=begin_with)
    page.get_by_role("button", name="Make dashboard").click()


def tile(page: Page, title: str):
    return page.locator(".board > .tile").filter(has=page.get_by_role("heading", name=title, exact=True))


def box(page: Page, title: str) -> tuple[int, int, int, int]:
    found = tile(page, title).bounding_box()
    assert found is not None
    return round(found["x"]), round(found["y"]), round(found["width"]), round(found["height"])


def test_the_first_dashboard_from_nothing_to_live_values(visitor, devices, look):
    page = visitor.open("/admin/dashboards")
    expect(page.get_by_text("puts fields of several devices on one page")).to_be_visible()
    look(page, "dashboards-empty")
    make(page, "Wall", "all fields of Greenhouse")
    expect(page.get_by_role("heading", name="Wall")).to_be_visible()
    expect(tile(page, "temperature").locator(".figure")).to_have_text("25.0")
    expect(tile(page, "temperature").locator("nikdev-spark path")).to_have_attribute("d", re.compile("L"))
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    devices[0].push({"temperature": 31.5, "door": True})
    expect(tile(page, "temperature").locator(".figure")).to_have_text("31.5")
    expect(tile(page, "door").locator(".figure")).to_have_text("true")
    look(page, "dashboard-starter")


def test_tiles_of_every_kind_are_added_and_changed(visitor, devices, look):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall")
    expect(page.get_by_text("Nothing on it yet")).to_be_visible()
    look(page, "dashboard-edit-empty")
    adding = page.get_by_role("navigation", name="Add a tile")
    adding.get_by_role("link", name="Gauge").click()
    page.get_by_role("button", name="Add to the dashboard").click()
    expect(page.get_by_text("Choose a field.")).to_be_visible()
    page.get_by_label("Device").select_option(label="Cellar")
    page.locator(f'#fields input[value="{devices[1].id}/temperature"]').check()
    page.get_by_label("Scale from").fill("-10")
    page.get_by_label("to", exact=True).fill("40")
    page.get_by_label("Too high above").fill("10")
    page.get_by_label("Title").fill("Down there")
    look(page, "dashboard-tile-gauge")
    page.get_by_role("button", name="Add to the dashboard").click()
    expect(tile(page, "Down there").get_by_text("too high")).to_be_visible()
    adding.get_by_role("link", name="Chart").click()
    for device in devices:
        page.get_by_label("Device").select_option(label={0: "Greenhouse", 1: "Cellar"}[devices.index(device)])
        page.locator(f'#fields input[value="{device.id}/temperature"]').check()
    page.get_by_label("Title").fill("Both")
    page.get_by_role("button", name="Add to the dashboard").click()
    expect(tile(page, "Both").locator("canvas").first).to_be_visible()
    expect(tile(page, "Both").get_by_text("Greenhouse: temperature", exact=True)).to_be_visible()
    expect(tile(page, "Both").get_by_text("Cellar: temperature", exact=True)).to_be_visible()
    adding.get_by_role("link", name="Text").click()
    page.get_by_label("Text").fill("Ring Ada when it is too hot.")
    page.get_by_label("Title").fill("Whom to ask")
    page.get_by_role("button", name="Add to the dashboard").click()
    adding.get_by_role("link", name="Single value").click()
    page.get_by_label("Device").select_option(label="Greenhouse")
    page.locator(f'#fields input[value="{devices[0].id}/humidity"]').check()
    page.get_by_role("button", name="Add to the dashboard").click()
    look(page, "dashboard-edit")
    page.get_by_role("link", name="Change Whom to ask").click()
    page.get_by_label("Text").fill("Ring Bob.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Ring Bob.")).to_be_visible()
    page.get_by_label("Remove Whom to ask").click()
    page.get_by_role("button", name="Remove “Whom to ask”").click()
    expect(page.get_by_text("Ring Bob.")).to_have_count(0)
    page.get_by_role("link", name="Done").click()
    devices[1].push({"temperature": 5.5})
    expect(tile(page, "Down there").locator(".figure")).to_have_text("5.5")
    expect(tile(page, "Down there").get_by_text("too high")).to_be_hidden()
    look(page, "dashboard")


def test_tiles_are_arranged_by_dragging(visitor, devices):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Greenhouse")
    page.get_by_role("link", name="Edit").click()
    door, humidity = box(page, "door"), box(page, "humidity")
    assert door[0] < humidity[0]
    handle = page.get_by_role("button", name="Move door").bounding_box()
    page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    page.mouse.down()
    page.mouse.move(handle["x"] + 100, handle["y"] + 20, steps=4)
    page.mouse.move(handle["x"] + 5 + humidity[0] - door[0], handle["y"] + 5, steps=8)
    page.mouse.up()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    moved = box(page, "door")
    assert abs(moved[0] - humidity[0]) < 3
    corner = tile(page, "door").locator(".corner").bounding_box()
    page.mouse.move(corner["x"] + 10, corner["y"] + 10)
    page.mouse.down()
    page.mouse.move(corner["x"] + 10, corner["y"] + 10 + 84, steps=6)
    page.mouse.up()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    taller = box(page, "door")
    assert taller[3] == moved[3] + 84
    before = [box(page, name) for name in ("door", "humidity", "temperature")]
    with page.expect_response(lambda answer: "/edit" in answer.url):
        page.reload()
    expect(page.get_by_role("button", name="Move door")).to_be_visible()
    assert [box(page, name) for name in ("door", "humidity", "temperature")] == before


def test_tiles_are_arranged_with_the_keyboard(visitor, devices):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Greenhouse")
    page.get_by_role("link", name="Edit").click()
    before = box(page, "door")
    handle = page.get_by_role("button", name="Move door")
    handle.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert box(page, "door")[1] > before[1]
    expect(handle).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    now = box(page, "door")
    assert (now[0], now[1], now[3]) == (before[0], before[1], before[3] + 84)


def test_of_two_editors_the_second_is_told_and_decides(visitor, devices):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Greenhouse")
    page.get_by_role("link", name="Edit").click()
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Name", exact=True).fill("Renamed elsewhere")
    other.get_by_role("button", name="Save").first.click()
    expect(other.get_by_role("heading", name="Renamed elsewhere")).to_be_visible()
    visitor.watch.allow("409 POST /admin/dashboards/")
    page.get_by_role("button", name="Move door").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("was changed elsewhere since you opened it")).to_be_visible()
    mine = box(page, "door")
    page.get_by_role("button", name="Save mine in its place").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    with page.expect_response(lambda answer: "/edit" in answer.url):
        page.reload()
    expect(page.get_by_role("heading", name="Renamed elsewhere")).to_be_visible()
    assert box(page, "door")[0] == mine[0]
    other.close()


def test_a_dashboard_is_shared_and_withdrawn(visitor, devices, arrive, look):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Greenhouse")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_text("It is shown now and never again")).to_be_visible()
    look(page, "dashboard-link")
    link = page.locator("#link").text_content()
    guest = arrive(visitor.server, anonymous=True)
    shown = guest.open(link)
    expect(tile(shown, "temperature").locator(".figure")).to_have_text("25.0")
    expect(shown.locator("nikdev-chart canvas").first).to_be_visible()
    devices[0].push({"temperature": 28.5})
    expect(tile(shown, "temperature").locator(".figure")).to_have_text("28.5")
    look(shown, "dashboard-shared")
    assert {url for url in map(str, guest.watch.requests) if "/admin/" in url} == set()
    page.get_by_role("link", name="I have stored it").click()
    expect(page.get_by_text("Anyone who has the link sees this dashboard")).to_be_visible()
    guest.watch.allow("404 GET /shared/")
    page.get_by_role("button", name="Withdraw the link").click()
    expect(shown.get_by_text("This link has been withdrawn")).to_be_visible()
    shown.goto(link)
    expect(shown.get_by_text("There is no dashboard behind this link.")).to_be_visible()


def test_a_change_reaches_those_who_look_by_the_link(visitor, devices, arrive):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Greenhouse")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Make a link").click()
    guest = arrive(visitor.server, anonymous=True)
    shown = guest.open(page.locator("#link").text_content())
    expect(tile(shown, "door")).to_be_visible()
    page.get_by_role("link", name="I have stored it").click()
    page.get_by_label("Remove door").click()
    page.get_by_role("button", name="Remove “door”").click()
    expect(tile(shown, "door")).to_have_count(0)


def test_a_device_that_is_gone_says_so_in_its_tile(visitor, devices, look):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Cellar")
    with visitor.server.storage.write() as write:
        write.delete_device(uuid.UUID(devices[1].id), at_us=1)
    page.reload()
    expect(page.get_by_text("The device of “temperature” is no longer there.").first).to_be_visible()
    look(page, "dashboard-gone")


def test_without_a_script_it_is_all_there(arrive, server, visitor, devices):
    page = visitor.open("/admin/dashboards")
    make(page, "Wall", "all fields of Greenhouse")
    path = page.url.removeprefix(server.url)
    plain = page.context.browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    try:
        bare = plain.new_page()
        bare.goto(path)
        expect(tile(bare, "temperature").locator(".figure")).to_have_text("25.0")
        bare.get_by_role("link", name="Edit").click()
        bare.get_by_text("Order and sizes").click()
        bare.get_by_label("Order of temperature").fill("0")
        bare.locator("#sizes").get_by_role("button", name="Save").click()
        boxes = [box(bare, name) for name in ("temperature", "door")]
        assert boxes[0][:2] < boxes[1][:2]
    finally:
        plain.close()
