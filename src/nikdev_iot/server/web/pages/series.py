"""`/admin/devices/{device_id}/series` and `…/export.csv`: what charts draw, and every value of it."""

from __future__ import annotations

import asyncio
import gzip
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, iso
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.csv_export import CHUNK_ROWS, csv_rows
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.query.history import RowsPage, Window
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import GivenUp, SeriesQuery
from nikdev_iot.server.query.series_json import series_json
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.api.history import Begun, HistoryTurns, stream_chunks
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf
from nikdev_iot.server.web.api.services import Services
from nikdev_iot.server.web.api.values import check_known
from nikdev_iot.wire.headers import CSV_TYPE, JSON_TYPE

from .routing import VisitOf, Who, page_router, who

__all__ = ["DEFAULT_POINTS", "MAX_POINTS", "Asked", "answer_series", "parse_asked", "routes", "while_wanted"]

routes = page_router()
_T = TypeVar("_T")

DEFAULT_POINTS, MAX_POINTS = 800, 4_000
_DEFAULT_RANGE_US = 24 * 3600 * 1_000_000
_AT_ONCE_ROWS = 200_000
"""What is more work waits for its turn among all who read much."""
_SHORT_BYTES = 1_400
"""What fits into one packet is sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the query of an address asks for."""

    fields: Sequence[str] | None
    """None: all that are not hidden."""
    start_us: int
    end_us: int
    points: int = DEFAULT_POINTS


def parse_asked(request: Request, *, now_us: int) -> Asked:
    """Read `fields`, `start_us`, `end_us` and `points`; raises `Invalid`, naming what cannot be."""
    given = request.query_params
    end_us = _whole(given.get("end_us"), "end_us", now_us, MIN_TIME_US, MAX_TIME_US + 1)
    start_us = _whole(given.get("start_us"), "start_us", end_us - _DEFAULT_RANGE_US, MIN_TIME_US, MAX_TIME_US)
    if start_us >= end_us:
        raise Invalid("start_us: is not before end_us.")
    text = given.get("fields")
    if text is not None and not all(text.split(",")):
        raise Invalid("fields: holds an empty Field ID.", hint="Leave fields out for all of them.")
    return Asked(
        fields=None if text is None else tuple(dict.fromkeys(text.split(","))),
        start_us=start_us,
        end_us=end_us,
        points=_whole(given.get("points"), "points", DEFAULT_POINTS, 1, MAX_POINTS),
    )


def _whole(text: str | None, name: str, default: int, low: int, high: int) -> int:
    if text is None:
        return max(low, min(default, high))
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise Invalid(f"{name}: {text[:60]!r} is not a whole number from {low} to {high}.")
    return value


async def answer_series(request: Request, device_id: uuid.UUID, asked: Asked) -> Response:
    """Answer a chart that may see this device. What is much work waits for its turn, and ends when nobody waits for it.

    Raises:
        NotFound: a field that the device does not have.
    """
    services: Services = request.app.state.services
    reader: Reader = request.app.state.reader
    turns: HistoryTurns = request.app.state.history_turns
    is_gzipped = "gzip" in request.headers.get("accept-encoding", "")
    body = await run_in_threadpool(_body, services, reader, device_id, asked, gzipped=is_gzipped, at_once=True)
    if body is None:
        async with turns.read.take(device_id):
            body = await while_wanted(
                request,
                lambda wanted: _body(services, reader, device_id, asked, gzipped=is_gzipped, is_wanted=wanted),
            )
    if body is None:
        return Response(status_code=204)  # nobody is there to read it
    headers = {"cache-control": "no-store", "vary": "accept-encoding"}
    if body[:2] == b"\x1f\x8b":
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=JSON_TYPE, headers=headers)


async def while_wanted(request: Request, read: Callable[[Callable[[], bool]], _T]) -> _T | None:
    """Return what `read` returns, called in a thread with what tells whether anybody waits; None where nobody does."""
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        while not is_gone:
            is_gone = await request.is_disconnected()
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    try:
        return await run_in_threadpool(read, lambda: not is_gone)
    except GivenUp:
        return None
    finally:
        watching.cancel()


def _body(
    services: Services,
    reader: Reader,
    device_id: uuid.UUID,
    asked: Asked,
    *,
    gzipped: bool,
    at_once: bool = False,
    is_wanted: Callable[[], bool] = lambda: True,
) -> bytes | None:
    fields = {field.field_id: field for field in services.fields.all(device_id)}
    wanted = _wanted(asked, fields)
    query = SeriesQuery(
        device_id=device_id,
        fields={field_id: fields[field_id].kinds for field_id in wanted},
        start_us=asked.start_us,
        end_us=asked.end_us,
        points=asked.points,
    )
    data = reader.series(query, at_once_rows=_AT_ONCE_ROWS if at_once else None, is_wanted=is_wanted)
    if data is None:
        return None
    newest = reader.newest_stored(device_id)
    times = [newest[field_id].time_us for field_id in wanted if field_id in newest]
    body = series_json(data, start_us=asked.start_us, end_us=asked.end_us, newest_us=max(times, default=None))
    return gzip.compress(body, 3, mtime=0) if gzipped and len(body) > _SHORT_BYTES else body


def _wanted(asked: Asked, fields: Mapping[str, Field]) -> list[str]:
    """Return the Field IDs asked for; raises `NotFound` for one that the device does not have."""
    if asked.fields is None:
        return [field_id for field_id, field in fields.items() if not field.hidden]
    check_known(asked.fields, list(fields))
    return list(asked.fields)


@routes.get("/admin/devices/{device_id}/series", openapi_extra=who(Who.VIEWER))
async def series(request: Request, visit: VisitOf, services: ServicesOf, _: ReaderOf) -> Response:
    """Return the range that a chart shows, raw or in buckets, at its resolution."""
    return await answer_series(request, visit.the_device.id, parse_asked(request, now_us=services.now_us()))


@routes.get("/admin/devices/{device_id}/export.csv", openapi_extra=who(Who.VIEWER))
async def export(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Return every value of a range, a line per commit, however long the range is."""
    device = visit.the_device
    asked = parse_asked(request, now_us=services.now_us())

    def begin() -> Begun:
        wanted = _wanted(asked, {field.field_id: field for field in services.fields.all(device.id)})

        def read(after: Cursor | None) -> RowsPage:
            window = Window(
                device_id=device.id,
                fields=frozenset(wanted),
                start_us=asked.start_us,
                end_us=asked.end_us,
                after=after,
            )
            return reader.rows(window, limit=CHUNK_ROWS)

        chunks = csv_rows(read, wanted)
        return Begun(chunks, (next(chunks),), has_more=True)

    name = f"{device.name} {iso(asked.start_us)[:10]} to {iso(asked.end_us - 1)[:10]}.csv"
    headers = {"cache-control": "no-store", "content-disposition": _attachment(name)}
    return await stream_chunks(request, device.id, begin, type_=CSV_TYPE, headers=headers)


def _attachment(name: str) -> str:
    """Return the header that has a browser keep the answer under a name (RFC 6266)."""
    plain = "".join(letter if (letter.isalnum() and letter.isascii()) or letter in " -_." else "-" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
