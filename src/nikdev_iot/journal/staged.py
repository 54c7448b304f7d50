"""Staged values of programs that ended normally, and the claims on them.

A row of `staged` is what one program left. Who takes rows marks them with a claim: a lock file of that name, held for
as long as the claimer lives, so that the kernel tells the living from the dead. Rows are removed only by the
transaction that commits them, replaces them or throws them away, and only if the claim on each still stands: no two
programs commit the same.
"""

from __future__ import annotations

import sqlite3
import uuid
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from nikdev_iot.model.values import Value

from .connection import Database
from .errors import ClaimLost, from_os
from .lock import FileLock
from .shapes import ShapeBook

__all__ = ["StagedValues", "Token", "peek", "save", "stage", "take", "unstage"]


class Token:
    """A program's claim on staged values; opaque. Good for any number of calls, until the program ends."""

    __slots__ = ("__weakref__", "_lock", "name", "rows")

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.rows = 0
        """How many rows it claims."""
        self._lock: FileLock | None = None

    def hold(self, lock: FileLock | None) -> None:
        """Begin to live: until `release`, or the end of the process, nobody takes its rows."""
        self._lock = lock

    def release(self) -> None:
        """It claims nothing any more. Idempotent."""
        self.rows = 0
        if self._lock is not None:
            self._lock.release(remove=True)
            self._lock = None


# The tokens with a claim in a journal in memory, which only this process can see.
_in_memory: weakref.WeakSet[Token] = weakref.WeakSet()


class StagedValues(NamedTuple):
    """What `Journal.take_staged` claimed."""

    values: dict[str, Value]
    """By Field ID, in the order they were staged."""
    token: Token


def take(database: Database, book: ShapeBook) -> StagedValues:
    """Do `Journal.take_staged`."""
    token = Token()
    with database.read("take staged values") as connection:
        if connection.execute("SELECT 1 FROM staged LIMIT 1").fetchone() is None:
            return StagedValues({}, token)
    dead: list[FileLock] = []
    try:
        with database.write("take staged values") as connection:
            rows = connection.execute("SELECT id, shape, body, claim FROM staged ORDER BY id").fetchall()
            taken = {claim for *_, claim in rows if claim and _is_alive(database, claim, dead)}
            free = [row for row in rows if row[3] not in taken]
            if free:
                _begin_claim(database, token)
                connection.executemany(
                    "UPDATE staged SET claim = ? WHERE id = ?", [(token.name, row[0]) for row in free]
                )
                token.rows = len(free)
            values = _merged(connection, book, free)
    except BaseException:
        token.release()
        for lock in dead:
            lock.release()
        raise
    for lock in dead:
        lock.release(remove=True)
    return StagedValues(values, token)


def _begin_claim(database: Database, token: Token) -> None:
    if database.in_memory:
        _in_memory.add(token)
        return
    lock = FileLock(_lock_path(database, token.name))
    try:
        lock.acquire()
    except OSError as error:
        raise from_os(error, path=database.name, operation="take staged values") from error
    token.hold(lock)


def _is_alive(database: Database, claim: str, dead: list[FileLock]) -> bool:
    if database.in_memory:
        return any(token.name == claim for token in _in_memory)
    lock = FileLock(_lock_path(database, claim))
    try:
        if not lock.acquire(create=False):
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise from_os(error, path=database.name, operation="take staged values") from error
    dead.append(lock)
    return False


def _lock_path(database: Database, claim: str) -> Path:
    return Path(f"{database.name}-claim-{claim}")


def _merged(
    connection: sqlite3.Connection, book: ShapeBook, rows: Iterable[tuple[int, int, bytes, str | None]]
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for row_id, shape_id, body, _ in rows:
        try:
            values.update(book.by_id(connection, shape_id).decode(body))
        except ValueError as error:
            raise book.damaged(f"staged row {row_id} cannot be read ({error})") from error
    return values


def peek(connection: sqlite3.Connection, book: ShapeBook) -> dict[str, Value]:
    """Return all staged values, in the caller's transaction."""
    return _merged(connection, book, connection.execute("SELECT id, shape, body, claim FROM staged ORDER BY id"))


def stage(connection: sqlite3.Connection, book: ShapeBook, values: Mapping[str, Value]) -> None:
    """Put `values` beside the free rows, which become one, in the caller's transaction."""
    rows = connection.execute("SELECT id, shape, body, claim FROM staged WHERE claim IS NULL ORDER BY id").fetchall()
    merged = _merged(connection, book, rows)
    merged.update(values)
    connection.execute("DELETE FROM staged WHERE claim IS NULL")
    _insert(connection, book, merged)


def save(
    connection: sqlite3.Connection, book: ShapeBook, values: Mapping[str, Value], token: Token | None, *, name: str
) -> None:
    """Put `values` in place of the rows of `token`, in the caller's transaction."""
    if token is not None:
        unstage(connection, token, name=name)
    _insert(connection, book, values)


def _insert(connection: sqlite3.Connection, book: ShapeBook, values: Mapping[str, Value]) -> None:
    if values:
        shape = book.add(connection, values)
        connection.execute("INSERT INTO staged (shape, body) VALUES (?, ?)", (shape.id, shape.encode(values.values())))


def unstage(connection: sqlite3.Connection, token: Token, *, name: str) -> None:
    """Remove the rows of `token`, in the caller's transaction; `Token.release` it when that is done.

    Raises:
        ClaimLost: some are gone.
    """
    removed = connection.execute("DELETE FROM staged WHERE claim = ?", (token.name,)).rowcount
    if removed != token.rows:
        raise ClaimLost(
            f"Staged values that this program had taken from the journal {name} were used by another one.",
            path=name,
            operation="use staged values",
            hint="Nothing was done. Call reset() and add the values of this program again.",
        )
