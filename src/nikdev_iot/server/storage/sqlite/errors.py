"""SQLite's errors in the port's terms: no other error of the engine leaves the adapter."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nikdev_iot.server.errors import Conflict, ServerError, StorageCorrupt, StorageUnavailable

__all__ = ["translate"]

_PRIMARY = 0xFF  # an extended result code carries its primary code in the low byte
_NOTHING = "Nothing was stored."
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: ("another process is writing to it and does not end", "Try again."),
    sqlite3.SQLITE_LOCKED: ("another connection holds it", "Try again."),
    sqlite3.SQLITE_FULL: ("its disk is full", "Free some space, then try again."),
    sqlite3.SQLITE_IOERR: ("its disk reports an error", "Check the disk and the free space on it."),
    sqlite3.SQLITE_READONLY: ("it cannot be written to", "Check the owner and the access of the folder and its files."),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Check that the folder exists and who may write to it."),
    sqlite3.SQLITE_PERM: ("access to it is denied", "Check the owner and the access of the folder and its files."),
    sqlite3.SQLITE_AUTH: ("access to it is denied", "Check the owner and the access of the folder and its files."),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory", "Free some memory, then try again."),
    sqlite3.SQLITE_NOLFS: ("its file system cannot hold so large a file", "Move the folder to another file system."),
    sqlite3.SQLITE_PROTOCOL: ("its locks are not working", "Keep it on a local disk, not on a network share."),
    sqlite3.SQLITE_INTERRUPT: ("the operation was interrupted", "Try again."),
}


def translate(error: sqlite3.Error, *, path: Path) -> ServerError:
    """Return the error of the port's that `error` means; `path` is the store's file."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"It is there already ({error}).", hint=_NOTHING)
    if code is None:
        # Raised by the binding, not the engine: a call after `close`, in practice.
        return StorageUnavailable(f"The store {path} cannot be used: {error}.", hint=_NOTHING)
    if code == sqlite3.SQLITE_IOERR_CORRUPTFS:
        code = sqlite3.SQLITE_CORRUPT
    known = _UNAVAILABLE.get(code & _PRIMARY)
    if known:
        reason, hint = known
        return StorageUnavailable(f"The store {path} is not available: {reason} ({error}).", hint=f"{_NOTHING} {hint}")
    if code & _PRIMARY == sqlite3.SQLITE_NOTADB:
        return StorageCorrupt(
            f"{path} is not a SQLite database.", hint="It was left as it is. Restore it from a backup."
        )
    return StorageCorrupt(
        f"The store {path} is damaged ({error}).",
        hint="Stop the server, keep a copy of the folder, and restore it from a backup.",
    )
