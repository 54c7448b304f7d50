"""How long a phone on a slow line waits for the first chart: a real Chromium, a cold cache, and fast 3G.

The line is emulated by Chromium: 1.6 Mbit/s down, 0.75 Mbit/s up, and 150 ms for each request. The device has pushed
three fields once a minute for a day, with the decimals that sensors have. Painted is the first frame after a chart has
ink on it.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import statistics
import tempfile
import time
import urllib.request
from typing import Any

from nikdev_iot import Api

from .report import Row
from .serving import PASSWORD, Credentials, Server, serving

__all__ = ["run"]

_RUNS = 9
_EMAIL = "pages@example.org"
_FAST_3G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
    "connectionType": "cellular3g",
}
_PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
_AIM_S = 1.0
_AIM_BYTES = 150_000
# Notes in the page when the first of its charts has ink on it.
_WATCH = """
{
  const inked = (canvas) => {
    if (!canvas.width || !canvas.height) return false;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let at = 3; at < data.length; at += 40) if (data[at]) ink += 1;
    return ink > 50;
  };
  const look = () => {
    if ([...document.querySelectorAll("nikdev-chart canvas")].some(inked)) {
      requestAnimationFrame(() => { window.nikdevPaintedMs = performance.now(); });
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""


def _push_a_day(server: Server, credentials: Credentials, journal: str) -> None:
    now_s, chance = time.time(), random.Random(1)
    options = {"baseUrl": server.url, "storagePath": journal}
    with Api.from_credentials(credentials.device_id, credentials.api_key, **options) as api:
        for back in range(24 * 60, 0, -1):
            api.add_value("temperature", round(21 + 3 * math.sin(back / 90) + chance.gauss(0, 0.05), 2))
            api.add_value("humidity", round(55 + 10 * math.cos(back / 60) + chance.gauss(0, 0.3), 1))
            api.add_value("window open", back % 200 < 20)
            api.commit(time=now_s - 60 * back)
        api.push()


def _sign_in(server: Server) -> str:
    body = json.dumps({"email": _EMAIL, "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{server.url}sessions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["token"]


def _open_cold(browser: Any, origin: str, token: str, path: str) -> tuple[float, int]:
    """Return the seconds from the click to the first chart, and the bytes of all that the page asked for."""
    context = browser.new_context(base_url=origin, **_PHONE)
    try:
        context.add_cookies([{"name": "nikdev_session", "value": token, "url": origin}])
        context.add_init_script(_WATCH)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", _FAST_3G)
        sizes: list[int] = []
        session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
        page.goto(path, wait_until="commit")
        give_up = time.monotonic() + 20
        while not (painted_ms := page.evaluate("window.nikdevPaintedMs ?? 0")):
            if time.monotonic() > give_up:
                raise RuntimeError(f"no chart was painted at {path}")
            page.wait_for_timeout(100)
        page.wait_for_timeout(1_500)  # whatever comes after it
        return painted_ms / 1000, sum(sizes)
    finally:
        context.close()


def run() -> list[Row]:
    """Open the overview of a device again and again, each time for the first time."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise RuntimeError("there is no Chromium on the PATH (Debian: apt install chromium)")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with serving() as server, tempfile.TemporaryDirectory() as journal, sync_playwright() as playwright:
        (credentials,) = server.add_devices(1, email=_EMAIL)
        _push_a_day(server, credentials, journal)
        origin, token = server.url.removesuffix("/api/v1/"), _sign_in(server)
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        try:
            path = f"/admin/devices/{credentials.device_id}"
            found = [_open_cold(browser, origin, token, path) for _ in range(_RUNS + 1)][1:]
        finally:
            browser.close()
    painted_s, sent_bytes = (statistics.median(figures) for figures in zip(*found, strict=True))
    return [
        Row(
            what="overview of a device, first chart painted, phone on fast 3G, cold cache",
            ours=f"{painted_s:.2f} s",
            peer="",
            ratio="",
            aim=f"at most {_AIM_S:.0f} s",
            met=painted_s <= _AIM_S,
        ),
        Row(
            what="the same, all that came over the line",
            ours=f"{sent_bytes / 1000:.0f} kB",
            peer="",
            ratio="",
            aim=f"at most {_AIM_BYTES / 1000:.0f} kB",
            met=sent_bytes <= _AIM_BYTES,
        ),
    ]
