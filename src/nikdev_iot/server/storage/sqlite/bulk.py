"""Many rows with few statements.

`executemany` takes one step of the engine per row, and the binding gives up Python's lock around each: beside a busy
event loop a row then costs up to a switch interval (5 ms). One statement for 64 rows gives it up once. Each time costs
two wake-ups of a thread, so that the rest is one statement too, whatever its length: there are few enough of them to
stay prepared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

__all__ = ["Bulk", "Execute"]

Execute: TypeAlias = Callable[..., sqlite3.Cursor]
"""`sqlite3.Connection.execute`: a statement and its parameters."""

_MAX_ROWS = 64
"""Of one statement."""


class Bulk:
    """A statement `head VALUES (…), (…) tail` over rows of `width` values."""

    def __init__(self, head: str, width: int, tail: str = "") -> None:
        row = f"({','.join('?' * width)})"
        self._statements = [f"{head} VALUES {','.join([row] * size)} {tail}" for size in range(1, _MAX_ROWS + 1)]

    def run(self, execute: Execute, rows: Sequence[Sequence[Any]]) -> None:
        """Run it over all rows, in their order."""
        for _ in self._each(execute, rows):
            pass

    def all(self, execute: Execute, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run it over all rows, and return what it finds."""
        return [found for cursor in self._each(execute, rows) for found in cursor]

    def _each(self, execute: Execute, rows: Sequence[Sequence[Any]]) -> Iterator[sqlite3.Cursor]:
        for at in range(0, len(rows), _MAX_ROWS):
            part = rows[at : at + _MAX_ROWS]
            yield execute(self._statements[len(part) - 1], list(chain.from_iterable(part)))
