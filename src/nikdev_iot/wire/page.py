"""Pages: a stretch of history as columns, what the server sends a program (`docs/wire.md`, "Pages")."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from nikdev_iot.model.errors import Malformed, TooLarge

from . import cbor
from .columns import Column, check_columns, check_times, get_int64s, load_map, put_columns, read_columns
from .limits import DEFAULT_LIMITS, Limits

__all__ = ["Page", "decode_page", "encode_page"]

VERSION = 1
_KEYS = cbor.keys("v", "count", "times", "columns", "next")
_READERS = {"columns": read_columns}


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order (time, origin, number): commits, or buckets where the history was asked for in buckets."""

    times: array[int]
    """Type `q`, one per row: µs UTC, ascending; equal times are different commits."""
    columns: tuple[Column, ...]
    next: str | None = None
    """The cursor of the page that follows, None at the end."""


def encode_page(page: Page) -> bytes:
    """Return the page as CBOR."""
    parts = [
        cbor.head(cbor.MAP, 5),
        cbor.text("v") + cbor.head(cbor.UINT, VERSION),
        cbor.text("count") + cbor.head(cbor.UINT, len(page.times)),
        cbor.text("times") + cbor.typed(page.times),
        cbor.text("columns"),
    ]
    put_columns(parts, page.columns)
    parts.append(cbor.text("next") + cbor.dumps(page.next))
    return b"".join(parts)


def decode_page(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Page:
    """Read a page.

    Raises:
        WireError: it is not one.
    """
    if len(content) > limits.content_bytes:
        raise TooLarge(f"{len(content)} bytes; the limit is {limits.content_bytes}", limit=limits.content_bytes)
    top = load_map(content, known=_KEYS, version=VERSION, limits=limits, readers=_READERS)
    count, cursor = top.get("count"), top.get("next")
    if type(count) is not int or count < 0 or not (cursor is None or type(cursor) is str):
        raise Malformed("not a page", place="content")
    times = check_times(get_int64s(top.get("times"), count, "times"), "times")
    return Page(times, check_columns(top.get("columns"), count, may_be_empty=True), cursor)
