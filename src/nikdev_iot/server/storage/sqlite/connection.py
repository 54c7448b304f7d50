"""Connections to the store's file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from nikdev_iot.server.errors import StorageUnavailable

__all__ = ["FILE_NAME", "connect", "find_file", "make_file"]

FILE_NAME = "store.sqlite3"
_BUSY_S = 10.0
_CHECKPOINT_PAGES = 4_000
"""16 MB: a page that many pushes change is copied from the log to the file once, not at every megabyte."""
_LOG_KEPT_BYTES = 64 * 1024 * 1024
_WRITER_CACHE_KIB = 32 * 1024


def make_file(folder: Path) -> Path:
    """Make the folder (for its owner alone) and the file where they are missing; return the file's path."""
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its -wal and -shm files the access of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StorageUnavailable(
            f"The store {path} cannot be opened: {error.strerror or error}.",
            hint="Nothing was stored. Check the owner and the access of the folder, or name another with --data.",
        ) from None
    return path


def find_file(folder: Path) -> Path:
    """Return the path of the file that is in `folder`."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise StorageUnavailable(
            f"There is no store in {folder}.",
            hint="Nothing was made. Name the server's folder with --data, or begin with `nikdev admin account add`.",
        )
    return path


def connect(path: Path, *, writer: bool, checkpoints: bool = True) -> sqlite3.Connection:
    """Return a connection in autocommit mode, usable from any one thread at a time.

    Without `checkpoints` it leaves it to others to empty the log, unless it is the last one to close.
    """
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    try:
        if writer:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES if checkpoints else 0}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            # Some builds overwrite every page that is given up; what is deleted would be written once more.
            connection.execute("PRAGMA secure_delete = FAST")
        else:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection
