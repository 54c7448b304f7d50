"""`/admin/devices/{device_id}/charts`: all fields of a device over time; and what every page with charts needs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.times import iso, to_time_us
from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts.fields import in_order, own_color, palette_places
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf

from .routing import VisitOf, Who, page_router, who
from .shell import page

__all__ = ["FIRST_POINTS", "QUICK_RANGES", "ChartView", "chart_view", "described", "routes"]

routes = page_router()

_HOUR_US = 3_600_000_000
QUICK_RANGES: Mapping[str, tuple[str, int | None]] = {
    "15m": ("15 min", _HOUR_US // 4),
    "1h": ("1 h", _HOUR_US),
    "6h": ("6 h", 6 * _HOUR_US),
    "24h": ("24 h", 24 * _HOUR_US),
    "7d": ("7 d", 7 * 24 * _HOUR_US),
    "30d": ("30 d", 30 * 24 * _HOUR_US),
    "1y": ("1 y", 365 * 24 * _HOUR_US),
    "all": ("all", None),
}
"""Each range's name, how it is written, and how long it is; None for the whole history."""
FIRST_POINTS = 400
"""At what resolution a page begins: the server does not know yet how wide the screen is."""
_DEFAULT_RANGE = "24h"
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
    range: str
    """One of `QUICK_RANGES`, or from and to in ISO with a slash between."""
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
    range_, start_us, end_us = _range(query, now_us=now_us, newest_us=newest_us)
    first = None
    if shown and start_us is not None:
        ids = ",".join(quote(name, safe="") for name in shown)
        base = source or f"/admin/devices/{device_id}/series"
        first = f"{base}?fields={ids}&start_us={start_us}&end_us={end_us}&points={FIRST_POINTS}"
    layout = "overlay" if query.get("layout") == "overlay" else "each"
    return ChartView(
        device_id=device_id,
        name=name,
        fields=all_fields,
        shown=shown,
        default=default,
        layout=layout,
        range=range_,
        first=first,
    )


def _range(query: Mapping[str, str], *, now_us: int, newest_us: int | None) -> tuple[str, int | None, int]:
    """Return the range's name, its start (None for the whole history) and its end."""
    name = query.get("range", "")
    if name not in QUICK_RANGES:
        asked = _asked(query)
        if asked is not None:
            return (f"{iso(asked[0])}/{iso(asked[1])}", *asked)
        name = _DEFAULT_RANGE
        day_us = QUICK_RANGES[name][1] or 0
        if newest_us is not None and newest_us < now_us - day_us:
            # To the full second, so that the newest value is inside.
            end_us = (newest_us // 1_000_000 + 1) * 1_000_000 + day_us // 50
            return f"{iso(end_us - day_us)}/{iso(end_us)}", end_us - day_us, end_us
    length_us = QUICK_RANGES[name][1]
    return name, None if length_us is None else now_us - length_us, now_us


def _asked(query: Mapping[str, str]) -> tuple[int, int] | None:
    try:
        start_us, end_us = to_time_us(query["from"]), to_time_us(query["to"])
    except (KeyError, ValueError, NikDevError):
        return None
    return (start_us, end_us) if start_us < end_us else None


@routes.get("/admin/devices/{device_id}/charts", openapi_extra=who(Who.VIEWER))
def charts(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """All fields to choose from, one by one or overlaid."""
    device = visit.the_device
    fields = services.fields.all(device.id)
    newest = reader.newest(device.id)
    view = chart_view(
        device_id=device.id,
        name=device.name,
        fields=fields,
        query=request.query_params,
        now_us=services.now_us(),
        newest_us=max((point.time_us for point in newest.values()), default=None),
    )
    return page(request, "device/charts.html", view=view, quick_ranges=QUICK_RANGES)
