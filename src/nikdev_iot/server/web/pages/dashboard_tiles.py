"""`/admin/dashboards/{dashboard_id}/tiles`: adding a tile, changing one, and taking one away."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Request, Response

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.dashboards.content import (
    Content,
    Place,
    Source,
    Tile,
    new_tile_id,
    read_content,
    with_tile,
    without_tile,
)
from nikdev_iot.server.dashboards.dashboards import Changed
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.storage.dashboards import Dashboard
from nikdev_iot.server.storage.records import Device
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .dashboard_view import key_of, parse_key
from .dashboards import find_dashboard
from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .tile_form import KINDS, chosen_keys, kind_of, read_tile, typed_of
from .visit import Visit

__all__ = ["routes"]

routes = page_router()

_TRIES = 5
"""An added or removed tile does not touch what others change at the same time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One field that may be chosen."""

    key: str
    label: str
    field_id: str
    unit: str
    device_name: str
    is_chosen: bool = True


def _choices(services: Services, visit: Visit, device: Device | None, chosen: list[str]) -> list[Choice]:
    """Return the fields of a device, and before them those of others that are chosen."""
    found: list[Choice] = []
    for key in chosen:
        source = parse_key(key)
        if source is None or (device is not None and source.device == device.id):
            continue
        try:
            other = services.devices.get(source.device, account_id=visit.account.id)
        except NotFound:
            found.append(Choice(key, source.field, source.field, "", "a device that is no longer there"))
            continue
        known = {field.field_id: field for field in services.fields.all(other.id)}.get(source.field)
        label, unit = (known.label or known.field_id, known.unit) if known else (source.field, "")
        found.append(Choice(key, label, source.field, unit, other.name))
    if device is not None:
        for field in services.fields.all(device.id):
            key = key_of(Source(device.id, field.field_id))
            found.append(
                Choice(key, field.label or field.field_id, field.field_id, field.unit, device.name, key in chosen)
            )
    return found


def _form_page(
    request: Request,
    visit: Visit,
    services: Services,
    dashboard: Dashboard,
    *,
    kind: str,
    tile: Tile | None = None,
    form: Form | None = None,
    **special: Any,
) -> Response:
    devices = services.devices.all(visit.account.id) if kind != "text" else []
    chosen = chosen_keys(form, tile)
    device = _device(request, devices, form, chosen)
    values: dict[str, Any] = {
        "dashboard": dashboard,
        "kind": kind,
        "kinds": KINDS,
        "tile": tile,
        "devices": devices,
        "device": device,
        "choices": [] if kind == "text" else _choices(services, visit, device, chosen),
        "typed": form if form is not None else typed_of(tile) if tile else {"min": "0", "max": "100"},
        "version": dashboard.version,
        "wrong": {},
        "changed": "",
        "status": 200,
    }
    return page(request, "dashboards/tile.html", **(values | special))


def _device(request: Request, devices: list[Device], form: Form | None, chosen: list[str]) -> Device | None:
    """Return the device whose fields are listed: the one asked for, that of the first chosen field, or the newest."""
    by_id = {device.id: device for device in devices}
    asked = parse_uuid(form.get("device") if form else request.query_params.get("device"))
    if asked is not None and asked in by_id:
        return by_id[asked]
    for key in chosen:
        source = parse_key(key)
        if source is not None and source.device in by_id:
            return by_id[source.device]
    return max(devices, key=lambda device: device.last_push_us or 0, default=None)


def _kind(text: str) -> str:
    if text not in KINDS:
        raise NotFound("There is no such kind of tile.", hint="Go back and choose one.")
    return text


def _tile(content: Content, tile_id: str) -> Tile:
    for tile in content.tiles:
        if tile.id == tile_id:
            return tile
    raise NotFound("This tile is not on the dashboard any more.", hint="Somebody may have removed it meanwhile.")


@routes.get("/admin/dashboards/{dashboard_id}/tiles/new", openapi_extra=who(Who.EDITOR))
def new(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Ask what a new tile shows."""
    found = find_dashboard(services, visit, dashboard_id)
    return _form_page(request, visit, services, found, kind=_kind(request.query_params.get("kind", "value")))


