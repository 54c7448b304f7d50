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

__all__ = ["Hole", "HoleKind", "between", "carve", "complement", "discarding", "put", "queue"]


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
    STORED = 7
    """The server has them under an origin before this one, as the reason says; the rows stay as local history."""


class Hole(NamedTuple):
    """The ids `first` to `last`."""

    first: int
    last: int
    kind: HoleKind
    reason: str
    at_us: int


def between(
    connection: sqlite3.Connection, low: int, high: int, kinds: Collection[HoleKind] = tuple(HoleKind)
) -> list[Hole]:
    """Return the holes of these kinds that touch the ids `low` to `high`, whole, ascending."""
    # As they are disjoint, only the last one that begins before `low` can reach into the range.
    rows = connection.execute(
        "SELECT first, last, kind, reason, at_us FROM holes WHERE first <= ? AND last >= ? "
        "AND first >= coalesce((SELECT max(first) FROM holes WHERE first <= ?), ?) ORDER BY first",
        (high, low, low, low),
    )
    return [
        Hole(first, last, HoleKind(kind), reason, at_us) for first, last, kind, reason, at_us in rows if kind in kinds
    ]


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
        "AND last = ? - 1 AND kind = ? AND reason = ? AND at_us = ?",
        (first, first, kind, reason, at_us),
    ).fetchone()
    if left is None:
        connection.execute("INSERT INTO holes VALUES (?, ?, ?, ?, ?)", (first, last, kind, reason, at_us))
    else:
        connection.execute("UPDATE holes SET last = ? WHERE first = ?", (last, left[0]))


def carve(connection: sqlite3.Connection, low: int, high: int, kinds: Collection[HoleKind]) -> list[Hole]:
    """Take the ids `low` to `high` out of the holes of these kinds; return what was taken, clipped to the range."""
    taken = []
    for hole in between(connection, low, high, kinds):
        connection.execute("DELETE FROM holes WHERE first = ?", (hole.first,))
        if hole.first < low:
            connection.execute("INSERT INTO holes VALUES (?, ?, ?, ?, ?)", hole._replace(last=low - 1))
        if hole.last > high:
            connection.execute("INSERT INTO holes VALUES (?, ?, ?, ?, ?)", hole._replace(first=high + 1))
        taken.append(hole._replace(first=max(hole.first, low), last=min(hole.last, high)))
    return taken
