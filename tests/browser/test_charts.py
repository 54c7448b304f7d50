"""The charts of a device, used as a person would."""

from __future__ import annotations

import math
import re
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.visitors import Pushing, Visitor
from tests.servers import RunningServer

DAY_S = 86_400.0
Look = Callable[[Page, str], None]


def _query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query, keep_blank_values=True).items()}


def _range_s(page: Page) -> tuple[float, float]:
    """Where the address says that the charts are, once it says so."""
    page.wait_for_url(re.compile("from="))
    query = _query(page)
    start, end = (datetime.fromisoformat(query[name]).timestamp() for name in ("from", "to"))
    return start, end


_INKED = """() => {
  const canvas = document.querySelector(".plot canvas");
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, Math.floor(height * 0.75));
  const found = new Set();
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b, a] = data.slice(at, at + 4);
    if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 80) found.add((at / 4) % width);
  }
  return [...found].map((x) => x / width);
}"""


def _iso(from_now_s: float) -> str:
    return datetime.fromtimestamp(time.time() + from_now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _settle(page: Page) -> tuple[float, float]:
    """Return the range once it no longer changes."""
    page.wait_for_timeout(600)
    return _range_s(page)


def _box(area: Locator) -> dict[str, float]:
    box = area.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def _house(visitor: Visitor, *, now_s: float | None = None) -> Pushing:
    """A device with a day of numbers, a bool and a text, two messages, and an hour and a half without anything."""
    device = visitor.new_device("House")
    end_s = now_s or time.time()
    rows = []
    for n in range(24 * 60):
        at = end_s - (24 * 60 - n) * 60
        if 600 <= n < 690:
            continue
        values = {
            "temperature": round(21 + 3 * math.sin(n / 200), 2),
            "power": 2400 if n == 1000 else 150 + n % 7,
            "heating": math.sin(n / 200) < -0.3,
            "mode": ("idle", "heat", "away")[n // 300 % 3],
        }
        rows.append((at, values, {300: "Opened the window", 1200: "Filter changed"}.get(n)))
    device.push_many(rows)
    return device


@pytest.fixture
def house(visitor: Visitor) -> Pushing:
    return _house(visitor)


def _plots(page: Page) -> Locator:
    plots = page.locator("nikdev-chart .plot")
    expect(plots.first.locator("canvas")).to_be_visible()
    return plots


def test_each_field_has_its_chart(visitor: Visitor, house: Pushing, look: Look) -> None:
    page = visitor.open(house.path)
    page.get_by_role("link", name="Charts").click()
    expect(_plots(page)).to_have_count(2)
    expect(page.locator(".lane")).to_have_count(2)
    expect(page.locator(".panel-head")).to_contain_text(["power", "temperature", "heating", "mode"])
    expect(page.get_by_role("button", name="live", exact=True)).to_have_attribute("aria-pressed", "true")
    # No peak is hidden, and all of it is said in words, too.
    expect(page.locator(".panel-head").first).to_contain_text("2400")
    expect(page.get_by_role("application", name="power")).to_have_accessible_description(
        re.compile("highest 2400.*Arrow keys move")
    )
    expect(page.locator(".overview-window")).to_be_visible()
    look(page, "charts")


def test_fields_are_chosen_and_overlaid_and_the_address_keeps_it(visitor: Visitor, house: Pushing, look: Look) -> None:
    page = visitor.open(f"{house.path}/charts")
    expect(_plots(page)).to_have_count(2)
    page.get_by_text("Overlaid").click()
    expect(_plots(page)).to_have_count(1)
    look(page, "charts-overlaid")
    page.locator(".chip", has_text="power").click()
    expect(page.locator(".panel-head").first).not_to_contain_text("power")
    assert _query(page)["fields"] == "heating,mode,temperature"
    assert _query(page)["layout"] == "overlay"
    page.reload()
    expect(page.locator(".panel-head").first).to_contain_text("temperature")
    expect(_plots(page)).to_have_count(1)
    page.go_back()
    expect(page.locator(".panel-head").first).to_contain_text("power")
    page.go_back()
    expect(_plots(page)).to_have_count(2)


def test_the_wheel_zooms_about_the_pointer_and_asks_the_server(visitor: Visitor, house: Pushing) -> None:
    page = visitor.open(f"{house.path}/charts")
    box = _box(_plots(page).first)
    visitor.watch.requests.clear()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60)
    for _ in range(6):
        page.mouse.wheel(0, -240)
    start_s, end_s = _settle(page)
    assert 1000 < end_s - start_s < DAY_S / 4
    assert start_s > time.time() - DAY_S / 2  # on the right, where the pointer was
    asked = [request for request in visitor.watch.requests if "/series?" in request]
    assert 1 <= len(asked) <= 6
    expect(page.get_by_role("button", name="paused")).to_be_visible()
    page.mouse.dblclick(box["x"] + 200, box["y"] + 60)
    expect(page.get_by_role("button", name="live", exact=True)).to_be_visible()
    page.wait_for_url(re.compile("range=24h"))


def test_dragging_moves_and_a_box_selects(visitor: Visitor, house: Pushing) -> None:
    page = visitor.open(f"{house.path}/charts?range=6h")
    box = _box(_plots(page).first)
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=4)
    page.mouse.move(x + 200, y, steps=4)
    page.mouse.up()
    start_s, end_s = _settle(page)
    assert abs((end_s - start_s) - DAY_S / 4) < 60
    moved_s = time.time() - end_s
    assert DAY_S / 4 * 0.12 < moved_s < DAY_S / 4 * 0.3
    page.wait_for_timeout(1000)  # what is done at once is one step back
    page.keyboard.down("Shift")
    page.mouse.move(x - 100, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=4)
    expect(page.locator(".selection").first).to_be_visible()
    page.mouse.up()
    page.keyboard.up("Shift")
    chosen_start_s, chosen_end_s = _settle(page)
    assert 0.1 < (chosen_end_s - chosen_start_s) / (end_s - start_s) < 0.3
    page.go_back()
    page.wait_for_timeout(300)
    back_start_s, back_end_s = _range_s(page)
    assert abs((back_end_s - back_start_s) - (end_s - start_s)) < 1


