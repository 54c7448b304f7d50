"""`/admin/devices`: the account's devices, and adding one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.accounts.listing import Listed, Order, list_devices
from nikdev_iot.server.accounts.states import StateWord, may_be_silent
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.fleet import Glance
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf
from nikdev_iot.server.web.api.services import Services
from nikdev_iot.wire.headers import JSON_TYPE

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .tiles import Tile, tiles
from .visit import Visit

__all__ = ["routes"]

routes = page_router()

_PAGE_ROWS = 50
_ROW_VALUES = 3
_MAX_SPARKS = 100
_MAX_SEARCH_CHARS = 200
_PAGE = re.compile(r"[0-9]{1,6}")
_ORDERS = {Order.TROUBLE: "Trouble first", Order.NAME: "By name", Order.SEEN: "Last seen"}


@dataclass(frozen=True, slots=True)
class _Row:
    listed: Listed
    tiles: Sequence[Tile]
    message: str
    waiting: int
    """Commits that the device has not pushed yet, as far as it said."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for."""

    search: str
    tags: tuple[str, ...]
    order: Order
    page: int

    @classmethod
    def of(cls, request: Request) -> _Asked:
        asked = request.query_params
        order = asked.get("order", "")
        number = asked.get("page", "")
        return cls(
            asked.get("q", "").strip()[:_MAX_SEARCH_CHARS],
            tuple(dict.fromkeys(asked.getlist("tag"))),
            Order(order) if order in set(Order) else Order.TROUBLE,
            max(1, int(number)) if _PAGE.fullmatch(number) else 1,
        )

    def address(self, *, order: Order | None = None, tag: str | None = None, page: int = 1) -> str:
        """Return the address of the same list in another order, with a tag more (or less), or further down."""
        tags = [one for one in self.tags if one != tag] + ([tag] if tag and tag not in self.tags else [])
        pairs = [("q", self.search)] if self.search else []
        pairs += [("tag", one) for one in tags]
        order = order or self.order
        pairs += [("order", order.value)] if order is not Order.TROUBLE else []
        pairs += [("page", str(page))] if page > 1 else []
        return "/admin/devices" + (f"?{urlencode(pairs)}" if pairs else "")


@routes.get("/admin/devices", openapi_extra=who(Who.VIEWER))
def devices(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """The list, or, for a script that scrolls on, only more rows."""
    return _list(request, visit, services, reader)


@routes.post("/admin/devices", openapi_extra=who(Who.EDITOR))
def add(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Make a device, and show how it is connected."""
    try:
        device = services.devices.add(visit.account.id, form.get("name", ""))
    except Invalid as error:
        return _list(request, visit, services, reader, status=422, name=form.get("name", ""), wrong=error.message)
    return redirect(f"/admin/devices/{device.id}/connect")


@routes.get("/admin/sparks", openapi_extra=who(Who.VIEWER))
def sparks(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Sparklines as `{device: {"fields": {field: [[times in s], [values]]}, "lost": commits}}`.

    Devices of other accounts are left out.
    """
    asked = request.query_params.get("devices", "").split(",")[:_MAX_SPARKS]
    ids = [found for text in asked if (found := parse_uuid(text)) is not None]
    own = {device.id for device in services.devices.all(visit.account.id)}
    ids = [device_id for device_id in ids if device_id in own]
    fields = services.storage.fields_of(ids)
    glances = reader.fleet.glances(ids)
    wanted: dict[uuid.UUID, Mapping[str, frozenset[Kind]]] = {}
    for device_id, glance in glances.items():
        shown = tiles(fields.get(device_id, ()), glance.newest, limit=_ROW_VALUES)
        wanted[device_id] = {tile.field.field_id: tile.field.kinds for tile in shown if tile.has_numbers}
    made = reader.fleet.sparks({key: names for key, names in wanted.items() if names}, now_us=services.now_us())
    body = {
        str(device_id): {
            "fields": {
                name: [[at // 1_000_000 for at in spark.times_us], [float(f"{value:.5g}") for value in spark.values]]
                for name, spark in found.by_field.items()
            },
            "lost": found.gap_commits,
        }
        for device_id, found in made.items()
    }
    return Response(msgspec.json.encode(body), media_type=JSON_TYPE, headers={"cache-control": "no-store"})


def _list(
    request: Request,
    visit: Visit,
    services: Services,
    reader: Reader,
    *,
    status: int = 200,
    name: str = "",
    wrong: str = "",
) -> Response:
    now_us = services.now_us()
    asked = _Asked.of(request)
    known = services.last_pushes.merged(services.devices.all(visit.account.id))
    quiet = [(d.id, d.last_push_us) for d in known if d.last_push_us is not None and may_be_silent(d, now_us)]
    listing = list_devices(
        known,
        now_us,
        search=asked.search,
        tags=asked.tags,
        order=asked.order,
        usual_s=reader.fleet.usual_s(quiet) if quiet else None,
    )
    start = (asked.page - 1) * _PAGE_ROWS
    shown = listing.found[start : start + _PAGE_ROWS]
    values: dict[str, Any] = {
        "asked": asked,
        "listing": listing,
        "rows": _rows(shown, services, reader),
        "next": asked.address(page=asked.page + 1) if start + _PAGE_ROWS < len(listing.found) else "",
    }
    if request.headers.get("hx-request") and asked.page > 1:
        return page(request, "devices/rows.html", **values)
    counts = [(word.value, listing.counts[word]) for word in StateWord if listing.counts.get(word)]
    return page(
        request, "devices/list.html", status=status, name=name, wrong=wrong, orders=_ORDERS, counts=counts, **values
    )


def _rows(shown: Sequence[Listed], services: Services, reader: Reader) -> list[_Row]:
    ids = [listed.device.id for listed in shown]
    fields: Mapping[uuid.UUID, Sequence[Field]] = services.storage.fields_of(ids)
    glances = reader.fleet.glances(ids)
    rows = []
    for listed in shown:
        device_id = listed.device.id
        glance = glances.get(device_id, Glance())
        rows.append(
            _Row(
                listed,
                tiles(fields.get(device_id, ()), glance.newest, limit=_ROW_VALUES),
                glance.message.text if glance.message else "",
                services.waiting.of(device_id),
            )
        )
    return rows
