"""`/admin/devices/{device_id}/keys`: the API keys of a device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from fastapi import Request, Response

from nikdev_iot.server.accounts.keys import KEEP, Keep, NewKey, parse_uuid
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.storage.records import ApiKey
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .visit import Visit

__all__ = ["EXPIRIES", "KeyRefusal", "expiry_of", "routes"]

routes = page_router()
_KEYS = "/admin/devices/{device_id}/keys"
_KEY = f"{_KEYS}/{{key_id}}"
_DAY_US = 86_400_000_000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

EXPIRIES: Mapping[str, str] = MappingProxyType(
    {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year", "date": "After a day of your choice"}
)
"""What the form offers, and what it says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRefusal:
    """What was wrong with a form about a key."""

    key_id: str
    """'' for the form of a new one."""
    name: str
    """The input."""
    message: str
    typed: Mapping[str, str]


@routes.get(_KEYS, openapi_extra=who(Who.VIEWER))
def keys(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """All keys, without their secrets."""
    return _page(request, visit, services, said=request.query_params.get("said", ""))


@routes.post(_KEYS, openapi_extra=who(Who.EDITOR))
def make(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Make a key, and show its secret: in this answer alone."""
    name = "access"
    try:
        can_read, can_write = form.get("read") == "on", form.get("write") == "on"
        if not (can_read or can_write):
            raise Invalid("Choose read, write or both: without any access a key would open nothing.")
        name = "expires"
        expires_us = expiry_of(form, services.now_us())
        name = "name"
        made = services.keys.add(
            visit.the_device.id,
            name=form.get("name", ""),
            can_read=can_read,
            can_write=can_write,
            expires_us=None if isinstance(expires_us, Keep) else expires_us,
        )
    except Invalid as error:
        refusal = KeyRefusal(key_id="", name=name, message=str(error), typed=form)
        return _page(request, visit, services, status=422, refusal=refusal)
    return _page(request, visit, services, made=made)


@routes.post(f"{_KEY}/access", openapi_extra=who(Who.EDITOR))
def access(request: Request, visit: VisitOf, key_id: str, form: FormOf, services: ServicesOf) -> Response:
    """Give or take read and write access; to htmx, a line that says what holds now."""
    key = _find(services, visit, key_id)
    changed = services.keys.update(
        key.id, device_id=visit.the_device.id, can_read=form.get("read") == "on", can_write=form.get("write") == "on"
    )
    if "hx-request" in request.headers:
        return page(request, "device/key_access.html", key=changed)
    return _back(visit, f"changed {changed.id}")


@routes.post(f"{_KEY}/change", openapi_extra=who(Who.EDITOR))
def change(request: Request, visit: VisitOf, key_id: str, form: FormOf, services: ServicesOf) -> Response:
    """Change name and expiry."""
    key = _find(services, visit, key_id)
    name = "expires"
    try:
        expires_us = expiry_of(form, services.now_us())
        name = "name"
        services.keys.update(key.id, device_id=visit.the_device.id, name=form.get("name", ""), expires_us=expires_us)
    except Invalid as error:
        refusal = KeyRefusal(key_id=str(key.id), name=name, message=str(error), typed=form)
        return _page(request, visit, services, status=422, refusal=refusal)
    return _back(visit, f"changed {key.id}")


@routes.post(f"{_KEY}/revoke", openapi_extra=who(Who.EDITOR))
def revoke(visit: VisitOf, key_id: str, services: ServicesOf) -> Response:
    """Revoke a key, for ever."""
    key = _find(services, visit, key_id)
    services.keys.revoke(key.id, device_id=visit.the_device.id)
    return _back(visit, f"revoked {key.id}")


def expiry_of(form: Form, now_us: int) -> int | Keep | None:
    """Return what the form chose: a time in µs, None for never, `KEEP` for as it is; raises `Invalid`."""
    choice = form.get("expires", "")
    if choice == "keep":
        return KEEP
    if choice not in EXPIRIES:
        raise Invalid("Choose when the key expires.")
    if choice == "":
        return None
    if choice != "date":
        return now_us + int(choice) * _DAY_US
    text = form.text("date")
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        # To the end of the day: it works throughout the day that was named.
        end = None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        end = None
    if end is None:
        raise Invalid("Name the last day on which the key works, like 2027-12-31.")
    return round(end.timestamp()) * 1_000_000


def _find(services: Services, visit: Visit, key_id: str) -> ApiKey:
    parsed = parse_uuid(key_id)
    if parsed is None:
        raise NotFound("There is no such API key.", hint="Nothing was changed.")
    return services.keys.get(parsed, device_id=visit.the_device.id)


def _page(
    request: Request,
    visit: Visit,
    services: Services,
    *,
    status: int = 200,
    made: NewKey | None = None,
    refusal: KeyRefusal | None = None,
    said: str = "",
) -> Response:
    found = services.keys.all(visit.the_device.id)[::-1]
    done, _, said_of = said.partition(" ")
    now_us = services.now_us()
    in_use = [key for key in found if key.revoked_us is None]
    has_place = refusal is not None and (not refusal.key_id or refusal.key_id in {str(key.id) for key in in_use})
    return page(
        request,
        "device/keys.html",
        status=status,
        keys=in_use,
        refused=refusal.message if refusal and not has_place else "",
        revoked=[key for key in found if key.revoked_us is not None],
        expiries=EXPIRIES,
        tomorrow=datetime.fromtimestamp((now_us + _DAY_US) / 1e6, UTC).date().isoformat(),
        made=made,
        refusal=refusal,
        done=done,
        said_of=next((key for key in found if str(key.id) == said_of), None),
    )


def _back(visit: Visit, said: str) -> Response:
    return redirect(f"/admin/devices/{visit.the_device.id}/keys?said={said.replace(' ', '+')}")
