"""Rows of `commits` that leave their place."""

from __future__ import annotations

import sqlite3

from . import holes, origins
from .holes import Hole, HoleKind

__all__ = ["delete_rows", "move_rows"]


def delete_rows(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Delete the content of the ids `first` to `last`, which a hole covers.

    The journal's newest row only becomes empty: its id must never be given again.
    """
    newest = origins.last_id(connection)
    connection.execute("DELETE FROM commits WHERE id BETWEEN ? AND ?", (first, min(last, newest - 1)))
    if last >= newest:
        connection.execute("UPDATE commits SET shape = NULL, body = x'', message = NULL WHERE id = ?", (newest,))


def move_rows(connection: sqlite3.Connection, first: int, last: int, *, at_us: int) -> None:
    """Commit `first` to `last` again, under new ids; their own, which no hole covers, become a hole."""
    connection.execute(
        "INSERT INTO commits (time_us, mono_ns, boot, shape, body, message) "
        "SELECT time_us, mono_ns, boot, shape, body, message FROM commits WHERE id BETWEEN ? AND ? ORDER BY id",
        (first, last),
    )
    delete_rows(connection, first, last)
    holes.put(connection, Hole(first, last, HoleKind.MOVED, "restored under a new number", at_us))
