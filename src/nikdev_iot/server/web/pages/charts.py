"""`/admin/devices/{device_id}/charts`: all fields of a device over time; and what every page with charts needs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts.fields import in_order, own_color, palette_places
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf

from .ranges import QUICK_RANGES, Span, span_of
from .routing import VisitOf, Who, page_router, who
from .shell import page

__all__ = ["FIRST_POINTS", "ChartView", "chart_view", "described", "routes"]

routes = page_router()

FIRST_POINTS = 400
"""At what resolution a page begins: the server does not know yet how wide the screen is."""
_DEFAULT_FIELDS = 8
_LATITUDE = re.compile(r"(|.*[^a-z])(?:latitude|lat)(|[^a-z].*)")
_NUMBERS = frozenset({Kind.INT, Kind.FLOAT})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """What a page's chart begins with; the templates of `device/chart.html` take it."""

    device_id: uuid.UUID
    name: str
    fields: Sequence[Mapping[str, Any]]
    """Every field of the device, as `described` says."""
    shown: Sequence[str]
    """Field IDs."""
    default: Sequence[str]
    """Those that are shown where nothing else is asked for."""
    layout: str
    """`each` or `overlay`."""
    span: Span
    """The time that it shows."""
    first: str | None
    """The address of the first values, which the page asks for before its scripts are there."""

    @property
    def panels(self) -> Sequence[str]:
        """What takes room before the scripts are there: `plot`, `overlay` or `lane`, one for each."""
        kinds = {field["id"]: field["kind"] for field in self.fields}
        plots = [name for name in self.shown if kinds[name] != "state"]
        lanes = ["lane" for name in self.shown if kinds[name] != "number"]
        pair = _pair(plots)
        plots = [name for name in plots if name not in pair]
        are_one = self.layout == "overlay" and len(plots) > 1
        return [*(["map"] if pair else []), *(["overlay"] if are_one else ["plot"] * len(plots)), *lanes]


def described(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Return what the charts know of a device's fields; `place` gives a field the same colour everywhere."""
    places = palette_places(fields)
    return [
        {
            "id": field.field_id,
            "label": field.label or field.field_id,
            "unit": field.unit,
            "color": own_color(field),
            "decimals": field.decimals,
            "kind": _kind(field.kinds),
            "hidden": field.hidden,
            "place": places[field.field_id],
        }
        for field in in_order(fields)
    ]


def _pair(names: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that are latitude and longitude of one position, as `findPair` of js/chart.js does."""
    lowered = {name.lower(): name for name in names}
    for name in names:
        found = _LATITUDE.fullmatch(name.lower())
        if found is None:
            continue
        for word in ("lon", "lng", "long", "longitude"):
            if other := lowered.get(f"{found[1]}{word}{found[2]}"):
                return name, other
    return ()


def _kind(kinds: frozenset[Kind]) -> str:
    has_numbers, has_states = bool(kinds & _NUMBERS), bool(kinds - _NUMBERS)
    return "mixed" if has_numbers and has_states else "state" if has_states else "number"


def chart_view(
    *,
    device_id: uuid.UUID,
    name: str,
    fields: Sequence[Field],
    query: Mapping[str, str],
    now_us: int,
    newest_us: int | None,
    source: str | None = None,
) -> ChartView:
    """Return what a chart begins with: as the address asks, else the first fields over the last day. Pure.

    Where nothing came within the last day, it ends with the newest value. `source` is where its values come from,
    unless from the device's own address.
    """
    all_fields = described(fields)
    known = {field["id"] for field in all_fields}
    shown = default = [field["id"] for field in all_fields if not field["hidden"]][:_DEFAULT_FIELDS]
    if "fields" in query:
        shown = [name for name in dict.fromkeys(query["fields"].split(",")) if name in known]
    span = span_of(query, now_us=now_us, newest_us=newest_us)
    first = None
    if shown and span.start_us is not None:
        ids = ",".join(quote(name, safe="") for name in shown)
        base = source or f"/admin/devices/{device_id}/series"
        first = f"{base}?fields={ids}&start_us={span.start_us}&end_us={span.end_us}&points={FIRST_POINTS}"
    layout = "overlay" if query.get("layout") == "overlay" else "each"
    return ChartView(
        device_id=device_id,
        name=name,
        fields=all_fields,
        shown=shown,
        default=default,
        layout=layout,
        span=span,
        first=first,
    )


@routes.get("/admin/devices/{device_id}/charts", openapi_extra=who(Who.VIEWER))
def charts(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """All fields to choose from, one by one or overlaid."""
    device = visit.the_device
    fields = services.fields.all(device.id)
    newest = reader.newest_stored(device.id)
    view = chart_view(
        device_id=device.id,
        name=device.name,
        fields=fields,
        query=request.query_params,
        now_us=services.now_us(),
        newest_us=max((point.time_us for point in newest.values()), default=None),
    )
    return page(request, "device/charts.html", view=view, quick_ranges=QUICK_RANGES)
