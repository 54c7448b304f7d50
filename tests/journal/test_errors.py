from __future__ import annotations

import sqlite3

import pytest

from nikdev_iot.journal import errors
from nikdev_iot.model.errors import JournalError


def sqlite_error(code):
    error = sqlite3.OperationalError("as SQLite puts it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "what", "hint"),
    [
        (sqlite3.SQLITE_FULL, "disk is full", "Make room"),
        (sqlite3.SQLITE_BUSY, "locked for too long", "Try again"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk reported an error", "Check the disk"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read-only", "write permission"),
        (sqlite3.SQLITE_CORRUPT, "damaged", "nikdev fsck"),
        (sqlite3.SQLITE_NOTADB, "not a journal", "left as it is"),
        (sqlite3.SQLITE_MISUSE, "as SQLite puts it", "are kept"),
    ],
)
def test_each_code_says_what_happened_and_what_to_do(code, what, hint):
    error = errors.from_sqlite(sqlite_error(code), path="/x/j.db", operation="commit")
    is_damage = code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    assert type(error) is (errors.JournalDamaged if is_damage else JournalError)
    assert (error.path, error.operation) == ("/x/j.db", "commit")
    assert error.message.startswith("The journal /x/j.db could not commit: ")
    assert what in error.message
    assert hint in error.hint


def test_an_error_of_the_operating_system_names_the_file():
    error = errors.from_os(PermissionError(13, "Permission denied", "/x"), path="/x/j.db", operation="open")
    assert error.message == "The journal /x/j.db could not open: Permission denied (/x)."
    assert isinstance(error.__cause__, PermissionError)
