"""Whether a change is on the disk: known exactly, wherever an interrupt strikes."""

from __future__ import annotations

TYPE_CHECKING = False  # this module comes with `Api`, before there is a journal
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Outcome"]


class Outcome:
    """Whether the change that it was given along with was made.

    A signal handler that raises (Ctrl-C, SIGTERM turned into an exception) can do so between the end of a call and the
    assignment of what it returned. Here the statement and the note that it was done are one call for the interpreter:
    handlers run before it or after it.
    """

    __slots__ = ("_cursors",)

    def __init__(self) -> None:
        self._cursors: list[sqlite3.Cursor] = []

    @property
    def is_done(self) -> bool:
        """Whether the change was made, all of it."""
        return any(cursor.rowcount != 0 for cursor in self._cursors)

    def execute(self, connection: sqlite3.Connection, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Carry out the statement that makes the change for good: a COMMIT, or a change outside a transaction.

        One that finds no row to change has changed nothing.
        """
        self._cursors.extend(map(connection.execute, (statement,), (parameters,)))
        return self._cursors[-1]

    def revoke(self) -> None:
        """Take back that it was done: what was changed does not count any more."""
        self._cursors.clear()
