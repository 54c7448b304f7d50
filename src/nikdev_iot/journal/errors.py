"""The journal's errors, and what SQLite's mean to a person."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from nikdev_iot.model.errors import JournalError

from .obstacles import holder, is_full, is_gone, refusal, strange_kind

__all__ = [
    "AlreadyImported",
    "ClaimLost",
    "DiskFull",
    "JournalDamaged",
    "JournalGone",
    "JournalLocked",
    "JournalReplaced",
    "NotPermitted",
    "PushLocked",
    "StalePack",
    "from_os",
    "from_sqlite",
    "locked",
]


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


class DiskFull(JournalError):
    """There is no room on the disk. Nothing was half done, and the journal goes on when there is."""


class JournalLocked(JournalError):
    """Another program had the file locked for longer than one waits. Nothing was done."""


class NotPermitted(JournalError):
    """This user, or a file system that is read-only, does not allow it. Nothing was done."""


class JournalGone(JournalError):
    """The file, or the disk that it is on, was taken away while it was in use. Nothing was done."""


class JournalReplaced(JournalGone):
    """The file was damaged, and another program has put a new journal in its place: open that. Nothing was done."""


_KEPT = {
    "commit": "Nothing was committed. What is staged stays staged, and every commit that was made is kept.",
    "stage": "Nothing was staged there; what this program has staged, it has. Every commit that was made is kept.",
    "acknowledge": "What was sent is on the server, and the next push finds that out: nothing is lost or doubled.",
    "push": "Every commit is kept, and queued.",
    "save what can be read of it": "The damaged file is as it was.",
}
_ALWAYS = "Nothing was lost: every commit that was made is kept."
_MAKE_ROOM = "Make room on the disk: then it goes on, without a restart."
_ELSEWHERE = "Check that its folder can be written by this user, or choose another place with storagePath."
_CAUSES = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
}
"""Codes behind which there are several causes, which the system may know."""

# By primary result code (sqlite.org/rescode.html): what happened, and what to do.
_MEANING = {
    sqlite3.SQLITE_READONLY: ("it, or its folder, is read-only", _ELSEWHERE),
    sqlite3.SQLITE_PERM: ("this user may not use it", _ELSEWHERE),
    sqlite3.SQLITE_AUTH: ("this user may not use it", _ELSEWHERE),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", _ELSEWHERE),
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
        "Check the disk (is it full, removed or failing?) and try again.",
    ),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory", "Try again."),
    sqlite3.SQLITE_TOOBIG: ("a row is too large for it", ""),
}
_LEFT_ALONE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def from_sqlite(error: sqlite3.Error, *, path: str, operation: str) -> JournalError:
    """Return the `JournalError` that says what `error` means."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    kind: type[JournalError]
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        kind, what, hint = JournalLocked, *_locked(path)
    elif code == sqlite3.SQLITE_FULL:
        kind, what, hint = DiskFull, "the disk is full", _MAKE_ROOM
    elif code in _CAUSES and (found := _cause(path)) is not None:
        kind, what, hint = found
    else:
        kind = JournalDamaged if code in _LEFT_ALONE else JournalError
        what, hint = _MEANING.get(code, (f"SQLite says: {error}", ""))
    if code not in _LEFT_ALONE:
        hint = f"{_KEPT.get(operation, _ALWAYS)} {hint}".strip()
    made = kind(f"The journal {path} could not {operation}: {what}.", path=path, operation=operation, hint=hint)
    made.__cause__ = error
    return made


def locked(path: str, operation: str, *, holder_of: str) -> JournalLocked:
    """Return the error for a journal that another program is saving, and has the lock file `holder_of` for that."""
    name = holder(Path(holder_of)) or "another program"
    return JournalLocked(
        f"The journal {path} could not {operation}: {name} has been saving what can be read of it for too long.",
        path=path,
        operation=operation,
        hint=f"What is staged stays staged. Try again, or end {name}.",
    )


def _locked(path: str) -> tuple[str, str]:
    name = holder(Path(path), Path(f"{path}-shm"))
    return (
        f"{name or 'another program'} kept it locked for too long",
        f"Try again, or end {name or 'the program that holds it'}.",
    )


def _cause(path: str) -> tuple[type[JournalError], str, str] | None:
    """Return what the system knows about why a file cannot be used."""
    place = Path(path)
    kind = strange_kind(place)
    if kind is not None:
        return JournalError, f"it is {kind}, not a file", "Name a file instead (storagePath, storageFilename)."
    refused = refusal(place)
    if refused is not None:
        return NotPermitted, *refused
    if is_gone(place):
        return JournalGone, "its folder is not there", "Bring back the folder, or the disk it is on: then it goes on."
    if is_full(place):
        return DiskFull, "the disk is full", _MAKE_ROOM
    return None


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def from_os(error: OSError, *, path: str, operation: str) -> JournalError:
    """Return the `JournalError` for a folder or a side file that cannot be used."""
    what = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
    kind: type[JournalError] = JournalError
    hint = _ELSEWHERE
    if error.errno in _NO_ROOM:
        kind, what, hint = DiskFull, "the disk is full", _MAKE_ROOM
    elif error.errno in _NOT_ALLOWED:
        kind, what, hint = NotPermitted, *(refusal(Path(path)) or (what, hint))
    made = kind(
        f"The journal {path} could not {operation}: {what}.",
        path=path,
        operation=operation,
        hint=f"{_KEPT.get(operation, _ALWAYS)} {hint}",
    )
    made.__cause__ = error
    return made
