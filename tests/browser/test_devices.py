"""The list of devices, as a person uses it."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor

from nikdev_iot.server.storage.records import Device


def _fill(visitor: Visitor) -> None:
    """Some devices as people have them: a greenhouse that is online, a silent one, one never seen."""
    now = time.time()
    greenhouse = visitor.new_device("Greenhouse")
    rows = [
        (now - 6 * 3600 + 360 * n, {"temperature": 18 + 6 * math.sin(n / 9), "humidity": 55 + n % 7, "door": n % 9 == 0}, None)
        for n in range(60)
    ]
    greenhouse.push_many(rows)
    greenhouse.push({"temperature": 21.5, "humidity": 48, "door": False}, "watered the tomatoes")
    cellar = visitor.new_device("Cellar pump")
    cellar.push_many([(now - 3600 + 60 * n, {"flow": 3 + n % 5, "state": "pumping" if n % 3 else "idle"}, None) for n in range(40)])
    visitor.new_device("Attic")
    with visitor.server.storage.write() as write:
        for device in visitor.server.storage.devices(uuid.UUID(visitor.account_id)):
            tags = {"Greenhouse": ("garden", "warm"), "Cellar pump": ("cellar",)}.get(device.name, ())
            write.update_device(_with(device, tags=tags, silent_after_s=1 if device.name == "Cellar pump" else None))
            write.update_device(_with(device, tags=tags, silent_after_s=1 if device.name == "Cellar pump" else None))
        for device in visitor.server.storage.devices(uuid.UUID(visitor.account_id)):
            for field in visitor.server.storage.fields(device.id):
                unit = {"temperature": "°C", "humidity": "%", "flow": "l/min"}.get(field.field_id, "")
                decimals = 1 if field.field_id == "temperature" else None
                write.update_field(_with(field, unit=unit, decimals=decimals))


def _with(record, **changes):
    from dataclasses import replace

    return replace(record, **changes)  # type: ignore[type-var]


def test_it_looks_right(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    _fill(visitor)
    time.sleep(1.1)
    page = visitor.open("/admin/devices")
    expect(page.locator(".device .name")).to_have_text(["Cellar pump", "Attic", "Greenhouse"])
    expect(page.locator("nikdev-spark path[d]").first).to_be_attached()
    look(page, "devices")
