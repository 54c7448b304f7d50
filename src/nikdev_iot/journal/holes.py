"""Holes: ranges of commit ids that are not to be sent, as the table `holes` has them. They never overlap.

A commit's state is nowhere in its row: behind the last acknowledged number it is unpushed unless a hole covers it, up
to there acknowledged unless a hole covers it. So acknowledging 10 000 commits, or setting a million aside, is one
small write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "GONE",
    "Hole",
    "HoleKind",
    "between",
    "carve",
    "complement",
    "count",
    "discarding",
    "first_outside",
    "put",
    "queue",
]


class HoleKind(IntEnum):
    """Why commits are not sent; the numbers are those of the file."""

    REJECTED = 1
    """Set aside with a reason; the rows stay."""
    DISCARDED = 2
    """Thrown away by the user; the rows are gone."""
    DISCARDING = 3
    """Thrown away by the user, but a pack under way holds them: the rows stay until its fate is known."""
    MOVED = 4
    """The server knows the number as a gap, and the commit went on under a new number; the rows are gone."""
    EVICTED = 5
    """Acknowledged, and no longer kept as local history (`eviction.py`); the rows are gone."""
    DROPPED = 6
    """Not acknowledged, and dropped by the storage policy, as its record in `drops` says; the rows are gone."""
    STORED = 7
    """The server has them under an origin before this one, as the reason says; the rows stay as local history."""


GONE = (HoleKind.DISCARDED, HoleKind.MOVED, HoleKind.EVICTED, HoleKind.DROPPED)
"""The kinds whose rows are gone."""
_SELECT = (
    "SELECT h.first, h.last, h.kind, h.reason || coalesce(d.reason, ''), h.at_us "
    "FROM holes AS h LEFT JOIN drops AS d ON d.id = h.record WHERE "
)
_PUT = "INSERT INTO holes (first, last, kind, reason, at_us) VALUES (?, ?, ?, ?, ?)"
# As they are disjoint, only the last one that begins before a range can reach into it.
_TOUCHING = (
    "h.first <= :high AND h.last >= :low "
    "AND h.first >= coalesce((SELECT max(first) FROM holes WHERE first <= :low), :low)"
)


class Hole(NamedTuple):
    """The ids `first` to `last`."""

    first: int
    last: int
    kind: HoleKind
    reason: str
    at_us: int


def between(
    connection: sqlite3.Connection,
    low: int,
    high: int,
    kinds: Collection[HoleKind] = tuple(HoleKind),
    *,
    limit: int = -1,
) -> list[Hole]:
    """Return the holes of these kinds that touch the ids `low` to `high`, whole, ascending; at most `limit`."""
    rows = connection.execute(
        f"{_SELECT}{_TOUCHING} AND h.kind IN ({','.join(map(str, map(int, kinds)))}) ORDER BY h.first LIMIT :limit",
        {"low": low, "high": high, "limit": limit},
    )
    return [Hole(first, last, HoleKind(kind), reason, at_us) for first, last, kind, reason, at_us in rows]


def count(connection: sqlite3.Connection, low: int, high: int) -> int:
    """Return how many of the ids `low` to `high` are in a hole; in constant memory."""
    (found,) = connection.execute(
        f"SELECT coalesce(sum(min(h.last, :high) - max(h.first, :low) + 1), 0) FROM holes AS h WHERE {_TOUCHING}",  # noqa: S608 - ours
        {"low": low, "high": high},
    ).fetchone()
    return int(found)


def first_outside(connection: sqlite3.Connection, low: int) -> int:
    """Return the first id from `low` on that is in no hole."""
    at = low
    for first, last in connection.execute(
        "SELECT first, last FROM holes WHERE first >= coalesce((SELECT max(first) FROM holes WHERE first <= ?), ?) "
        "ORDER BY first",
        (low, low),
    ):
        if first > at:
            break
        at = max(at, last + 1)
    return at


def discarding(connection: sqlite3.Connection) -> list[Hole]:
    """Return all holes of kind `DISCARDING`, ascending; cheap, however many others there are."""
    rows = connection.execute("SELECT first, last, kind, reason, at_us FROM holes WHERE kind = 3 ORDER BY first")
    return [Hole(first, last, HoleKind(kind), reason, at_us) for first, last, kind, reason, at_us in rows]


def complement(low: int, high: int, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what ascending, disjoint (first, last) leave of `low` to `high`."""
    at = low
    for first, last in ranges:
        if first > high:
            break
        if at < first:
            yield at, first - 1
        at = max(at, last + 1)
    if at <= high:
        yield at, high


def queue(connection: sqlite3.Connection, low: int, high: int) -> list[tuple[int, int]]:
    """Return the (first, last) of what no hole covers of the ids `low` to `high`."""
    return list(complement(low, high, ((hole.first, hole.last) for hole in between(connection, low, high))))


def put(connection: sqlite3.Connection, hole: Hole) -> None:
    """Add a hole where there is none; one that continues its neighbour becomes part of it."""
    first, last, kind, reason, at_us = hole
    left = connection.execute(
        "SELECT first FROM holes WHERE first = (SELECT max(first) FROM holes WHERE first < ?) "
        "AND last = ? - 1 AND kind = ? AND reason = ? AND at_us = ? AND record IS NULL",
        (first, first, kind, reason, at_us),
    ).fetchone()
    if left is None:
        connection.execute(_PUT, (first, last, kind, reason, at_us))
    else:
        connection.execute("UPDATE holes SET last = ? WHERE first = ?", (last, left[0]))


def carve(connection: sqlite3.Connection, low: int, high: int, kinds: Collection[HoleKind]) -> list[Hole]:
    """Take the ids `low` to `high` out of the holes of these kinds; return what was taken, clipped to the range."""
    taken = []
    for hole in between(connection, low, high, kinds):
        connection.execute("DELETE FROM holes WHERE first = ?", (hole.first,))
        if hole.first < low:
            connection.execute(_PUT, hole._replace(last=low - 1))
        if hole.last > high:
            connection.execute(_PUT, hole._replace(first=high + 1))
        taken.append(hole._replace(first=max(hole.first, low), last=min(hole.last, high)))
    return taken
