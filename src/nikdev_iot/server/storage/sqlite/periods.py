"""The files that hold what is in segments: one for each month, so that old time can be dropped with its file.

The store's own file says which segments there are and in which month's file each lies; a month's file is written before
the store's file knows of it, and cleared after it does not any more. So each may be killed anywhere, and no transaction
spans two files. The name has the head of the store's epoch: after a restore, the files of the time before are not its.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable
from nikdev_iot.server.segments.periods import OTHER

from .connection import connect
from .errors import translate

__all__ = ["CONTENTS", "PeriodFiles"]

CONTENTS = "(id INTEGER PRIMARY KEY, summary BLOB NOT NULL, body BLOB NOT NULL)"
_APPLICATION_ID = 0x4E4B5347
_MAX_IDLE = 16


class PeriodFiles:
    """Reads and writes contents by (period, id); from any thread."""

    def __init__(self, folder: Path, epoch: bytes) -> None:
        self._folder = folder
        self._mark = epoch[:4].hex()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._idle: OrderedDict[int, list[sqlite3.Connection]] = OrderedDict()
        self._closed = False

    def path(self, period: int) -> Path:
        """Return where a period's file is."""
        name = "other" if period == OTHER else f"{period // 12:04}-{period % 12 + 1:02}"
        return self._folder / f"segments-{name}-{self._mark}.sqlite3"

    def paths(self) -> list[Path]:
        """Return the files that are there."""
        return sorted(self._folder.glob(f"segments-*-{self._mark}.sqlite3"))

    def close(self) -> None:
        """Let go of them."""
        with self._lock:
            self._closed = True
            idle = [connection for some in self._idle.values() for connection in some]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def put(self, period: int, rows: Sequence[tuple[int, bytes, bytes]]) -> None:
        """Store (id, summary, body) durably, in the place of what is there under these ids."""
        path = self.path(period)
        if not path.exists():
            with _translated(path):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                _sync(self._folder)
        with self._writer(path) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany("INSERT OR REPLACE INTO contents VALUES (?,?,?)", rows)
            writer.execute("COMMIT")

    def remove(self, period: int, ids: Iterable[int]) -> None:
        """Remove contents; where they, or the file, are not there, there is nothing to do."""
        path = self.path(period)
        if not path.exists():
            return
        with self._writer(path) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany("DELETE FROM contents WHERE id = ?", [(id_,) for id_ in ids])
            writer.execute("COMMIT")

    @contextmanager
    def _writer(self, path: Path) -> Iterator[sqlite3.Connection]:
        # Opened for each time: a month is written to now and then, and the last to close empties the log.
        with self._writing, _translated(path):
            writer = connect(path, writer=True)
            try:
                _make(writer)
                yield writer
            finally:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                writer.close()

    def summary(self, period: int, id_: int) -> bytes:
        """Return a summary; raises `StorageCorrupt` where there is none."""
        return self._column("summary", period, id_)

    def body(self, period: int, id_: int) -> bytes:
        """Return a body; raises `StorageCorrupt` where there is none."""
        return self._column("body", period, id_)

    def _column(self, column: str, period: int, id_: int) -> bytes:
        path = self.path(period)
        with _translated(path):
            reader = self._take(period, path)
            try:
                row = reader.execute(f"SELECT {column} FROM contents WHERE id = ?", (id_,)).fetchone()  # noqa: S608
            finally:
                self._give(period, reader)
        if row is None:
            raise StorageCorrupt(
                f"The segment {id_} has gone from {path}.",
                hint="Nothing was changed. Restore the store from a backup.",
            )
        return bytes(row[0])

    @contextmanager
    def snapshot(self, periods: Iterable[int]) -> Iterator[dict[int, sqlite3.Connection]]:
        """Lend a connection to each of these files, inside a transaction that sees what is there now."""
        with ExitStack() as stack:
            readers = {}
            for period in periods:
                path = self.path(period)
                stack.enter_context(_translated(path))
                readers[period] = _connect_reader(path)
                stack.callback(readers[period].close)
                readers[period].execute("BEGIN")
                readers[period].execute("SELECT 1 FROM contents LIMIT 1").fetchone()
            yield readers

    def _take(self, period: int, path: Path) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StorageUnavailable(f"The store {self._folder} has been closed.")
            some = self._idle.get(period)
            if some:
                return some.pop()
        return _connect_reader(path)

    def _give(self, period: int, reader: sqlite3.Connection) -> None:
        dropped = []
        with self._lock:
            if self._closed:
                dropped.append(reader)
            else:
                self._idle.setdefault(period, []).append(reader)
                self._idle.move_to_end(period)
                while sum(map(len, self._idle.values())) > _MAX_IDLE:
                    oldest = next(iter(self._idle))
                    dropped += self._idle.pop(oldest)
        for connection in dropped:
            connection.close()


def _connect_reader(path: Path) -> sqlite3.Connection:
    if not path.exists():  # SQLite would make it
        raise StorageCorrupt(
            f"The file {path} is missing, which holds a part of the store.",
            hint="Nothing was changed. Put it back, or restore the store from a backup.",
        )
    return connect(path, writer=False)


def _make(writer: sqlite3.Connection) -> None:
    """Make the table where it is missing: the file may be new, or whoever made it was killed before this."""
    (application,) = writer.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION_ID:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(f"CREATE TABLE IF NOT EXISTS contents {CONTENTS}")
        writer.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        writer.execute("COMMIT")


def _sync(folder: Path) -> None:
    """Have the folder know of a new file even after a power cut."""
    if sys.platform == "win32":  # where a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path=path) from error
    except OSError as error:
        raise StorageUnavailable(
            f"The file {path} cannot be used: {error.strerror or error}.",
            hint="Nothing was stored. Check the owner and the access of the folder.",
        ) from None
