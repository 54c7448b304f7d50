"""History of a device: rows or buckets, as JSON, a columnar page, or streamed CSV."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from nikdev_iot.server.ingest.turns import Turns
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.answers import buckets_json, buckets_page, rows_json, rows_page
from nikdev_iot.server.query.buckets import BucketsPage
from nikdev_iot.server.query.csv_export import CHUNK_ROWS, csv_buckets, csv_rows
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.query.history import RowsPage, Window
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.wire.headers import CSV_TYPE, JSON_TYPE, PAGE_TYPE

from .history_query import DEFAULT_LIMIT, MAX_LIMIT, HistoryQuery, parse_history
from .services import Services
from .values import check_known

__all__ = ["HISTORY_DOC", "Begun", "HistoryTurns", "answer_history", "stream_chunks"]

_READ, _READ_OF_DEVICE = 4, 2
_OPEN, _OPEN_OF_DEVICE = 32, 4
"""More of one device wait for their turn; so does everyone where clients of many devices are slow to read."""
_SHORT_BYTES = 64 * 1024
"""An answer that may wait for its client in the connection's buffer."""
_TYPES = {"json": JSON_TYPE, "page": PAGE_TYPE, "csv": CSV_TYPE}


@dataclass(frozen=True, slots=True)
class _Doc:
    route: dict[str, Any]
    parameters: list[dict[str, Any]]


def _parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


HISTORY_DOC = _Doc(
    route={
        "summary": "History, raw or in buckets",
        "description": "Rows in the order (time, origin, number), or buckets aligned to 1970-01-01 UTC. "
        "A page may be short, even empty, and yet have a next one: go on until `next` is null.",
        "response_class": Response,
        "responses": {
            200: {
                "description": "JSON, a columnar page (docs/wire.md, Pages) or CSV, as `format` or Accept ask.",
                "content": {
                    JSON_TYPE: {
                        "schema": {"type": "object"},
                        "example": {
                            "fields": {"temperature": {"times_us": [1795339800000000], "values": [21.5]}},
                            "next": None,
                        },
                    },
                    PAGE_TYPE: {"schema": {"type": "string", "format": "binary"}},
                    "text/csv": {"schema": {"type": "string"}, "example": "time,temperature\r\n"},
                },
            },
            404: {"description": "A field that the device does not have; the message names the nearest that it has."},
        },
    },
    parameters=[
        _parameter("fields", "Field IDs, joined by commas; all without it.", type="string"),
        _parameter("start", "From this time on: ISO 8601 with an offset.", type="string", format="date-time"),
        _parameter("end", "Up to, and without, this time: ISO 8601 with an offset.", type="string", format="date-time"),
        _parameter("start_us", "As start, in µs since 1970-01-01 UTC.", type="integer", format="int64"),
        _parameter("end_us", "As end, in µs since 1970-01-01 UTC.", type="integer", format="int64"),
        _parameter("every", "Length of a bucket: 500ms, 10s, 5m, 1h, 1d, or seconds.", type="string"),
        _parameter(
            "aggregate",
            "With every: some of "
            + ", ".join(Aggregate)
            + ", joined by commas; a page takes one. Bools count as 0 and 1 "
            "in mean and sum; texts only in count, first and last; min, max, first and last keep the exact kind.",
            type="string",
            default="mean",
        ),
        _parameter(
            "limit", "Rows or buckets per page.", type="integer", minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT
        ),
        _parameter("cursor", "The `next` of the page before.", type="string"),
        _parameter("format", "Goes before Accept.", type="string", enum=["json", "csv", "page"]),
    ],
)


