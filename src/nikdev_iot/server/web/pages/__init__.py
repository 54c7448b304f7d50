"""The pages for people: one module per resource, templates and static files beside them."""

from __future__ import annotations

from types import ModuleType

from . import (
    charts,
    client_wheel,
    connect,
    dashboard_tiles,
    dashboards,
    device,
    device_commits,
    device_fields,
    device_keys,
    device_settings,
    devices,
    invitations,
    live,
    login,
    people,
    profile,
    register,
    second_factor,
    series,
    server,
    setup,
    shared,
    start,
    static_files,
    switch,
    value_deletion,
)

__all__ = ["PAGES"]

PAGES: tuple[ModuleType, ...] = (
    charts,
    client_wheel,
    connect,
    dashboard_tiles,
    dashboards,
    device,
    device_commits,
    device_fields,
    device_keys,
    device_settings,
    devices,
    invitations,
    live,
    login,
    people,
    profile,
    register,
    second_factor,
    series,
    server,
    setup,
    shared,
    start,
    static_files,
    switch,
    value_deletion,
)
"""The resources; each has its `routes`."""
