"""The schema of the journal file, as numbered steps (`PRAGMA user_version`).

A step, once released, never changes; `tests/journal/old/` keeps a file of each version.
"""

from __future__ import annotations

import sqlite3

from nikdev_iot.model.errors import JournalError

__all__ = ["APPLICATION_ID", "VERSION", "migrate", "version_of"]

APPLICATION_ID = 0x4E4B_444A
"""`NKDJ`, in the file's header: tells a journal from any other SQLite file."""

_V1 = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # A commit's number is its id less the base of its origin. The last origin is the current one.
    # `acked` and `acked_hash` are how far the server acknowledged: a number, and its pack's hash.
    """CREATE TABLE origins (
        id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, base INTEGER NOT NULL,
        acked INTEGER NOT NULL, acked_hash BLOB NOT NULL, created_us INTEGER NOT NULL)""",
    # JSON [[Field ID, kind], ...]
    "CREATE TABLE shapes (id INTEGER PRIMARY KEY, spec TEXT NOT NULL UNIQUE)",
    "CREATE TABLE boots (id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE)",
    # `mono_ns` and `boot` are NULL where the time was given. `shape` is NULL where the content was discarded.
    # No AUTOINCREMENT: it would write a second page with every commit. The trigger below does its work.
    """CREATE TABLE commits (
        id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, mono_ns INTEGER, boot INTEGER, shape INTEGER,
        body BLOB NOT NULL, message TEXT)""",
    """CREATE TRIGGER keep_newest BEFORE DELETE ON commits WHEN old.id = (SELECT max(id) FROM commits)
        BEGIN SELECT raise(ABORT, 'the newest commit must stay, or its number would be given again'); END""",
    # Ranges of ids that are not to be sent, disjoint (`holes.py`).
    """CREATE TABLE holes (
        first INTEGER PRIMARY KEY, last INTEGER NOT NULL, kind INTEGER NOT NULL, reason TEXT NOT NULL,
        at_us INTEGER NOT NULL)""",
    "CREATE INDEX holes_discarding ON holes (first) WHERE kind = 3",
    # Packs sent: under way while `settled_us` is NULL, then history. `gaps` is JSON [[first, count, reason], ...].
    """CREATE TABLE packs (
        id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
        hash BLOB NOT NULL UNIQUE, parent BLOB NOT NULL, gaps TEXT NOT NULL, sent_us INTEGER NOT NULL,
        settled_us INTEGER)""",
    "CREATE INDEX packs_in_flight ON packs (id) WHERE settled_us IS NULL",
    "CREATE TABLE staged (id INTEGER PRIMARY KEY, shape INTEGER NOT NULL, body BLOB NOT NULL, claim TEXT)",
    """CREATE TABLE imports (
        key TEXT PRIMARY KEY, origin BLOB NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
        at_us INTEGER NOT NULL) WITHOUT ROWID""",
)

_V2 = (
    # The true time less the clock since boot, µs; NULL while that is not known (`repair.py`).
    "ALTER TABLE boots ADD COLUMN offset_us INTEGER",
)

_V3 = (
    # What the storage policy dropped of the commits that were not acknowledged, one row per stretch (`drops.py`).
    """CREATE TABLE drops (
        id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, commits INTEGER NOT NULL,
        vals INTEGER NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, began_us INTEGER NOT NULL,
        ended_us INTEGER NOT NULL, policy TEXT NOT NULL, limit_bytes INTEGER NOT NULL, reason TEXT NOT NULL)""",
    # The row of `drops` whose reason follows the hole's own.
    "ALTER TABLE holes ADD COLUMN record INTEGER",
)

_STEPS = (_V1, _V2, _V3)
VERSION = len(_STEPS)


def migrate(connection: sqlite3.Connection, *, path: str) -> None:
    """Bring the file to `VERSION`, all steps in one transaction; nothing happens where it is there already.

    Raises:
        JournalError: the file is of a newer version, or of another program.
        sqlite3.Error: it cannot be written.
    """
    if version_of(connection, path=path) == VERSION:
        return
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; it has no effect on others
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = version_of(connection, path=path)  # another process may have been faster
        for number, step in enumerate(_STEPS[done:], done + 1):
            for statement in step:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection, *, path: str) -> int:
    """Return the version of the file, 0 for a new one; reads only.

    Raises:
        JournalError: the file is of a newer version, or of another program.
        sqlite3.Error: it is no database, or cannot be read.
    """
    begun = not connection.in_transaction
    if begun:
        connection.execute("BEGIN")  # one state of the file, where another process is just making it
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        if begun and connection.in_transaction:
            connection.execute("ROLLBACK")
    if application != APPLICATION_ID and (application or version or tables):
        raise JournalError(
            f"{path} is the database of another program, not a journal.",
            path=path,
            operation="open",
            hint="It was left as it is. Choose another place or name for the journal.",
        )
    if version > VERSION:
        raise JournalError(
            f"The journal {path} is of version {version}, and this program knows versions up to {VERSION}.",
            path=path,
            operation="open",
            hint="It was left as it is. Upgrade nikdev-iot.",
        )
    return int(version)
