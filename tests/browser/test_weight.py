"""What a device page weighs, from a cold cache: everything that a browser asks for, as it comes over the line."""

from __future__ import annotations

import math
import time

import pytest
from playwright.sync_api import expect

LIMIT_BYTES = 150_000


@pytest.mark.parametrize("place", ["", "/charts"])
def test_a_device_page_is_light(visitor, place, capsys):
    device = visitor.new_device()
    now = time.time()
    device.push_many(
        (
            now - 60 * back,
            {"temperature": 21 + 3 * math.sin(back / 90), "humidity": 55.0 - back % 7, "window open": back % 200 < 20},
            None,
        )
        for back in range(24 * 60, 0, -1)
    )
    weights: dict[str, int] = {}
    names: dict[str, str] = {}
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda event: names.update({event["requestId"]: event["request"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda event: weights.update({names[event["requestId"]]: int(event["encodedDataLength"])}),
    )
    page = visitor.open(device.path + place)
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    page.wait_for_timeout(1_000)  # what comes after the first chart counts too
    found = {name.removeprefix(visitor.server.url): weight for name, weight in weights.items()}
    total = sum(found.values())
    assert any(name.endswith("uplot.min.js") for name in found)
    assert any("/series?" in name for name in found)
    listed = "\n".join(f"{weight:8} {name}" for name, weight in sorted(found.items(), key=lambda item: -item[1]))
    assert total <= LIMIT_BYTES, f"{total} bytes:\n{listed}"
    with capsys.disabled():
        print(f"\n{place or 'overview'}: {total} bytes in {len(found)} answers")
