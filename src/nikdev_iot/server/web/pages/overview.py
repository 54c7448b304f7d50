"""`GET /`: devices and their last values, for the operator at the machine itself, until the pages for people come."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nikdev_iot.model.times import iso
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.storage.records import Device, Field
from nikdev_iot.server.web.api.access import Needs, needs
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf, router
from nikdev_iot.server.web.api.services import Services

__all__ = ["age_text", "is_from_this_machine", "routes"]

routes = router("pages")

_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_FORWARDED = {"forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"}
"""Headers of proxies, beside all that begin with `x-forwarded-`."""
_HOST = re.compile(r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]|([A-Za-z0-9.-]+))(?::[0-9]{1,5})?")
_MAX_DEVICES = 100
_HEADERS = {"content-security-policy": _CSP, "referrer-policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class _Reading:
    field: Field
    text: str
    kind: str
    age: str
    at: str


@dataclass(frozen=True, slots=True)
class _Tile:
    device: Device
    readings: list[_Reading]
    newest_us: int


@routes.get(
    "/",
    openapi_extra=needs(Needs.PUBLIC),
    response_class=HTMLResponse,
    summary="Devices and last values, for the operator",
    description="Only for a browser on the server's own machine; 403 for all others.",
    responses={403: {"description": "Asked from another machine.", "content": {"text/html": {}}}},
)
def overview(request: Request, services: ServicesOf, reader: ReaderOf) -> Response:
    """All devices with their last values, in plain HTML."""
    if not (services.shows_overview and is_from_this_machine(request)):
        return _page("elsewhere.html", status=403)
    devices = services.devices.all()
    now_us = services.now_us()
    tiles = [_tile(device, services, reader, now_us) for device in devices[-_MAX_DEVICES:]]
    tiles.sort(key=lambda tile: tile.newest_us, reverse=True)
    return _page(
        "overview.html",
        tiles=tiles,
        hidden=len(devices) - len(tiles),
        has_accounts=bool(devices) or services.storage.count_accounts() > 0,
        now=iso(now_us // 1_000_000 * 1_000_000),
    )


@routes.get(
    "/assets/pages.css",
    openapi_extra=needs(Needs.PUBLIC),
    response_class=Response,
    summary="The style of the pages",
    responses={200: {"content": {"text/css": {}}}},
)
def style() -> Response:
    """One style sheet for all pages."""
    return Response(_style(), media_type="text/css", headers={"cache-control": "public, max-age=300"})


@cache
def _style() -> bytes:
    return files("nikdev_iot.server.web.pages").joinpath("static/pages.css").read_bytes()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("nikdev_iot.server.web.pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_environment().get_template(template).render(values), status, _HEADERS)


# -- who may see it ------------------------------------------------------------------------------------


def is_from_this_machine(request: Request) -> bool:
    """Return whether a browser on this machine asks, directly.

    The peer's address alone is not enough: a proxy on this machine asks from loopback for everyone (it says so in a
    header, or speaks HTTP/1.0), and a page of somewhere else may have its name resolve to loopback (but then names
    itself as the host).
    """
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if request.scope.get("http_version") == "1.0":
        return False
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in request.headers):
        return False
    hosts = request.headers.getlist("host")
    return len(hosts) == 1 and _is_loopback_name(hosts[0])


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _is_loopback_name(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1] or found[2]
    return _is_loopback(name) or (found[1] is None and name.lower() == "localhost")


# -- what it shows -------------------------------------------------------------------------------------


def _tile(device: Device, services: Services, reader: Reader, now_us: int) -> _Tile:
    newest = reader.newest(device.id)
    fields = services.fields.all(device.id)
    readings = list(_readings(fields, newest, now_us))
    return _Tile(device, readings, max((value.time_us for value in newest.values()), default=-(2**63)))


def _readings(fields: Iterable[Field], newest: Any, now_us: int) -> Iterable[_Reading]:
    for field in fields:
        value: LatestValue | None = newest.get(field.field_id)
        if value is not None:
            shown = value.value
            text = ("true" if shown else "false") if isinstance(shown, bool) else str(shown)
            kind = "text" if isinstance(shown, str) else "number"
            yield _Reading(field, text, kind, age_text(now_us - value.time_us), iso(value.time_us))


def age_text(age_us: int) -> str:
    """Return an age in words: `3 s ago`; of a time to come, `in 3 s`."""
    seconds = abs(age_us) // 1_000_000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            amount = f"{seconds // length} {unit}"
            break
    else:
        amount = f"{seconds} s"
    return f"in {amount}" if age_us < 0 else f"{amount} ago"
