"""Commits that leave the queue without being pushed, and those that come back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from nikdev_iot.model.showing import one_line

from . import holes, origins
from .holes import Hole, HoleKind
from .rows import delete_rows, move_rows
from .sent import in_flight_ranges

__all__ = ["discard_all", "reject", "reject_all", "restore"]

DISCARDED_REASON = "discarded by the user"
_MAX_REASON_CHARS = 2000


def reject(connection: sqlite3.Connection, reasons: Mapping[int, str], *, at_us: int) -> int:
    """Do `Journal.set_rejected`, in the caller's transaction."""
    origin = origins.current(connection)
    newest = origins.last_id(connection)
    count = 0
    for number in sorted(reasons):
        row_id = number + origin.base
        if origin.acked_id < row_id <= newest and not holes.between(connection, row_id, row_id):
            holes.put(connection, Hole(row_id, row_id, HoleKind.REJECTED, _clean(reasons[number]), at_us))
            count += 1
    return count


def reject_all(connection: sqlite3.Connection, reason: str, *, at_us: int) -> int:
    """Do `Journal.set_all_unpushed_rejected`, in the caller's transaction."""
    count = 0
    for first, last in _unpushed(connection):
        holes.put(connection, Hole(first, last, HoleKind.REJECTED, _clean(reason), at_us))
        count += last - first + 1
    return count


def _clean(reason: str) -> str:
    """Return what a server said, so that it can be stored, shown, and sent back as text."""
    return one_line(reason[: 2 * _MAX_REASON_CHARS])[:_MAX_REASON_CHARS]


def _unpushed(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    return holes.queue(connection, origins.current(connection).acked_id + 1, origins.last_id(connection))


def discard_all(connection: sqlite3.Connection, *, at_us: int) -> int:
    """Do `Journal.reset_unpushed`, in the caller's transaction."""
    under_way = in_flight_ranges(connection)
    count = 0
    for low, high in _unpushed(connection):
        count += high - low + 1
        at = low
        for first, last in [*holes.complement(low, high, under_way), (high + 1, high)]:
            if at < first:  # a pack under way holds these, and may yet arrive
                holes.put(connection, Hole(at, first - 1, HoleKind.DISCARDING, DISCARDED_REASON, at_us))
            if first <= last:
                holes.put(connection, Hole(first, last, HoleKind.DISCARDED, DISCARDED_REASON, at_us))
                delete_rows(connection, first, last)
            at = last + 1
    return count


def restore(connection: sqlite3.Connection, numbers: Iterable[int] | None, *, at_us: int) -> int:
    """Do `Journal.restore_rejected`, in the caller's transaction."""
    origin = origins.current(connection)
    if numbers is None:
        ranges = [(1, origins.last_id(connection))]
    else:
        ranges = [(number + origin.base,) * 2 for number in sorted(set(numbers)) if number > 0]
    count = 0
    for low, high in ranges:
        for hole in holes.carve(connection, low, high, (HoleKind.REJECTED,)):
            count += hole.last - hole.first + 1
            declared = min(hole.last, origin.acked_id)
            if hole.first <= declared:
                move_rows(connection, hole.first, declared, at_us=at_us)
    return count
