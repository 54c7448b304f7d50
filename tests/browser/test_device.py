"""The overview of a device, as a person looks at it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor


def test_it_shows_what_comes(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    device = visitor.new_device("Greenhouse")
    now = time.time()
    device.push_many(
        [
            (now - 6 * 3600 + 360 * n, {"temperature": round(18.5 + 6 * math.sin(n / 9), 1), "door": n % 9 == 0}, None)
            for n in range(60)
        ]
    )
    device.push({"temperature": 21.5, "humidity": 48}, "watered the tomatoes")
    page = visitor.open(device.path)
    expect(page.locator(".device-head .state")).to_have_text(re.compile(r"online, pushed \d+ s ago"))
    expect(page.locator("#device-id")).to_have_text(device.id)
    tile = page.locator('.tile[data-field="temperature"]')
    expect(tile.locator(".figure")).to_have_text("21.5")
    expect(tile.locator(".low")).to_have_text("12.5")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    page.wait_for_timeout(1500)
    device.push({"temperature": 30.25})
    expect(tile.locator(".figure")).to_have_text("30.25")
    expect(tile.locator(".high")).to_have_text("30.25")
    look(page, "overview")
