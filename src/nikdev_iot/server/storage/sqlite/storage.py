"""`SqliteStorage`: the storage port over one SQLite file, and one beside it for each month of re-packed time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.wire.pack import EPOCH_BYTES

from .bulk import Execute
from .commit_log import LogReads
from .connection import connect, find_file, make_file
from .contents import Contents
from .dashboards import DashboardReads
from .deletions import DeletionReads
from .errors import translate
from .leaving import LeavingReads
from .migrations import migrate
from .operating import OperatingReads
from .origins import OriginCache
from .people import PeopleReads
from .periods import PeriodFiles
from .read_accounts import AccountReads
from .read_fleet import FleetReads
from .read_packs import PackReads
from .segments import SegmentReads
from .settings import SettingReads
from .write import SqliteWrite

__all__ = ["SqliteStorage"]


_NEEDED_BYTES = 1024 * 1024
"""Of free space, for the store to count as writable."""


def _random_epoch() -> bytes:
    return os.urandom(EPOCH_BYTES)


def _epoch(writer: sqlite3.Connection, new_epoch: Callable[[], bytes]) -> bytes:
    find = "SELECT value FROM meta WHERE name = 'epoch'"
    found = writer.execute(find).fetchone()
    if found is None:  # as in a backup: whoever opens it first restores it, and that is another incarnation
        writer.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (new_epoch(),))
        found = writer.execute(find).fetchone()
    return bytes(found[0])


class SqliteStorage(
    PackReads,
    FleetReads,
    AccountReads,
    DashboardReads,
    DeletionReads,
    LogReads,
    OperatingReads,
    LeavingReads,
    PeopleReads,
    SegmentReads,
    SettingReads,
):
    """`port.Storage` in WAL mode with full synchronisation: one writer connection, and a pool of readers.

    Several processes may have the same folder open, `nikdev admin` beside a server for one.
    """

    def __init__(self, path: Path, writer: sqlite3.Connection, epoch: bytes) -> None:
        self._path = path
        self._identity = path.stat()
        self._writer = writer
        self._epoch = epoch
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._origins = OriginCache()
        self._files = PeriodFiles(path.parent, epoch)
        self._contents = Contents(self._files)
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        create: bool = True,
        guest: bool = False,
        new_epoch: Callable[[], bytes] = _random_epoch,
    ) -> SqliteStorage:
        """Open the store in `folder`, migrating an old file; with `create`, make what is missing.

        A `guest` is a short visit beside a server that may be running, whose log it leaves alone: up to version
        3.51.2, SQLite could damage a file where one process empties the log right after another did, while a third
        transaction is written. With one process that does so, there is no right after.

        Raises:
            StorageUnavailable: it cannot be opened or written to, a newer version of nikdev-iot wrote it, or, without
                `create`, there is none.
            StorageCorrupt: the file is damaged, or another program's.
        """
        path = make_file(folder) if create else find_file(folder)
        try:
            writer = connect(path, writer=True, checkpoints=not guest)
            try:
                migrate(writer, path, new_epoch=new_epoch)
                epoch = _epoch(writer, new_epoch)
            except BaseException:
                writer.close()
                raise
        except sqlite3.Error as error:
            raise translate(error, path=path) from error
        return cls(path, writer, epoch)

    @property
    def path(self) -> Path:
        """The store's file; beside it, SQLite keeps a `-wal` and a `-shm` file."""
        return self._path

    @property
    def epoch(self) -> bytes:
        return self._epoch

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._drop_idle()
            self._files.close()
            self._writer.close()

    def check(self) -> None:
        self._check_open()
        try:
            is_there = os.path.samestat(self._path.stat(), self._identity)
            free_bytes = shutil.disk_usage(self._path.parent).free
        except OSError:
            is_there, free_bytes = False, 0
        if not is_there:
            # The engine would go on with the file that nobody can find any more.
            raise StorageUnavailable(f"The store {self._path} is no longer where it was.", hint="Restart the server.")
        if free_bytes < _NEEDED_BYTES:
            raise StorageUnavailable(f"The disk of the store {self._path} is full.", hint="Free some space.")
        self._read_one("SELECT 1 FROM meta")
        if self._lock.acquire(blocking=False):  # else a writer is at work, and tells what goes wrong itself
            try:
                # Changes no row, and is refused where none could be changed.
                self._writer.execute("UPDATE meta SET value = value WHERE name = ''")
            except sqlite3.Error as error:
                raise translate(error, path=self._path) from error
            finally:
                self._lock.release()

    @contextmanager
    def write(self) -> Iterator[SqliteWrite]:
        if self._owner == threading.get_ident():
            raise RuntimeError("write() inside write(): this would wait for itself for ever")
        with self._lock:
            self._owner = threading.get_ident()
            writer = self._writer
            try:
                writer.execute("BEGIN IMMEDIATE")
                try:
                    transaction = SqliteWrite(writer, self._origins, self._contents)
                    yield transaction
                    writer.execute("COMMIT")
                    transaction.committed()
                except BaseException:
                    self._origins.clear()
                    if writer.in_transaction:
                        writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise translate(error, path=self._path) from error
            finally:
                self._owner = None

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def _snapshot(self) -> Iterator[Execute]:
        with self._reader() as reader:
            reader.execute("BEGIN")
            try:
                yield reader.execute
            finally:
                if reader.in_transaction:
                    reader.execute("ROLLBACK")

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a reader connection to one thread; each statement sees one whole state of the store."""
        self._check_open()
        try:
            try:
                reader = self._idle.pop()
            except IndexError:
                reader = connect(self._path, writer=False)
            try:
                yield reader
            finally:
                self._idle.append(reader)
                if self._closed:  # by another thread, meanwhile
                    self._drop_idle()
        except sqlite3.Error as error:
            raise translate(error, path=self._path) from error

    def _check_open(self) -> None:
        if self._closed:
            raise StorageUnavailable(f"The store {self._path} has been closed.")

    def _drop_idle(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._reader() as reader:
            return reader.execute(statement, parameters).fetchall()

    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        rows = self._read_all(statement, parameters)
        return rows[0] if rows else None
