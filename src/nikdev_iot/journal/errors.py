"""The journal's errors, and what SQLite's mean to a person."""

from __future__ import annotations

import sqlite3

from nikdev_iot.model.errors import JournalError

__all__ = ["AlreadyImported", "ClaimLost", "JournalDamaged", "PushLocked", "StalePack", "from_os", "from_sqlite"]


class JournalDamaged(JournalError):
    """What is in the file is not what was written; `journal/salvage.py` saves what can be read."""


class PushLocked(JournalError):
    """Another thread or process is pushing this journal."""


class StalePack(JournalError):
    """The queue changed between `Journal.next_pack` and `Journal.record_sent`; nothing was recorded."""


class AlreadyImported(JournalError):
    """An import with this key was done before; nothing was imported."""


class ClaimLost(JournalError):
    """Staged values that were taken have been committed or removed by another program; nothing was done."""


_KEPT = "Nothing was lost: every commit that was made is kept."

# By primary result code (sqlite.org/rescode.html): what happened, and what to do.
_MEANING = {
    sqlite3.SQLITE_FULL: ("the disk is full", f"{_KEPT} Make room on the disk and try again."),
    sqlite3.SQLITE_BUSY: (
        "another program kept it locked for too long",
        f"{_KEPT} Try again, or end the program that holds it.",
    ),
    sqlite3.SQLITE_LOCKED: ("it is locked", f"{_KEPT} Try again."),
    sqlite3.SQLITE_READONLY: (
        "it, or its folder, is read-only",
        f"{_KEPT} Give this user write permission to the file and its folder.",
    ),
    sqlite3.SQLITE_PERM: ("this user may not use it", "Give this user read and write permission to it."),
    sqlite3.SQLITE_AUTH: ("this user may not use it", "Give this user read and write permission to it."),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        "Check that its folder can be written by this user, or choose another place with storagePath.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "the file is not a journal",
        "It was left as it is. Choose another place or name, or move the file away.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged",
        "It was left as it is. Keep a copy of it and of the files beside it, and run nikdev fsck.",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk reported an error",
        f"{_KEPT} Check the disk (is it full, removed or failing?) and try again.",
    ),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory", f"{_KEPT} Try again."),
    sqlite3.SQLITE_TOOBIG: ("a row is too large for it", _KEPT),
}


def from_sqlite(error: sqlite3.Error, *, path: str, operation: str) -> JournalError:
    """Return the `JournalError` that says what `error` means."""
    code = getattr(error, "sqlite_errorcode", None)
    what, hint = _MEANING.get((code or 0) & 0xFF, (f"SQLite says: {error}", "All earlier commits are kept."))
    is_damage = (code or 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    found = (JournalDamaged if is_damage else JournalError)(
        f"The journal {path} could not {operation}: {what}.", path=path, operation=operation, hint=hint
    )
    found.__cause__ = error
    return found


def from_os(error: OSError, *, path: str, operation: str) -> JournalError:
    """Return the `JournalError` for a folder or a side file that cannot be used."""
    found = JournalError(
        f"The journal {path} could not {operation}: {error.strerror or error}"
        f"{f' ({error.filename})' if error.filename else ''}.",
        path=path,
        operation=operation,
        hint="Check that its folder can be written by this user, or choose another place with storagePath.",
    )
    found.__cause__ = error
    return found