@routes.post("/admin/dashboards/{dashboard_id}/tiles", openapi_extra=who(Who.EDITOR))
def add(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf, form: FormOf) -> Response:
    """Add a tile."""
    found = find_dashboard(services, visit, dashboard_id)
    kind = _kind(form.text("kind"))
    if "look" in form:  # at the fields of another device
        return _form_page(request, visit, services, found, kind=kind, form=form)
    read = read_tile(form, kind=kind, tile_id="new", place=Place(0, 0, 1, 1))
    if read.tile is None:
        return _form_page(request, visit, services, found, kind=kind, form=form, wrong=read.wrong, status=422)
    try:
        _apply(services, visit, found.id, added=read.tile)
    except Invalid as error:
        wrong = {"": str(error)}
        return _form_page(request, visit, services, found, kind=kind, form=form, wrong=wrong, status=422)
    return redirect(f"/admin/dashboards/{found.id}/edit")


def _apply(
    services: Services, visit: Visit, dashboard_id: uuid.UUID, *, added: Tile | None = None, removed: str = ""
) -> None:
    """Add or remove a tile on whatever version there is; raises `Changed` where others are faster all the time."""
    for left in reversed(range(_TRIES)):
        current = services.dashboards.get(dashboard_id, account_id=visit.account.id)
        content = read_content(current.content)
        if added is None:
            content = without_tile(content, removed)
        else:
            content = with_tile(content, msgspec.structs.replace(added, id=new_tile_id(content)))
        try:
            services.dashboards.change(
                current.id, account_id=visit.account.id, version=current.version, content=content
            )
        except Changed:
            if not left:
                raise
        else:
            return


@routes.get("/admin/dashboards/{dashboard_id}/tiles/{tile_id}", openapi_extra=who(Who.EDITOR))
def change(request: Request, dashboard_id: str, tile_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Ask what a tile shows from now on."""
    found = find_dashboard(services, visit, dashboard_id)
    tile = _tile(read_content(found.content), tile_id)
    return _form_page(request, visit, services, found, kind=kind_of(tile), tile=tile)


@routes.post("/admin/dashboards/{dashboard_id}/tiles/{tile_id}", openapi_extra=who(Who.EDITOR))
def save(dashboard_id: str, tile_id: str, request: Request, visit: VisitOf, form: FormOf) -> Response:
    """Change a tile, if the dashboard is still of the version that the form is of."""
    services: Services = request.app.state.services
    found = find_dashboard(services, visit, dashboard_id)
    content = read_content(found.content)
    tile = _tile(content, tile_id)
    kind = kind_of(tile)
    typed = form.text("version")
    version = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 16 else 0
    shown: dict[str, Any] = {"kind": kind, "tile": tile, "form": form}
    if "look" in form:
        return _form_page(request, visit, services, found, **shown, version=version)
    read = read_tile(form, kind=kind, tile_id=tile.id, place=tile.place)
    if read.tile is None:
        return _form_page(request, visit, services, found, **shown, version=version, wrong=read.wrong, status=422)
    try:
        services.dashboards.change(
            found.id, account_id=visit.account.id, version=version, content=with_tile(content, read.tile)
        )
    except Changed:
        words = (
            "This dashboard was changed elsewhere since you opened this form. What you typed is still here: save again "
            "to put this tile as you have it into theirs, or leave it as theirs."
        )
        return _form_page(request, visit, services, found, **shown, changed=words, status=409)
    return redirect(f"/admin/dashboards/{found.id}/edit")


@routes.post("/admin/dashboards/{dashboard_id}/tiles/{tile_id}/remove", openapi_extra=who(Who.EDITOR))
def remove(dashboard_id: str, tile_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Take a tile away."""
    found = find_dashboard(services, visit, dashboard_id)
    _apply(services, visit, found.id, removed=_tile(read_content(found.content), tile_id).id)
    return redirect(f"/admin/dashboards/{found.id}/edit")
