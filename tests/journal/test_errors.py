from __future__ import annotations

import errno
import os
import sqlite3

import pytest

from nikdev_iot.journal import errors
from nikdev_iot.model.errors import JournalError


def sqlite_error(code):
    error = sqlite3.OperationalError("as SQLite puts it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind", "what", "hint"),
    [
        (sqlite3.SQLITE_FULL, errors.DiskFull, "disk is full", "Make room"),
        (sqlite3.SQLITE_BUSY, errors.JournalLocked, "another program kept it locked for too long", "Try again"),
        (sqlite3.SQLITE_IOERR_WRITE, JournalError, "disk reported an error", "Check the disk"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, JournalError, "read-only", "can be written"),
        (sqlite3.SQLITE_CANTOPEN, JournalError, "cannot be opened", "can be written"),
        (sqlite3.SQLITE_CORRUPT, errors.JournalDamaged, "damaged", "nikdev fsck"),
        (sqlite3.SQLITE_NOTADB, errors.JournalDamaged, "not a journal", "left as it is"),
        (sqlite3.SQLITE_MISUSE, JournalError, "as SQLite puts it", "is kept"),
    ],
)
def test_each_code_says_what_happened_and_what_to_do(tmp_path, code, kind, what, hint):
    """Where nothing stands in the way that the system would know of."""
    path = str(tmp_path / "j.db")
    error = errors.from_sqlite(sqlite_error(code), path=path, operation="commit")
    assert type(error) is kind
    assert (error.path, error.operation) == (path, "commit")
    assert error.message.startswith(f"The journal {path} could not commit: ")
    assert what in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("operation", "kept"),
    [
        ("commit", "What is staged stays staged, and every commit that was made is kept."),
        ("stage", "what this program has staged, it has."),
        ("acknowledge", "the next push finds that out: nothing is lost or doubled."),
        ("push", "Every commit is kept, and queued."),
        ("open", "Nothing was lost: every commit that was made is kept."),
    ],
)
def test_it_says_what_is_kept(tmp_path, operation, kept):
    path = str(tmp_path / "j.db")
    for error in (
        errors.from_sqlite(sqlite_error(sqlite3.SQLITE_FULL), path=path, operation=operation),
        errors.from_os(OSError(errno.ENOSPC, "No space left on device"), path=path, operation=operation),
    ):
        assert type(error) is errors.DiskFull
        assert kept in error.hint


def test_a_folder_that_is_gone_is_told_as_that(tmp_path):
    path = str(tmp_path / "gone" / "j.db")
    error = errors.from_sqlite(sqlite_error(sqlite3.SQLITE_IOERR), path=path, operation="commit")
    assert type(error) is errors.JournalGone
    assert "Bring back the folder, or the disk it is on" in error.hint


@pytest.mark.parametrize(
    ("number", "kind", "what"),
    [
        (errno.EACCES, errors.NotPermitted, "Permission denied (/x)"),
        (errno.EROFS, errors.NotPermitted, "Read-only file system (/x)"),
        (errno.EDQUOT, errors.DiskFull, "the disk is full"),
        (errno.ELOOP, JournalError, "Too many levels of symbolic links (/x)"),
    ],
)
def test_an_error_of_the_operating_system_names_the_file(tmp_path, number, kind, what):
    path = str(tmp_path / "j.db")
    error = errors.from_os(OSError(number, os.strerror(number), "/x"), path=path, operation="open")
    assert type(error) is kind
    assert error.message == f"The journal {path} could not open: {what}."
    assert error.hint.startswith("Nothing was lost")
    assert isinstance(error.__cause__, OSError)
