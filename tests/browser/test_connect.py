"""Connecting a device, from its page."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor


def test_it_looks_right(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    device = visitor.new_device("Greenhouse")
    page = visitor.open(f"{device.path}/connect")
    look(page, "connect")
    page.get_by_role("button", name="Make an API key").click()
    look(page, "connect-key")
    page = visitor.open(device.path)
    look(page, "overview-empty")
    device.push({"temperature": 21.5, "humidity": 48, "door": False, "state": "idle"}, "first light")
    page = visitor.open(device.path)
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    page.wait_for_timeout(1000)
    look(page, "overview")
