"""The overview of a device, as a person looks at it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor

from nikdev_iot.server.web.pages.figures import figure


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
    for low in (-4.5, -6.5):
        device.push({"temperature": low})
        expect(tile.locator(".low")).to_have_text(f"{low}".replace("-", "−"))
    look(page, "overview")


def test_values_that_come_live_are_written_as_those_of_the_page(visitor: Visitor) -> None:
    page = visitor.open(visitor.new_device().path)
    values: list[float] = [21.0, 21.5, 0.1 + 0.2, 1234567.891, 1e-5, 2.5e-7, 1e15, 6.02e23, -0.125, 1234566.5]
    cases = [(value, decimals) for value in values for decimals in (None, 0, 2)]
    address = page.locator("script[src*='/js/device.js']").get_attribute("src")
    assert address is not None
    written = page.evaluate(
        """async ([address, cases]) => {
          const { figure } = await import(address);
          return cases.map(([value, decimals]) => figure(value, decimals, true));
        }""",
        [address.replace("device.js", "figures.js"), cases],
    )
    assert written == [figure(value, decimals) for value, decimals in cases]
