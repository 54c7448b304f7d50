"""The journal's identities, and what it remembers of the server."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

__all__ = ["MOST_ID", "NO_PACK", "Origin", "current", "last_id", "make", "meta", "set_meta"]

NO_PACK = bytes(32)
"""`wire.pack.NO_PACK`; that module would be loaded with every journal that is opened."""

MOST_ID = 1 << 53
"""No journal comes to more commits, not with a million a second; a larger id is damage."""


class Origin(NamedTuple):
    """A row of `origins`."""

    id: int
    uuid: bytes
    base: int
    """A commit's number is its id less this."""
    acked: int
    """The last number that the server acknowledged."""
    acked_hash: bytes

    @property
    def acked_id(self) -> int:
        """The id of the last acknowledged commit."""
        return self.base + self.acked


def current(connection: sqlite3.Connection) -> Origin:
    """Return the origin under which commits are numbered now."""
    row = connection.execute(
        "SELECT id, uuid, base, acked, acked_hash FROM origins ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return Origin(*row)


def make(connection: sqlite3.Connection, *, uuid: bytes, base: int, at_us: int) -> None:
    """Begin a new origin, in the caller's transaction: the ids behind `base` are its commits from number 1."""
    connection.execute(
        "INSERT INTO origins (uuid, base, acked, acked_hash, created_us) VALUES (?, ?, 0, ?, ?)",
        (uuid, base, NO_PACK, at_us),
    )


def last_id(connection: sqlite3.Connection) -> int:
    """Return the newest commit's id, 0 for none."""
    (found,) = connection.execute("SELECT max(id) FROM commits").fetchone()
    return found or 0


def meta(connection: sqlite3.Connection, key: str) -> object:
    """Return what `set_meta` put, None for nothing."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def set_meta(connection: sqlite3.Connection, key: str, value: bytes | str) -> None:
    """Keep a value, in the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
