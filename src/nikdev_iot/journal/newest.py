"""The newest of what is queued: what a device shows of itself while the rest of a backlog is on its way."""

from __future__ import annotations

import sqlite3
import uuid

from nikdev_iot.model.commits import Gap
from nikdev_iot.wire.pack import Pack

from . import holes, origins
from .packing import Rows, pack_rows
from .repair import judge_rows
from .shapes import ShapeBook

__all__ = ["build_newest"]

_LOOK_BACK = 64
"""So many of the last numbers are looked at, so that a program that commits different fields by turns is seen whole."""
_MOST_SHAPES = 8
# Without messages: nobody sees those before their commit is stored.
_SELECT = "SELECT id, time_us, shape, body, NULL FROM commits WHERE id BETWEEN ? AND ? ORDER BY id"


def build_newest(connection: sqlite3.Connection, book: ShapeBook, *, now_us: int) -> Pack | None:
    """Return the pack that `Journal.newest_queued` speaks of, in the caller's read transaction."""
    origin = origins.current(connection)
    end = origins.last_id(connection)
    found = []
    for low, high in holes.queue(connection, max(origin.acked_id + 1, end - _LOOK_BACK + 1), end):
        found += connection.execute(_SELECT, (low, high)).fetchall()
    newest = {row[2]: row for row in found}  # by shape; rows ascend
    rows = Rows.of(sorted(newest.values())[-_MOST_SHAPES:])
    if not rows.ids:
        return None
    try:
        packed = pack_rows(rows, lambda shape_id: book.by_id(connection, shape_id))
    except ValueError as error:
        raise book.damaged(str(error)) from error
    first, last = rows.ids[0], rows.ids[-1]
    between = holes.complement(first, last, ((row_id, row_id) for row_id in rows.ids))
    shifts, uncertain = judge_rows(connection, rows.ids, now_us=now_us)
    return Pack(
        origin=uuid.UUID(bytes=origin.uuid),
        first=first - origin.base,
        count=last - first + 1,
        parent=origin.acked_hash,
        times=packed.times,
        columns=packed.columns,
        gaps=tuple(Gap(low - origin.base, high - low + 1, "") for low, high in between),
        shifts=shifts,
        uncertain=uncertain,
    )