class HistoryTurns:
    """How much history is read and held at a time: each answer may take a hundred megabytes, and be read slowly."""

    def __init__(self) -> None:
        self.open = Turns(together=_OPEN, each=_OPEN_OF_DEVICE)
        """Answers that are begun and not yet gone out."""
        self.read = Turns(together=_READ, each=_READ_OF_DEVICE)


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that has begun to be made."""

    chunks: Iterator[bytes]
    """Those that are still to come."""
    ready: tuple[bytes, ...]
    """Those that are made, at least one."""
    has_more: bool
    """Whether there are, or may be, others than the first."""


async def answer_history(request: Request, services: Services, reader: Reader, device_id: uuid.UUID) -> Response:
    """Answer a request for the history of a device that the caller may read.

    Raises:
        Invalid: a parameter that cannot be, named.
        NotFound: a field that the device does not have.
    """
    query = parse_history(request.query_params.multi_items(), request.headers.get("accept", ""))

    def begin() -> Begun:
        known = [field.field_id for field in services.fields.all(device_id)]
        fields = known if query.fields is None else query.fields
        check_known(fields, known)
        history = _History(reader, query, device_id, fields)
        chunks = history.rows() if query.every_us is None else history.buckets(query.every_us)
        first = next(chunks)
        if query.form == "csv":
            return Begun(chunks, (first,), has_more=True)
        second = next(chunks, None)
        return Begun(chunks, (first,) if second is None else (first, second), has_more=second is not None)

    return await stream_chunks(request, device_id, begin, type_=_TYPES[query.form], headers={"vary": "accept"})


async def stream_chunks(
    request: Request,
    device_id: uuid.UUID,
    begin: Callable[[], Begun],
    *,
    type_: str,
    headers: Mapping[str, str],
) -> Response:
    """Answer with what `begin` begins in a thread, chunk by chunk, each made when it is this device's turn."""
    turns: HistoryTurns = request.app.state.history_turns
    async with AsyncExitStack() as held:
        await held.enter_async_context(turns.open.take(device_id))
        async with turns.read.take(device_id):
            if await request.is_disconnected():
                return Response()  # nobody waits for it any more
            begun = await run_in_threadpool(begin)
        if not begun.has_more and len(begun.ready[0]) <= _SHORT_BYTES:
            return Response(begun.ready[0], media_type=type_, headers=dict(headers))
        body = _in_turn([*begun.ready], begun.chunks, turns.read, device_id)
        return _Held(body, held.pop_all(), media_type=type_, headers=dict(headers))


async def _in_turn(
    ready: list[bytes], chunks: Iterator[bytes], turns: Turns, device_id: uuid.UUID
) -> AsyncIterator[bytes]:
    while ready:
        yield ready.pop(0)
    while True:
        async with turns.take(device_id):
            chunk = await run_in_threadpool(next, chunks, None)
        if chunk is None:
            return
        yield chunk


class _Held(StreamingResponse):
    """An answer that lets go of its turn when it has gone out, or never will."""

    def __init__(self, body: AsyncIterator[bytes], held: AsyncExitStack, **options: Any) -> None:
        super().__init__(body, **options)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _History:
    reader: Reader
    query: HistoryQuery
    device_id: uuid.UUID
    fields: Sequence[str]

    def _window(self, after: Cursor | None) -> Window:
        return Window(
            device_id=self.device_id,
            fields=frozenset(self.fields),
            start_us=self.query.start_us,
            end_us=self.query.end_us,
            after=after,
        )

    def rows(self) -> Iterator[bytes]:
        query = self.query

        def read(after: Cursor | None, limit: int = CHUNK_ROWS) -> RowsPage:
            return self.reader.rows(self._window(after), limit=limit)

        if query.form == "csv":
            return csv_rows(read, self.fields)
        page = read(query.cursor, query.limit)
        return iter([rows_page(page)]) if query.form == "page" else rows_json(page, self.fields)

    def buckets(self, every_us: int) -> Iterator[bytes]:
        query = self.query

        def read(after: Cursor | None, limit: int = CHUNK_ROWS) -> BucketsPage:
            return self.reader.buckets(
                self._window(after),
                every_us=every_us,
                aggregates=query.aggregates,
                limit=limit,
                field_count=len(self.fields),
            )

        if query.form == "csv":
            return csv_buckets(read, self.fields, query.aggregates)
        page = read(query.cursor, query.limit)
        if query.form == "page":
            return iter([buckets_page(page, query.aggregates[0])])
        return buckets_json(page, self.fields, query.aggregates)