def test_keys_zoom_move_and_read_values(visitor: Visitor, house: Pushing) -> None:
    page = visitor.open(f"{house.path}/charts?range=6h")
    plot = _plots(page).first
    plot.focus()
    page.keyboard.press("+")
    start_s, end_s = _settle(page)
    assert abs((end_s - start_s) / (DAY_S / 4) - 0.6) < 0.01
    page.keyboard.press("ArrowLeft")
    moved_s, _ = _settle(page)
    assert moved_s < start_s
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("nikdev-chart > [role=status]")).to_contain_text(re.compile(r"power 1\d\d"))
    expect(page.locator(".readout")).to_contain_text("UTC")
    page.keyboard.press("Escape")
    expect(page.locator(".readout")).to_have_text("")
    page.keyboard.press("Home")
    first_s, _ = _settle(page)
    assert abs(first_s - (time.time() - DAY_S)) < 600  # to the bucket of the strip
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="live", exact=True)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="paused")).to_be_visible()
    page.keyboard.press("0")
    page.wait_for_url(re.compile("range=6h"))


def test_the_cursor_tells_exact_values_of_all_fields(visitor: Visitor) -> None:
    device = visitor.new_device("Exact")
    base = 1_700_000_000.0
    device.push_many(
        [(base + n * 60, {"a": 1.25 + n, "big": 9_007_199_254_740_993 + n, "on": n > 4}, None) for n in range(10)]
    )
    page = visitor.open(f"{device.path}/charts?from=2023-11-14T22:13:20Z&to=2023-11-14T22:22:21Z")
    box = _box(_plots(page).first)
    page.mouse.move(box["x"] + box["width"] * 0.595, box["y"] + 60)  # the marks at the left are wide
    expect(page.locator(".readout")).to_contain_text("Tue, 14 Nov 2023, 23:18:20 CET")
    expect(page.locator(".readout")).to_contain_text("2023-11-14 22:18:20 UTC")
    values = page.locator(".entry-value")
    expect(values).to_have_text(["6.25", "9\u202f007\u202f199\u202f254\u202f740\u202f998", "true"])
    expect(page.locator(".cursor-line:visible")).to_have_count(3)
    page.mouse.move(5, 5)
    expect(page.locator(".cursor-line:visible")).to_have_count(0)
    expect(values.first).to_have_text("10.25")


