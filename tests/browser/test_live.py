"""Live values in a real browser: one stream for a page, what comes through it, and what happens while nobody looks."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor

FOLLOW = """
async ([address, parts]) => {
  const { subscribe } = await import(address);
  window.told = [];
  window.ends = parts.map((devices) => subscribe(devices, (event) => window.told.push(event)));
}
"""


def _follow(page: Page, *parts: list[str] | str) -> None:
    """Subscribe as parts of the page do, each to these devices."""
    address = page.evaluate("document.querySelector('script[src*=\"/js/page.js\"]').src.replace('page.js', 'live.js')")
    page.evaluate(FOLLOW, [address, parts])


def _told(page: Page, count: int) -> list[dict[str, Any]]:
    """What the subscribers were told with values in it, once it is so much."""
    until_s = time.monotonic() + 15
    while time.monotonic() < until_s:
        told = [event for event in page.evaluate("window.told") if event.get("points") or event.get("reload")]
        if len(told) >= count:
            return told
        page.wait_for_timeout(20)
    raise AssertionError(page.evaluate("window.told"))


def _streams(visitor: Visitor) -> list[str]:
    return [request for request in visitor.watch.requests if "/admin/live" in request]


def test_a_value_is_shown_within_a_second_of_its_push(visitor: Visitor):
    device = visitor.new_device("Balcony")
    device.push({"temperature": 21.5})
    page = visitor.open(device.path)
    figure = page.locator('.tile[data-field="temperature"] .figure')
    expect(figure).to_have_text("21.5")
    page.wait_for_timeout(1_500)  # until it follows
    delays = []
    for value in (22.25, 23.25, 24.25):
        device.push({"temperature": value})
        pushed_s = time.monotonic()
        expect(figure).to_have_text(str(value))
        delays.append(time.monotonic() - pushed_s)
    assert min(delays) < 1.0
    assert len(_streams(visitor)) == 1


def test_one_stream_for_all_that_follow(visitor: Visitor):
    one, other = visitor.new_device("One"), visitor.new_device("Other")
    page = visitor.open("/admin/profile")
    assert _streams(visitor) == []
    _follow(page, [one.id], [one.id, other.id])
    page.wait_for_timeout(1_000)
    assert len(_streams(visitor)) == 1
    other.push({"a": 1}, "hello")
    (event,) = _told(page, 1)
    assert event["device"] == other.id
    assert [value for _, value in event["points"]["a"]] == [1]
    one.push({"a": 2})
    assert [event["device"] for event in _told(page, 3)[1:]] == [one.id, one.id]
    page.evaluate("window.ends[1]()")
    page.wait_for_timeout(1_000)
    assert len(_streams(visitor)) == 2


def test_a_hidden_page_rests_and_catches_up(visitor: Visitor):
    device = visitor.new_device("Balcony")
    page = visitor.open("/admin/profile")
    _follow(page, [device.id])
    page.wait_for_timeout(1_000)
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.wait_for_timeout(6_000)
    device.push({"a": 1})
    page.wait_for_timeout(1_000)
    assert [event for event in page.evaluate("window.told") if event.get("points")] == []
    page.evaluate(hide, False)
    (event,) = _told(page, 1)
    assert (event["device"], event["reload"]) == (device.id, True)
    assert len(_streams(visitor)) == 2


def test_all_devices_are_followed_with_one_star(visitor: Visitor):
    device = visitor.new_device("One")
    page = visitor.open("/admin/profile")
    _follow(page, "*")
    page.wait_for_timeout(1_000)
    device.push({"a": 1})
    (event,) = _told(page, 1)
    assert event["device"] == device.id
