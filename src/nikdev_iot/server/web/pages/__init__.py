"""The pages for people: one module per resource, templates and static files beside them."""

from __future__ import annotations

from types import ModuleType

from . import (
    charts,
    connect,
    device,
    device_fields,
    device_keys,
    device_settings,
    devices,
    live,
    login,
    series,
    setup,
    start,
    static_files,
)

__all__ = ["PAGES"]

PAGES: tuple[ModuleType, ...] = (
    charts,
    connect,
    device,
    device_fields,
    device_keys,
    device_settings,
    devices,
    live,
    login,
    series,
    setup,
    start,
    static_files,
)
"""The resources; each has its `routes`."""
