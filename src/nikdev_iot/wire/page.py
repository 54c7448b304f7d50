"""Pages: a stretch of history as columns, what the server sends a program (`docs/wire.md`, "Pages")."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import cbor2

from nikdev_iot.model.errors import Malformed

from .columns import Column, get_columns, get_times, load_map, put_columns, put_int64s
from .limits import DEFAULT_LIMITS, Limits

__all__ = ["Page", "decode_page", "encode_page"]

VERSION = 1
_KEYS = frozenset({"v", "count", "times", "columns", "next"})


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
    content: dict[str, Any] = {
        "v": VERSION,
        "count": len(page.times),
        "times": put_int64s(page.times),
        "columns": put_columns(page.columns),
        "next": page.next,
    }
    return cbor2.dumps(content)


def decode_page(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Page:
    """Read a page.

    Raises:
        WireError: it is not one.
    """
    top = load_map(content, known=_KEYS, version=VERSION)
    count, cursor = top.get("count"), top.get("next")
    if type(count) is not int or count < 0 or not (cursor is None or type(cursor) is str):
        raise Malformed("not a page", place="content")
    times = get_times(top.get("times"), count, "times")
    return Page(times, get_columns(top.get("columns"), count, limits.columns), cursor)
