"""Reading history back: pages of columns from the server, put together into series."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from nikdev_iot.model.errors import GetException, ValueRefused, WireError
from nikdev_iot.model.times import TimeLike, to_time_us

from .asking import ask
from .series import History, HistoryBuilder
from .transport import Transport
from .values import checked_field_ids

if TYPE_CHECKING:
    from nikdev_iot.wire.page import Page

__all__ = ["Aggregate", "Every", "fetch_history", "history_pages"]

Aggregate: TypeAlias = Literal["mean", "min", "max", "sum", "count", "first", "last"]
Every: TypeAlias = "str | int | float | timedelta"
"""The width of a bucket: `10s`, `5m`, `1h`, `1d`, seconds, or a timedelta."""

PAGE_ROWS: Final = 10_000
MAX_PAGE_BYTES: Final = 256 * 1024 * 1024
_MAX_PAGE_COLUMNS: Final = 65_536
_MAX_PAGE_TEXTS: Final = 4_000_000
"""Several times what a server sends at once; what is not a typed array costs time and memory one by one."""
_PAGE_MAY_TAKE: Final = 30
"""A page is long and the way may be slow: it may take so many times `requestTimeout`, while something keeps coming."""
_EVERY = re.compile(r"[0-9]+(\.[0-9]+)?(ms|[smhd])?")


def fetch_history(
    transport: Transport,
    field_ids: str | Iterable[str] | None = None,
    *,
    start: TimeLike | None = None,
    end: TimeLike | None = None,
    every: Every | None = None,
    aggregate: Aggregate | None = None,
    progress: Callable[[int], None] | None = None,
    page_rows: int = PAGE_ROWS,
) -> History:
    """Return the history of fields between `start` (included) and `end` (not included), page by page.

    `progress` is called with the rows read so far. Without `every` the values come as they were added; with it, one
    value per bucket that has any: the `aggregate` (default mean), at the bucket's start.

    Raises:
        GetException: the server could not be asked, or said no.
        ValueRefused: a Field ID, time, width or aggregate that is none.
    """
    wanted = checked_field_ids(field_ids)
    builder = HistoryBuilder(wanted or ())
    rows = 0
    for page in history_pages(
        transport, wanted, start=start, end=end, every=every, aggregate=aggregate, page_rows=page_rows
    ):
        builder.add(page)
        rows += len(page.times)
        if progress is not None:
            progress(rows)
    return builder.finish()


def history_pages(
    transport: Transport,
    field_ids: str | Iterable[str] | None = None,
    *,
    start: TimeLike | None = None,
    end: TimeLike | None = None,
    every: Every | None = None,
    aggregate: Aggregate | None = None,
    page_rows: int = PAGE_ROWS,
) -> Iterator[Page]:
    """Yield what `fetch_history` puts together, one page in memory at a time."""
    from nikdev_iot.wire.headers import PAGE_TYPE
    from nikdev_iot.wire.limits import Limits
    from nikdev_iot.wire.page import decode_page

    # What bounds a pack does not bound a page: its rows come from many of them.
    limits = Limits(content_bytes=MAX_PAGE_BYTES, columns=_MAX_PAGE_COLUMNS, items=_MAX_PAGE_TEXTS)
    wanted = checked_field_ids(field_ids)
    query = _query(wanted, start, end, every, aggregate)
    if wanted is not None and not wanted:
        return
    query |= {"format": "page", "limit": str(page_rows)}
    while True:
        answer = ask(
            transport,
            "history",
            query=query,
            accept=PAGE_TYPE,
            max_bytes=MAX_PAGE_BYTES,
            whole_within_s=transport.timeout_s * _PAGE_MAY_TAKE,
        )
        if answer.content_type != PAGE_TYPE:
            raise GetException(answer.not_ours(), status=answer.status)
        try:
            page = decode_page(answer.body, limits)
        except WireError as error:
            raise GetException(
                f"What {answer.url} sent is no page of history: {error.message}.", hint=error.hint or "Try again."
            ) from None
        yield page
        if page.next is None:
            return
        if query.get("cursor") == page.next:
            raise GetException(f"{answer.url} sends the same page again and again.", hint="Upgrade the server.")
        query["cursor"] = page.next


def _query(
    field_ids: list[str] | None,
    start: TimeLike | None,
    end: TimeLike | None,
    every: Every | None,
    aggregate: str | None,
) -> dict[str, str]:
    query: dict[str, str] = {}
    if field_ids is not None:
        query["fields"] = ",".join(field_ids)
    if start is not None:
        query["start_us"] = str(to_time_us(start))
    if end is not None:
        query["end_us"] = str(to_time_us(end))
    if every is not None:
        query["every"] = _every(every)
        query["aggregate"] = "mean" if aggregate is None else aggregate
    if aggregate is not None:
        if aggregate not in get_args(Aggregate):
            raise ValueRefused(f"{aggregate!r} is no aggregate.", hint=f"There are {', '.join(get_args(Aggregate))}.")
        if every is None:
            raise ValueRefused(
                f"The aggregate {aggregate!r} needs buckets.", hint="Say how wide they are, as in every='5m'."
            )
    return query


def _every(every: Every) -> str:
    seconds = every.total_seconds() if isinstance(every, timedelta) else every
    if isinstance(seconds, str):
        text = seconds.strip()
        if _EVERY.fullmatch(text):
            return text
    elif not isinstance(seconds, bool) and 0 < seconds < 1e12:
        return str(int(seconds)) if seconds == int(seconds) else f"{seconds:.6f}"
    raise ValueRefused(
        f"{every!r} is not the width of a bucket.", hint="Write it like '10s', '5m', '1h', '1d', or as seconds."
    )