def test_messages_are_flags(visitor: Visitor, house: Pushing, look: Look) -> None:
    page = visitor.open(f"{house.path}/charts?fields=temperature")
    flags = page.locator(".flag")
    expect(flags).to_have_count(2)
    flags.first.focus()
    expect(page.locator(".flag-text").first).to_contain_text("Opened the window")
    look(page, "charts-message")
    flags.last.hover()
    expect(page.locator(".flag-text").last).to_have_css("opacity", "1")
    expect(page.get_by_role("button", name="Filter changed")).to_be_visible()


def test_values_come_live_and_touching_pauses(visitor: Visitor) -> None:
    device = visitor.new_device("Live")
    now = time.time()
    device.push_many([(now - 300 + n * 10, {"level": n, "state": "idle"}, None) for n in range(30)])
    page = visitor.open(f"{device.path}/charts?range=15m")
    value = page.locator(".entry-value")
    expect(value).to_have_text(["29", "idle"])
    page.wait_for_timeout(1000)
    device.push({"level": 77.5, "state": "busy"})
    expect(value).to_have_text(["77.5", "busy"], timeout=3000)
    requests = len([request for request in visitor.watch.requests if "/series?" in request])
    device.push({"level": 78.5})
    expect(value.first).to_have_text("78.5", timeout=3000)
    assert len([request for request in visitor.watch.requests if "/series?" in request]) == requests
    expect(page.locator(".live-edge").first).to_be_visible()
    box = _box(_plots(page).first)
    page.mouse.move(box["x"] + 300, box["y"] + 60)
    page.mouse.wheel(0, -120)
    expect(page.locator(".live-edge").first).to_be_hidden()
    page.get_by_role("button", name="paused").click()
    expect(page.locator(".live-edge").first).to_be_visible()
    page.mouse.click(box["x"] + 300, box["y"] + 60)
    expect(page.get_by_role("button", name="paused")).to_be_visible()
    page.mouse.move(5, 5)  # a click holds the cursor
    expect(page.locator(".cursor-line").first).to_be_visible()


def test_gaps_are_gaps(visitor: Visitor, house: Pushing) -> None:
    page = visitor.open(f"{house.path}/charts?fields=temperature")
    _plots(page)
    page.wait_for_timeout(300)
    # Columns of the canvas that show something of the line's colour, by their share of the width.
    inked = page.evaluate(_INKED)
    assert not [share for share in inked if 0.455 < share < 0.48]
    assert len([share for share in inked if 0.1 < share < 0.4]) > 100
    assert len([share for share in inked if 0.55 < share < 0.9]) > 100


def test_positions_are_a_track(visitor: Visitor, look: Look) -> None:
    device = visitor.new_device("Walk")
    now = time.time()
    device.push_many(
        [
            (
                now - 3600 + n * 10,
                {"gps_lat": 52.5 + 0.01 * math.sin(n / 50), "gps_lon": 13.4 + n / 20_000, "speed": 4.5},
                None,
            )
            for n in range(300)
        ]
    )
    page = visitor.open(f"{device.path}/charts?range=1h")
    expect(page.get_by_role("img", name=re.compile("Map of 2.. positions"))).to_be_visible()
    expect(_plots(page)).to_have_count(1)
    box = _box(page.locator(".map-area"))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 5)
    expect(page.locator(".plot .cursor-line").first).to_be_visible()
    look(page, "charts-map")


