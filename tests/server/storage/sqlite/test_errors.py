from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nikdev_iot.server.errors import Conflict, ServerError, StorageCorrupt, StorageUnavailable
from nikdev_iot.server.storage.sqlite.errors import translate

PATH = Path("/data/store.sqlite3")


def _error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind("what SQLite says")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY, StorageUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StorageUnavailable),
        (sqlite3.SQLITE_LOCKED, StorageUnavailable),
        (sqlite3.SQLITE_FULL, StorageUnavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageUnavailable),
        (sqlite3.SQLITE_READONLY_DBMOVED, StorageUnavailable),
        (sqlite3.SQLITE_CANTOPEN, StorageUnavailable),
        (sqlite3.SQLITE_PROTOCOL, StorageUnavailable),
        (sqlite3.SQLITE_CORRUPT, StorageCorrupt),
        (sqlite3.SQLITE_CORRUPT_INDEX, StorageCorrupt),
        (sqlite3.SQLITE_IOERR_CORRUPTFS, StorageCorrupt),
        (sqlite3.SQLITE_NOTADB, StorageCorrupt),
        (sqlite3.SQLITE_ERROR, StorageCorrupt),  # no such table: it is not our schema any more
    ],
)
def test_each_code_has_its_meaning(code: int, expected: type[ServerError]) -> None:
    error = translate(_error(code), path=PATH)
    assert type(error) is expected
    assert str(PATH) in error.message
    assert error.hint


def test_uniqueness_is_a_conflict() -> None:
    error = translate(_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.IntegrityError), path=PATH)
    assert type(error) is Conflict


def test_an_error_of_the_binding_has_no_code() -> None:
    error = translate(sqlite3.ProgrammingError("Cannot operate on a closed database."), path=PATH)
    assert type(error) is StorageUnavailable
    assert "closed" in error.message
