"""Pictures of the pages for the README: a server with made data, and a browser that looks at it (`make screenshots`).

The data comes as it would in life: accounts and devices over the API, values through a journal. A picture has at most
256 colours, which keeps it small. Needs Chromium, and what `make test` installs.

    python examples/screenshots.py [--into docs/pictures]
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which
from typing import Any, Literal, NamedTuple

import numpy
from demo import Problem, start, stop, wait_until_ready
from playwright.sync_api import Browser, Page, expect, sync_playwright

from nikdev_iot import Api

EMAIL, PASSWORD = "you@example.org", "correct horse battery"
DAYS = 7
EVERY_S = 300
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
Row = Mapping[str, bool | float | str]


class Field(NamedTuple):
    """How a field is shown."""

    unit: str = ""
    label: str = ""
    decimals: int | None = None


class Made(NamedTuple):
    """A device that is made up."""

    name: str
    tags: list[str]
    fields: dict[str, Field]
    row: Callable[[float], Row | None]
    """The values at a time; None for a commit that was not made."""
    messages: dict[int, str]
    """By how many hours ago."""


def main() -> int:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "pictures")
    options = parser.parse_args()
    started: list[subprocess.Popen[str]] = []
    chromium = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        if chromium is None:
            raise Problem("There is no Chromium on the PATH (Debian: apt install chromium).")
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            started.append(start("serve", "--port", "0", "--data", f"{folder}/server", "--no-open", pipe=True))
            house = House(wait_until_ready(started[0]), Path(folder))
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
            take_all(browser, house, options.into)
            browser.close()
            stop(started)
            started.clear()
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        stop(started)
    return 0


# -- what there is to see -------------------------------------------------------------------------------


def daily(at_s: float, low: float, high: float, *, peak_h: float = 15) -> float:
    """Something that goes up and down with the day."""
    phase = (at_s / 3600 - peak_h) / 24 * 2 * math.pi
    return low + (high - low) * (0.5 + 0.5 * math.cos(phase))


def greenhouse(at_s: float) -> Row | None:
    """Warm by day, vented when too warm; its line was down for some hours."""
    if 55 < (time.time() - at_s) / 3600 < 61:
        return None
    warm = daily(at_s, 14, 31) + noise.gauss(0, 0.3)
    return {
        "temperature": round(warm, 2),
        "humidity": round(92 - 1.6 * (warm - 12) + noise.gauss(0, 0.8), 1),
        "soil": round(34 + 14 * ((time.time() - at_s) / 3600 % 48) / 48, 1),
        "vent_open": warm > 27,
    }


def roof(at_s: float) -> Row:
    """Sun on a roof, with clouds."""
    sun = max(0.0, daily(at_s, -4200, 5200, peak_h=12.5))
    clouds = 1 - 0.55 * max(0.0, math.sin(at_s / 4100) * math.sin(at_s / 1700))
    return {
        "power": round(sun * clouds + abs(noise.gauss(0, 12)) * (sun > 0)),
        "inverter": round(daily(at_s, 22, 47), 1),
    }


def boat(at_s: float) -> Row:
    """A boat on a lake."""
    turn = at_s / 9000
    return {
        "latitude": round(47.56 + 0.045 * math.sin(turn), 5),
        "longitude": round(9.42 + 0.16 * math.cos(turn * 0.7), 5),
        "speed": round(abs(5 + 2.5 * math.sin(turn * 3)) + noise.random(), 1),
    }


def freezer(at_s: float) -> Row:
    """A compressor going on and off."""
    runs = at_s % 2400 < 900
    return {"temperature": round(-18.5 + (0.9 if not runs else -0.4) + noise.gauss(0, 0.15), 2), "compressor": runs}


noise = random.Random(7)
DEVICES = [
    Made(
        "Greenhouse",
        ["garden"],
        {
            "temperature": Field("°C", "Temperature", 1),
            "humidity": Field("%", "Humidity", 0),
            "soil": Field("%", "Soil moisture", 0),
            "vent_open": Field(label="Vent open"),
        },
        greenhouse,
        {20: "watered the tomatoes", 96: "new seedlings in row 3"},
    ),
    Made("Roof", ["power"], {"power": Field("W", "Power", 0), "inverter": Field("°C", "Inverter", 1)}, roof, {}),
    Made("Boat", ["lake"], {"speed": Field("kn", "Speed", 1)}, boat, {30: "left the harbour"}),
    Made(
        "Freezer",
        ["cellar"],
        {"temperature": Field("°C", "Temperature", 1), "compressor": Field(label="Compressor")},
        freezer,
        {},
    ),
    Made("Attic", [], {}, lambda _: None, {}),
]


class House:
    """One account with these devices, on a server at `url`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.token = url, folder, ""
        account = [sys.executable, "-m", "nikdev_iot.cli", "admin", "--data", f"{folder}/server", "account", "add"]
        subprocess.run(
            [*account, EMAIL, "--password-stdin"], input=PASSWORD, text=True, check=True, capture_output=True
        )
        self.token = self.ask("POST", "sessions", {"email": EMAIL, "password": PASSWORD})["token"]
        self.ids = {made.name: self._add(made) for made in DEVICES}

    def ask(self, method: str, path: str, data: object) -> Any:
        """Send a request to the API; return what it answers."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", json.dumps(data).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _add(self, made: Made) -> str:
        device: str = self.ask("POST", "devices", {"name": made.name})["device_id"]
        self.ask("PATCH", f"devices/{device}", {"tags": made.tags})
        key = self.ask("POST", f"devices/{device}/keys", {"name": made.name.lower(), "read": True, "write": True})
        now_s = time.time()
        options = {"baseUrl": f"{self.url}/api/v1/", "storagePath": str(self.folder / device), "durability": "normal"}
        with Api.from_credentials(device, key["api_key"], **options) as api:
            for back_s in range(DAYS * 86_400, -1, -EVERY_S):
                row = made.row(now_s - back_s)
                if row is None:
                    continue
                for name, value in row.items():
                    api.add_value(name, value)
                api.commit(made.messages.get(back_s // 3600) if back_s % 3600 < EVERY_S else None, now_s - back_s)
            api.push()
        for name, field in made.fields.items():
            change = {"unit": field.unit, "label": field.label, "decimals": field.decimals}
            self.ask("PATCH", f"devices/{device}/fields/{name}", change)
        return device


# -- pictures ---------------------------------------------------------------------------------------------


def take_all(browser: Browser, house: House, into: Path) -> None:
    """Open the pages and keep what is seen."""
    into.mkdir(parents=True, exist_ok=True)

    def opened(theme: Literal["light", "dark"], width: int = 1280, height: int = 800, scale: float = 1) -> Page:
        context = browser.new_context(
            base_url=house.url,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            device_scale_factor=scale,
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        context.add_cookies([{"name": "nikdev_session", "value": house.token, "url": house.url}])
        return context.new_page()

    def keep(page: Page, name: str) -> None:
        expect(page.locator("nikdev-chart .hold")).to_have_count(0)
        expect(page.locator('nikdev-spark[values]:not([values="[]"]):not(:has(svg))')).to_have_count(0)
        page.wait_for_timeout(700)  # live values settle
        picture = squeeze(page, page.screenshot(caret="initial"))
        (into / f"{name}.png").write_bytes(picture)
        print(f"{into.name}/{name}.png: {len(picture) / 1000:.0f} kB")
        page.context.close()

    greenhouse_path = f"/admin/devices/{house.ids['Greenhouse']}"
    page = opened("light", height=560)
    page.goto("/admin/devices")
    keep(page, "devices")

    page = opened("light", height=920)
    page.goto(greenhouse_path)
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    keep(page, "device")

    page = opened("dark", height=760)
    page.goto(f"{greenhouse_path}/charts?range=7d")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    keep(page, "charts")

    page = opened("dark", 390, 844, 2)
    page.goto(f"/admin/devices/{house.ids['Roof']}")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    keep(page, "phone")

    page = opened("light", height=720)
    page.goto(f"{greenhouse_path}/commits")
    keep(page, "commits")

    page = opened("light", height=760)
    page.goto(f"/admin/devices/{house.ids['Attic']}")
    keep(page, "connect")

    page = opened("dark", height=720)
    page.goto("/admin/dashboards")
    page.get_by_label("Name of the dashboard").fill("Garden")
    page.get_by_label("Begin with").select_option(label="all fields of Greenhouse")
    page.get_by_role("button", name="Make dashboard").click()
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    keep(page, "dashboard")


_PIXELS = """
async (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const parts = [];
  for (let at = 0; at < data.length; at += 32768) parts.push(String.fromCharCode(...data.subarray(at, at + 32768)));
  return [image.width, image.height, btoa(parts.join(""))];
}
"""


def squeeze(page: Page, picture: bytes) -> bytes:
    """Return the PNG again with the 256 colours that most of it has; the browser knows how to read it."""
    width, height, text = page.evaluate(_PIXELS, base64.b64encode(picture).decode())
    pixels = numpy.frombuffer(base64.b64decode(text), numpy.uint8).reshape(-1, 4)[:, :3]
    colours, place, counts = numpy.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    palette = colours[numpy.argsort(-counts, kind="stable")[:256]]
    distance = ((colours[:, None, :].astype(numpy.int32) - palette[None, :, :]) ** 2).sum(axis=2)
    indexes = distance.argmin(axis=1).astype(numpy.uint8)[place.reshape(-1)].reshape(height, width)
    lines = numpy.hstack([numpy.zeros((height, 1), numpy.uint8), indexes]).tobytes()  # 0: the line is not filtered

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"PLTE", palette.tobytes()), chunk(b"IDAT", zlib.compress(lines, 9))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


if __name__ == "__main__":
    raise SystemExit(main())
