"""Pages of history as lines of CSV or JSON: pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from nikdev_iot.model.times import iso
from nikdev_iot.model.values import Value

if TYPE_CHECKING:
    from nikdev_iot.client.series import History
    from nikdev_iot.wire.page import Page

__all__ = ["csv_lines", "json_chunks", "jsonl_lines"]

_VALUES_PER_CHUNK = 10_000


def csv_lines(pages: Iterable[Page], field_ids: Sequence[str]) -> Iterator[str]:
    """Yield `time,field,…` and a line per commit or bucket, like the server's CSV: texts in quotes, times in UTC."""
    yield ",".join(["time", *(_csv_cell(name) if '"' in name else name for name in field_ids)])
    for page in pages:
        for time_us, values in _rows(page):
            cells = (_csv_cell(values[name]) if name in values else "" for name in field_ids)
            yield ",".join([_csv_time(time_us), *cells])


def jsonl_lines(pages: Iterable[Page]) -> Iterator[str]:
    """Yield `{"time_us": …, "values": {FIELD: VALUE}}` per commit or bucket."""
    for page in pages:
        for time_us, values in _rows(page):
            yield json.dumps({"time_us": time_us, "values": values}, ensure_ascii=False)


def json_chunks(history: History) -> Iterator[str]:
    """Yield, in parts, `{"fields": {FIELD: {"times_us": […], "values": […]}}}`."""
    yield '{"fields": {'
    for number, (field_id, series) in enumerate(history.items()):
        yield f'{", " if number else ""}{json.dumps(field_id, ensure_ascii=False)}: {{"times_us": '
        yield from _array(series.times_us)
        yield ', "values": '
        yield from _array(series.values)
        yield "}"
    yield "}}"


def _array(items: Sequence[Value]) -> Iterator[str]:
    yield "["
    for start in range(0, len(items), _VALUES_PER_CHUNK):
        text = json.dumps(items[start : start + _VALUES_PER_CHUNK], ensure_ascii=False)
        yield (", " if start else "") + text[1:-1]
    yield "]"


def _rows(page: Page) -> Iterator[tuple[int, dict[str, Value]]]:
    """Yield time and values of each row that has any."""
    rows: list[dict[str, Value]] = [{} for _ in page.times]
    for column in page.columns:
        for row, value in column.items(len(rows)):
            rows[row][column.field_id] = value
    return ((time_us, values) for time_us, values in zip(page.times, rows, strict=True) if values)


def _csv_time(time_us: int) -> str:
    text = iso(time_us)
    return text if "." in text else f"{text[:-1]}.000000Z"


def _csv_cell(value: Value) -> str:
    """Return a value so that its kind can be read from it."""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
