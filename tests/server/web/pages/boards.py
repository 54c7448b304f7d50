"""Dashboards for tests of their pages: two devices with values, and a board of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from tests.server.web.pages.forms import Browser, new_browser
from tests.server.web.whole_app import Site

from nikdev_iot.server.dashboards.content import Content, Place, Source, Tile, ValueTile, read_content
from nikdev_iot.server.storage.dashboards import Dashboard

__all__ = ["S_US", "Boards", "key", "make_boards", "value_tile"]

S_US = 1_000_000


def key(device_id: uuid.UUID, field_id: str) -> str:
    return f"{device_id}/{field_id}"


def value_tile(device_id: uuid.UUID, field_id: str, tile_id: str = "t1") -> ValueTile:
    return ValueTile(id=tile_id, place=Place(0, 0, 3, 2), source=Source(device_id, field_id))


@dataclass(frozen=True)
class Boards:
    """Somebody with two devices of an account, each with the fields `a`, `b` and the secret `c`."""

    site: Site
    browser: Browser
    roof: uuid.UUID
    cellar: uuid.UUID
    keys: dict[uuid.UUID, dict[str, str]]

    @property
    def account_id(self) -> uuid.UUID:
        return self.browser.who.account_id

    def add(self, *tiles: Tile, name: str = "Wall") -> Dashboard:
        return self.site.services.dashboards.add(self.account_id, name, tiles=tiles)

    def now(self, dashboard: Dashboard) -> Dashboard:
        return self.site.services.dashboards.get(dashboard.id, account_id=self.account_id)

    def content(self, dashboard: Dashboard) -> Content:
        return read_content(self.now(dashboard).content)

    def share(self, dashboard: Dashboard) -> str:
        return self.site.services.dashboards.share(dashboard.id, account_id=self.account_id)

    def push(self, device_id: uuid.UUID, **values: float) -> None:
        self.site.clock.now_us += S_US
        self.site.push(self.keys[device_id], [(self.site.clock(), dict(values))])


def make_boards(site: Site) -> Boards:
    browser = new_browser(site)
    devices = [site.new_device(browser.who.account_id, name) for name in ("Roof", "Cellar")]
    boards = Boards(site, browser, *devices, keys={device: site.new_key(device) for device in devices})
    for number, device in enumerate(devices):
        boards.push(device, a=1.5 + number, b=2.5 + number, c=31_337.25 + number)
        boards.push(device, a=3.5 + number)
    return boards