def test_what_is_seen_can_be_taken_along(visitor: Visitor, house: Pushing) -> None:
    page = visitor.open(f"{house.path}/charts?fields=temperature&from={_iso(-3600)}&to={_iso(0)}")
    _plots(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    picture = download.value.path().read_bytes()
    assert re.fullmatch(r"House-.*Z\.png", download.value.suggested_filename)
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert width > 900
    assert height > 200
    link = page.get_by_role("link", name="CSV")
    link.focus()
    expect(link).to_have_attribute("href", re.compile(r"/export\.csv\?fields=temperature&start_us=\d+&end_us=\d+$"))
    page.get_by_role("button", name="Table").click()
    expect(page.locator(".chart-table tbody tr").nth(58)).to_be_visible()
    expect(page.locator(".chart-table tbody tr").nth(60)).to_have_count(0)
    expect(page.locator(".chart-table")).to_contain_text("Each row is one commit.")
    page.get_by_role("button", name="Table").click()
    expect(page.locator(".chart-table")).to_have_count(0)


def test_quick_ranges_and_one_of_ones_own(visitor: Visitor, house: Pushing, look: Look) -> None:
    page = visitor.open(f"{house.path}/charts")
    _plots(page)
    page.get_by_role("link", name="1 h", exact=True).click()
    page.wait_for_url(re.compile("range=1h"))
    expect(page.get_by_role("link", name="1 h", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="all", exact=True).click()
    page.wait_for_url(re.compile("range=all"))
    page.locator(".own-range summary").click()
    look(page, "charts-own-range")
    page.get_by_label("From").fill("2026-01-02T10:00:00")
    page.get_by_label("To").fill("2026-01-01T10:00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("The end must be after the start.")).to_be_visible()
    page.get_by_label("To").fill("2026-01-03T10:00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url(re.compile(re.escape("from=2026-01-02T09:00:00Z&to=2026-01-03T09:00:00Z")))
    expect(page.get_by_text("No value in this range.").first).to_be_visible()
    page.get_by_role("button", name="Show the newest").first.click()
    expect(page.locator(".plot-note:visible")).to_have_count(0)
    page.go_back()
    expect(page.get_by_text("No value in this range.").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="all", exact=True)).to_have_attribute("aria-current", "true")


def test_a_silent_device_shows_its_newest_values(visitor: Visitor) -> None:
    device = _house(visitor, now_s=1_600_000_000.0)
    page = visitor.open(f"{device.path}/charts")
    expect(page.locator(".panel-head").first).to_contain_text("2400")
    expect(page.get_by_role("button", name="paused")).to_be_visible()
    page.get_by_role("link", name="all", exact=True).click()
    expect(page.locator(".panel-head").first).to_contain_text("2400")
    expect(page.locator(".own-range summary")).to_contain_text("Sept 2020")


def test_fingers_pan_and_pinch(arrive: Callable[..., Visitor], server: RunningServer) -> None:
    visitor = arrive(server, viewport={"width": 390, "height": 844}, has_touch=True)
    device = _house(visitor)
    page = visitor.open(f"{device.path}/charts?range=6h")
    box = _box(_plots(page).first)
    y = box["y"] + 60
    cdp = page.context.new_cdp_session(page)

    def touch(kind: str, *xs: float) -> None:
        points = [{"x": x, "y": y, "id": n} for n, x in enumerate(xs)]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 150, 250)
    for step in range(1, 9):
        touch("touchMove", 150 - step * 8, 250 + step * 8)
    touch("touchEnd")
    start_s, end_s = _settle(page)
    assert 0.3 < (end_s - start_s) / (DAY_S / 4) < 0.6
    touch("touchStart", 150)
    for step in range(1, 9):
        touch("touchMove", 150 + step * 15)
    touch("touchEnd")
    moved_s, moved_end_s = _settle(page)
    assert moved_s < start_s
    assert abs((moved_end_s - moved_s) - (end_s - start_s)) < 2
    page.touchscreen.tap(200, y)
    expect(page.locator(".cursor-line").first).to_be_visible()


def test_a_server_that_is_away_is_named_and_what_is_seen_kept(visitor: Visitor, house: Pushing) -> None:
    page = visitor.open(f"{house.path}/charts?range=1h&fields=temperature")
    _plots(page)
    visitor.watch.allow("/series?")
    visitor.watch.allow("net::ERR")
    page.route("**/series?*", lambda route: route.abort())
    page.get_by_role("link", name="6 h", exact=True).click()
    expect(page.get_by_text("What you see is from before.")).to_be_visible()
    page.unroute("**/series?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("What you see is from before.")).to_be_hidden()


def test_a_device_without_values_says_how_to_get_some(visitor: Visitor, look: Look) -> None:
    device = visitor.new_device("New")
    page = visitor.open(f"{device.path}/charts")
    expect(page.get_by_role("link", name="Connect your device")).to_be_visible()
    look(page, "charts-empty")
    device.push({"first": 1.5})
    expect(page.locator(".entry-value")).to_have_text("1.5")
