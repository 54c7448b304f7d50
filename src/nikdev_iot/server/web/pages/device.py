"""`/admin/devices/{device_id}`: the overview of one device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import FieldBuckets, FieldRaw, SeriesQuery
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf

from .figures import figure
from .ranges import QUICK, TimeRange, asked_range
from .routing import VisitOf, Who, page_router, who
from .shell import page
from .snippets import api_url, snippets
from .tiles import NUMBERS, Tile, in_order, tiles

__all__ = ["routes"]

routes = page_router()

_SPARK_POINTS = 60
_AT_ONCE_ROWS = 60_000
"""What takes longer to read comes when the rest of the page is there."""


@dataclass(frozen=True, slots=True)
class _Summary:
    """A field's numbers in the range that the page shows."""

    low: str
    high: str
    points: str
    """JSON, for the sparkline."""


@routes.get("/admin/devices/{device_id}", openapi_extra=who(Who.VIEWER))
def overview(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Name, state, Device ID, the newest values and the charts; before there are any, how it is connected."""
    device = visit.the_device
    fields = services.fields.all(device.id)
    shown = tiles(fields, reader.newest(device.id))
    if not shown:
        url = api_url(request.url.scheme, request.headers.get("host", ""))
        lines = snippets(url, device.id, device.name, None)
        return page(request, "device/overview.html", tiles=[], snippets=lines, secret=None, has_fields=bool(fields))
    now_us = services.now_us()
    shown_range = asked_range(request.query_params, now_us)
    is_part = request.headers.get("hx-target") == "tiles"
    summaries = _summaries(reader, shown, device.id, shown_range, at_once=not is_part)
    values: dict[str, Any] = {"tiles": shown, "range": shown_range, "summaries": summaries}
    if is_part:
        return page(request, "device/tiles.html", **values)
    places = {field.field_id: place for place, field in enumerate(in_order(fields))}
    return page(request, "device/overview.html", charts=_charts(shown, places), quick=[*QUICK, "all"], **values)


def _summaries(
    reader: Reader, shown: Sequence[Tile], device_id: Any, shown_range: TimeRange, *, at_once: bool
) -> Mapping[str, _Summary] | None:
    """Return what the fields did in the range; None where that takes a while and is not waited for."""
    query = SeriesQuery(
        device_id=device_id,
        fields={tile.field.field_id: tile.field.kinds & NUMBERS for tile in shown if tile.has_numbers},
        start_us=shown_range.start_us,
        end_us=shown_range.end_us,
        points=_SPARK_POINTS,
    )
    data = reader.series(query, at_once_rows=_AT_ONCE_ROWS if at_once else None)
    if data is None:
        return None
    decimals = {tile.field.field_id: tile.field.decimals for tile in shown}
    found = {}
    for field_id, series in data.fields.items():
        numbers = series.numbers
        if numbers is None or not len(numbers.times):
            continue
        low, high = (figure(value, decimals[field_id]) for value in _extent(numbers))
        found[field_id] = _Summary(low, high, _points(numbers))
    return found


def _extent(numbers: FieldRaw | FieldBuckets) -> tuple[int | float, int | float]:
    if isinstance(numbers, FieldRaw):
        return min(numbers.values), max(numbers.values)
    return min(numbers.lows), max(numbers.highs)


def _points(numbers: FieldRaw | FieldBuckets) -> str:
    values = numbers.values if isinstance(numbers, FieldRaw) else numbers.means.tolist()
    return f"[{','.join(f'{float(value):.5g}' for value in values)}]"


def _charts(shown: Sequence[Tile], places: Mapping[str, int]) -> list[list[dict[str, Any]]]:
    """Return the fields of each chart: numbers of one unit share one, states have their own."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for tile in shown:
        field = tile.field
        key: Any = ("unit", field.unit) if tile.has_numbers and field.unit else field.field_id
        groups.setdefault(key if tile.has_numbers else "states", []).append(
            {
                "id": field.field_id,
                "label": tile.name,
                "unit": field.unit,
                "color": field.color,
                "decimals": field.decimals,
                "place": places[field.field_id],
                "kind": "number" if field.kinds <= NUMBERS else "mixed" if tile.has_numbers else "state",
            }
        )
    return list(groups.values())
