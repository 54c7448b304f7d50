"""The data of a dashboard, for those who are signed in and for those who have its link: exactly what it shows."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from nikdev_iot.server.dashboards.content import Content, Source, read_content, sources_of
from nikdev_iot.server.dashboards.dashboards import Scope
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.query.series import FieldBuckets, FieldRaw, FieldSeries, SeriesData, SeriesQuery
from nikdev_iot.server.query.series_json import series_json
from nikdev_iot.server.storage.dashboards import Dashboard
from nikdev_iot.server.web.api.history import HistoryTurns
from nikdev_iot.server.web.api.services import Services
from nikdev_iot.wire.headers import JSON_TYPE

from .dashboard_view import key_of, parse_key
from .series import Asked, parse_asked, while_wanted

__all__ = ["Board", "answer_board_series", "board_of", "merged", "newest_of_board"]

_AT_ONCE_ROWS = 200_000
"""Of all devices of one answer together."""
_SHORT_BYTES = 1_400


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard, what is on it, and what there is of that."""

    dashboard: Dashboard
    content: Content
    scope: Scope


def board_of(services: Services, dashboard: Dashboard) -> Board:
    """Return a dashboard with all that is needed to show it; reads the store."""
    content = read_content(dashboard.content)
    return Board(dashboard, content, services.dashboards.scope(dashboard, content))


def newest_of_board(reader: Reader, board: Board) -> dict[uuid.UUID, dict[str, LatestValue]]:
    """Return the newest value of each field on a dashboard, and of no other; reads the store."""
    fields = board.scope.fields
    glances = reader.fleet.glances([device_id for device_id, names in fields.items() if names])
    return {
        device_id: {name: glance.newest[name] for name in fields[device_id] if name in glance.newest}
        for device_id, glance in glances.items()
    }


def _wanted(board: Board, asked: Asked) -> dict[uuid.UUID, list[str]]:
    """Return the fields that are asked for, by device; raises `NotFound` for any that the dashboard does not show."""
    if asked.fields is None:
        sources: Sequence[Source] = list(
            dict.fromkeys(s for tile in board.content.tiles for s in sources_of(tile) if board.scope.holds(s))
        )
    else:
        sources = []
        for key in asked.fields:
            source = parse_key(key)
            if source is None:
                raise Invalid(f"fields: {key[:120]!r} is not a Device ID, a slash and a Field ID.")
            if not board.scope.holds(source):
                raise NotFound("That field is not on this dashboard.", hint="Load the page again.")
            sources.append(source)
    wanted: dict[uuid.UUID, list[str]] = {}
    for source in sources:
        wanted.setdefault(source.device, []).append(source.field)
    return wanted


async def answer_board_series(request: Request, board: Board) -> Response:
    """Answer the charts and sparklines of a dashboard, all devices in one; fields are named as `key_of` does.

    Raises:
        Invalid: a parameter that cannot be, named.
        NotFound: a field that the dashboard does not show.
    """
    services: Services = request.app.state.services
    reader: Reader = request.app.state.reader
    turns: HistoryTurns = request.app.state.history_turns
    asked = parse_asked(request, now_us=services.now_us())
    parts: dict[uuid.UUID, SeriesData] = {}
    wanted = _wanted(board, asked)
    for device_id, names in wanted.items():
        fields = board.scope.fields[device_id]
        query = SeriesQuery(
            device_id=device_id,
            fields={name: fields[name].kinds for name in names},
            start_us=asked.start_us,
            end_us=asked.end_us,
            points=asked.points,
        )
        data = await run_in_threadpool(reader.series, query, at_once_rows=_AT_ONCE_ROWS // len(wanted))
        if data is None:
            async with turns.read.take(device_id):
                data = await while_wanted(request, partial(_read, reader, query))
        if data is None:
            return Response(status_code=204)  # nobody is there to read it
        parts[device_id] = data
    is_gzipped = "gzip" in request.headers.get("accept-encoding", "")
    return await run_in_threadpool(_answer, reader, parts, asked, gzipped=is_gzipped)


def _read(reader: Reader, query: SeriesQuery, is_wanted: Callable[[], bool]) -> SeriesData | None:
    return reader.series(query, is_wanted=is_wanted)


def _answer(reader: Reader, parts: Mapping[uuid.UUID, SeriesData], asked: Asked, *, gzipped: bool) -> Response:
    times = [
        value.time_us
        for device_id, data in parts.items()
        for name, value in reader.newest_stored(device_id).items()
        if name in data.fields
    ]
    body = series_json(merged(parts), start_us=asked.start_us, end_us=asked.end_us, newest_us=max(times, default=None))
    headers = {"cache-control": "no-store", "vary": "accept-encoding"}
    if gzipped and len(body) > _SHORT_BYTES:
        headers["content-encoding"], body = "gzip", gzip.compress(body, 3, mtime=0)
    return Response(body, media_type=JSON_TYPE, headers=headers)


def merged(parts: Mapping[uuid.UUID, SeriesData]) -> SeriesData:
    """Return the fields of several devices as if they were of one, named as `key_of` does. Pure.

    Where one device has buckets, another's single values become buckets of one. Messages and declared gaps stay behind:
    they are of a device, and may tell of more than the fields that are shown.
    """
    every_us = max((data.every_us for data in parts.values()), default=0)
    fields = {}
    for device_id, data in parts.items():
        for name, series in data.fields.items():
            is_single = bool(every_us) and isinstance(series.numbers, FieldRaw)
            fields[key_of(Source(device_id, name))] = _in_buckets(series) if is_single else series
    return SeriesData(
        every_us=every_us,
        fields=fields,
        commits=sum(data.commits for data in parts.values()),
        messages=(),
        gaps=(),
    )


def _in_buckets(series: FieldSeries) -> FieldSeries:
    raw: Any = series.numbers
    means = np.array([float(value) for value in raw.values], dtype=np.float64)
    return replace(series, numbers=FieldBuckets(raw.times, means, raw.values, raw.values, [1] * len(raw.values)))
