"""`/admin/devices/{device_id}`: the overview of one device."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import FieldBuckets, FieldRaw, SeriesQuery
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Device, Field
from nikdev_iot.server.web.api.history import HistoryTurns
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf
from nikdev_iot.server.web.api.services import Services

from .charts import chart_view
from .client_wheel import wheel_name
from .figures import figure
from .ranges import QUICK_RANGES, Span
from .routing import VisitOf, Who, page_router, who
from .series import while_wanted
from .shell import page
from .snippets import api_url, install_line, snippets
from .tiles import NUMBERS, Tile, tiles
from .visit import Visit

__all__ = ["routes"]

routes = page_router()

_YOUNG_US = {"15m": 12 * 60_000_000, "1h": 50 * 60_000_000}
"""Up to which age of its oldest value a device is shown in which range, unless another is asked for."""
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
async def overview(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Name, state, Device ID, the newest values and the charts; before there are any, how it is connected."""
    answer = await run_in_threadpool(_overview, request, visit, services, reader)
    if answer is None:  # a script waits for what is much work
        turns: HistoryTurns = request.app.state.history_turns
        async with turns.read.take(visit.the_device.id):
            answer = await while_wanted(request, partial(_overview, request, visit, services, reader))
    return answer or Response(status_code=204)  # nobody is there to read it


def _overview(
    request: Request,
    visit: Visit,
    services: Services,
    reader: Reader,
    is_wanted: Callable[[], bool] | None = None,
) -> Response | None:
    """Return the page, or its tiles to a script; None where it is much work, and `is_wanted` was not given."""
    device = visit.the_device
    newest = reader.newest(device.id)
    fields = services.fields.all(device.id)
    shown = tiles(fields, newest)
    if not shown:
        url = api_url(request.url.scheme, request.headers.get("host", ""))
        lines = snippets(url, device.id, device.name, None)
        install = install_line(url, wheel_name())
        return page(
            request,
            "device/overview.html",
            tiles=[],
            snippets=lines,
            install=install,
            view=None,
            has_values=bool(newest),
        )
    now_us = services.now_us()
    # What is shown ahead of a backlog is no history yet: the range ends with what is stored.
    is_ahead = any(tile.is_preview for tile in shown)
    stored = reader.newest_stored(device.id) if is_ahead else newest
    ends_us = [stored[tile.field.field_id].time_us for tile in shown if tile.field.field_id in stored]
    waiting = services.waiting.of(device.id) if is_ahead else 0
    asks = not request.query_params.keys().isdisjoint(("range", "from", "last"))
    view = chart_view(
        device_id=device.id,
        name=device.name,
        fields=fields,
        query=request.query_params if asks else _young(services.storage, device, fields, now_us),
        now_us=now_us,
        newest_us=max(ends_us, default=None),
    )
    is_part = request.headers.get("hx-target") == "tiles"
    summaries = _summaries(reader, shown, device.id, _ends(view.span), is_wanted)
    if is_part:
        if summaries is None:
            return None
        return page(request, "device/tiles.html", tiles=shown, view=view, summaries=summaries, waiting=waiting)
    return page(
        request,
        "device/overview.html",
        tiles=shown,
        view=view,
        summaries=summaries,
        waiting=waiting,
        is_ahead=is_ahead,
        quick_ranges=QUICK_RANGES,
    )


def _young(storage: Storage, device: Device, fields: Sequence[Field], now_us: int) -> Mapping[str, str]:
    """Return the range of a device that has just begun: its few values would be one dot in a whole day."""
    if now_us - min(field.created_us for field in fields) > _YOUNG_US["1h"]:
        return {}
    spans = storage.spans(device.id, start_us=MIN_TIME_US, end_us=MAX_TIME_US + 1)
    age_us = now_us - min((span.min_time_us for span in spans), default=MIN_TIME_US)
    return next(({"range": name} for name, limit_us in _YOUNG_US.items() if age_us < limit_us), {})


def _ends(span: Span) -> tuple[int, int]:
    """Return start and end (exclusive) of what the page shows."""
    if span.start_us is None:
        return MIN_TIME_US, span.end_us + 1
    return span.start_us + (span.name in QUICK_RANGES), span.end_us + 1  # an hour ends now: it begins after its start


def _summaries(
    reader: Reader,
    shown: Sequence[Tile],
    device_id: uuid.UUID,
    ends: tuple[int, int],
    is_wanted: Callable[[], bool] | None,
) -> Mapping[str, _Summary] | None:
    """Return what the fields did in the range; None where that takes a while and, without `is_wanted`, has no turn."""
    query = SeriesQuery(
        device_id=device_id,
        fields={tile.field.field_id: tile.field.kinds & NUMBERS for tile in shown if tile.has_numbers},
        start_us=ends[0],
        end_us=ends[1],
        points=_SPARK_POINTS,
    )
    if is_wanted is None:
        data = reader.series(query, at_once_rows=_AT_ONCE_ROWS)
    else:
        data = reader.series(query, is_wanted=is_wanted)
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
    """Return [time in s, value] pairs: a gap is as wide as it was."""
    values = numbers.values if isinstance(numbers, FieldRaw) else numbers.means.tolist()
    times = (numbers.times // 1_000_000).tolist()
    return f"[{','.join(f'[{at},{float(value):.5g}]' for at, value in zip(times, values, strict=True))}]"
