"""`SqliteStorage`: the storage port over one SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.records import LatestSnapshot, PackSpan, StoredPack
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import EPOCH_BYTES

from .connection import connect, find_file, make_file
from .errors import translate
from .migrations import migrate
from .read_accounts import AccountReads
from .rows import PACK, pack_of
from .write import SqliteWrite

__all__ = ["SqliteStorage"]

_WIDTHS = 17
"""One more than the hexadecimal digits of an int64: no span of times is wider."""
_BOUNDS = ",".join(["(?,?)"] * _WIDTHS)
_SPANS = (
    "SELECT p.arrival, p.row_count, p.min_time_us, p.max_time_us "  # noqa: S608 - question marks are put in
    f"FROM (VALUES {_BOUNDS}) AS w "
    "CROSS JOIN packs AS p ON p.device = ? AND p.width = w.column1 AND p.min_time_us >= w.column2 "
    "AND p.min_time_us < ? AND p.max_time_us >= ? WHERE p.width IS NOT NULL ORDER BY p.min_time_us, p.arrival"
)


def _random_epoch() -> bytes:
    return os.urandom(EPOCH_BYTES)


class SqliteStorage(AccountReads):
    """`port.Storage` in WAL mode with full synchronisation: one writer connection, and a pool of readers.

    Several processes may have the same folder open, `nikdev admin` beside a server for one.
    """

    def __init__(self, path: Path, writer: sqlite3.Connection, epoch: bytes) -> None:
        self._path = path
        self._writer = writer
        self._epoch = epoch
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @classmethod
    def open(
        cls, folder: Path, *, create: bool = True, new_epoch: Callable[[], bytes] = _random_epoch
    ) -> SqliteStorage:
        """Open the store in `folder`, migrating an old file; with `create`, make what is missing.

        Raises:
            StorageUnavailable: it cannot be opened or written to, a newer version of nikdev-iot wrote it, or, without
                `create`, there is none.
            StorageCorrupt: the file is damaged, or another program's.
        """
        path = make_file(folder) if create else find_file(folder)
        try:
            writer = connect(path, writer=True)
            try:
                migrate(writer, path, new_epoch=new_epoch)
                (epoch,) = writer.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
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
            while self._idle:
                self._idle.pop().close()
            self._writer.close()

    def check(self) -> None:
        self._read_one("SELECT 1 FROM meta")

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
                    yield SqliteWrite(writer)
                    writer.execute("COMMIT")
                except BaseException:
                    if writer.in_transaction:
                        writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise translate(error, path=self._path) from error
            finally:
                self._owner = None

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a reader connection to one thread; each statement sees one whole state of the store."""
        try:
            try:
                reader = self._idle.pop()
            except IndexError:
                reader = connect(self._path, writer=False)
            try:
                yield reader
            finally:
                self._idle.append(reader)
                if self._closed:
                    self._drop_idle()
        except sqlite3.Error as error:
            raise translate(error, path=self._path) from error

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        if self._closed:
            raise StorageUnavailable(f"The store {self._path} has been closed.")
        with self._reader() as reader:
            return reader.execute(statement, parameters).fetchall()

    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        rows = self._read_all(statement, parameters)
        return rows[0] if rows else None

    def mark(self, key: OriginKey) -> Mark:
        row = self._read_one(
            "SELECT mark_number, mark_hash FROM origins WHERE device = ? AND origin = ?", (key[0].bytes, key[1].bytes)
        )
        return Mark(*row) if row else Mark()

    def pack_holding(self, key: OriginKey, number: int) -> StoredPack | None:
        row = self._read_one(
            f"SELECT {PACK} FROM packs WHERE device = ? AND origin = ? AND last >= ? ORDER BY last LIMIT 1",  # noqa: S608
            (key[0].bytes, key[1].bytes, number),
        )
        pack = pack_of(key[0], row) if row else None
        return pack if pack and pack.first <= number else None

    def spans(self, device_id: uuid.UUID, *, start_us: int, end_us: int) -> list[PackSpan]:
        # An index on both ends of a span would be searched by one of them only, and everything older (or newer) read
        # past. Among packs whose width has n hexadecimal digits, none that reaches `start_us` begins 16**n before it.
        bounds = [value for width in range(_WIDTHS) for value in (width, max(start_us - 16**width, -(2**63)))]
        rows = self._read_all(_SPANS, (*bounds, device_id.bytes, end_us, start_us))
        return [PackSpan(arrival=row[0], row_count=row[1], min_time_us=row[2], max_time_us=row[3]) for row in rows]

    def packs(self, device_id: uuid.UUID, arrivals: Sequence[int]) -> Iterator[StoredPack]:
        # One by one: a pack may have megabytes, and an open cursor would keep the log from being emptied.
        for arrival in arrivals:
            row = self._read_one(
                f"SELECT {PACK} FROM packs WHERE arrival = ? AND device = ?",  # noqa: S608 - our own names
                (arrival, device_id.bytes),
            )
            if row:
                yield pack_of(device_id, row)

    def packs_after(self, device_id: uuid.UUID, arrival: int, *, limit: int) -> list[StoredPack]:
        rows = self._read_all(
            f"SELECT {PACK} FROM packs WHERE device = ? AND arrival > ? ORDER BY arrival LIMIT ?",  # noqa: S608
            (device_id.bytes, arrival, limit),
        )
        return [pack_of(device_id, row) for row in rows]

    def latest(self, device_id: uuid.UUID) -> LatestSnapshot | None:
        row = self._read_one("SELECT arrival, content FROM latest WHERE device = ?", (device_id.bytes,))
        return LatestSnapshot(arrival=row[0], content=row[1]) if row else None
