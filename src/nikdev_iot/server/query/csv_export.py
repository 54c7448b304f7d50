"""History as CSV, chunk by chunk: a line per commit or bucket, in constant memory however long it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from .aggregates import Aggregate
from .buckets import BucketsPage
from .cursor import Cursor
from .history import RowsPage

__all__ = ["CHUNK_ROWS", "csv_buckets", "csv_cell", "csv_rows"]

CHUNK_ROWS = 5_000


def csv_cell(value: Any) -> str:
    """Return a value so that its kind can be read from it: `21`, `21.0`, `true`, and texts always in quotes."""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else msgspec.json.encode(value).decode()


def csv_rows(read: Callable[[Cursor | None], RowsPage], fields: Sequence[str]) -> Iterator[bytes]:
    """Yield the header, and a line for each commit; `read` returns the page behind a cursor."""
    return _pages(read, _header(fields), lambda page: _rows_chunk(page, fields))


def csv_buckets(
    read: Callable[[Cursor | None], BucketsPage], fields: Sequence[str], aggregates: Sequence[Aggregate]
) -> Iterator[bytes]:
    """Yield the header, and a line for each bucket; with several aggregates, a column for each of each field."""
    names = [(field_id, aggregate) for field_id in fields for aggregate in aggregates]
    header = _header([f"{name}:{aggregate}" if len(aggregates) > 1 else name for name, aggregate in names])
    return _pages(read, header, lambda page: _buckets_chunk(page, names))


def _pages(read: Callable[[Cursor | None], Any], header: bytes, chunk: Callable[[Any], bytes]) -> Iterator[bytes]:
    # The first page is read before anything goes out, so that an error can still become a proper answer.
    page = read(None)
    first = header + chunk(page)

    def rest() -> Iterator[bytes]:
        yield first
        following = page.next
        while following is not None:
            more = read(following)
            yield chunk(more)
            following = more.next

    return rest()


def _header(names: Sequence[str]) -> bytes:
    return (",".join(["time", *map(_name, names)]) + "\r\n").encode()


def _name(text: str) -> str:
    return csv_cell(text) if '"' in text else text


def _times(times: npt.NDArray[np.int64]) -> list[str]:
    texts = np.datetime_as_string(times.astype("datetime64[us]"), unit="us")
    return [f"{text}Z" for text in texts.tolist()]


def _lines(times: npt.NDArray[np.int64], cells: Sequence[list[str]]) -> bytes:
    return "".join([",".join(line) + "\r\n" for line in zip(_times(times), *cells, strict=True)]).encode()


def _rows_chunk(page: RowsPage, fields: Sequence[str]) -> bytes:
    table = page.table
    cells = {field_id: [""] * len(table) for field_id in fields}
    for (field_id, _kind), column in table.columns.items():
        texts = _cells(column.data)
        if column.at is None:
            cells[field_id] = texts
        else:
            line = cells[field_id]
            for row, text in zip(column.at.tolist(), texts, strict=True):
                line[row] = text
    return _lines(table.times, list(cells.values()))


def _cells(data: npt.NDArray[Any]) -> list[str]:
    values = data.tolist()
    if data.dtype.kind in "fi" and values:
        # A list of numbers as JSON is their cells, in a third of the time that one by one takes.
        return msgspec.json.encode(values)[1:-1].decode().split(",")
    return list(map(csv_cell, values))


def _buckets_chunk(page: BucketsPage, names: Sequence[tuple[str, Aggregate]]) -> bytes:
    every = [series.starts for series in page.fields.values()]
    starts = np.unique(np.concatenate(every)) if every else np.empty(0, dtype=np.int64)
    cells = []
    for field_id, aggregate in names:
        line = [""] * len(starts)
        series = page.fields.get(field_id)
        if series is not None:
            values = series.values[aggregate]
            texts = map(csv_cell, values if isinstance(values, list) else values.tolist())
            for row, text in zip(np.searchsorted(starts, series.starts).tolist(), texts, strict=True):
                line[row] = text
        cells.append(line)
    return _lines(starts, cells)
