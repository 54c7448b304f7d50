"""History of a device: rows or buckets, as JSON, a columnar page, or streamed CSV."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

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

__all__ = ["HISTORY_DOC", "answer_history"]


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
            404: {"description": "A field that the device does not have; the message names those it has."},
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


def answer_history(request: Request, services: Services, reader: Reader, device_id: uuid.UUID) -> Response:
    """Answer a request for the history of a device that the caller may read. Blocks on storage.

    Raises:
        Invalid: a parameter that cannot be, named.
        NotFound: a field that the device does not have.
    """
    query = parse_history(request.query_params.multi_items(), request.headers.get("accept", ""))
    known = [field.field_id for field in services.fields.all(device_id)]
    fields = known if query.fields is None else query.fields
    check_known(fields, known)
    history = _History(reader, query, device_id, fields)
    answer = history.rows() if query.every_us is None else history.buckets(query.every_us)
    answer.headers["vary"] = "accept"
    return answer


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

    def rows(self) -> Response:
        query = self.query

        def read(after: Cursor | None, limit: int = CHUNK_ROWS) -> RowsPage:
            return self.reader.rows(self._window(after), limit=limit)

        if query.form == "csv":
            return StreamingResponse(csv_rows(read, self.fields), media_type=CSV_TYPE)
        page = read(query.cursor, query.limit)
        if query.form == "page":
            return Response(rows_page(page), media_type=PAGE_TYPE)
        return Response(rows_json(page, self.fields), media_type=JSON_TYPE)

    def buckets(self, every_us: int) -> Response:
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
            return StreamingResponse(csv_buckets(read, self.fields, query.aggregates), media_type=CSV_TYPE)
        page = read(query.cursor, query.limit)
        if query.form == "page":
            return Response(buckets_page(page, query.aggregates[0]), media_type=PAGE_TYPE)
        return Response(buckets_json(page, self.fields, query.aggregates), media_type=JSON_TYPE)
