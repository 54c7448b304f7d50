"""How large the store's file is, and how it grew."""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.operating import SizeSample, StoreCounts, StoreSize

from .backup import copy_store
from .bulk import Execute
from .periods import PeriodFiles

__all__ = ["OperatingReads", "OperatingWrites"]


class OperatingReads(ABC):
    """`storage.operating.OperatingReads`."""

    _path: Path
    _files: PeriodFiles

    @abstractmethod
    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any: ...

    @abstractmethod
    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @abstractmethod
    def _reader(self) -> AbstractContextManager[sqlite3.Connection]: ...

    def size(self) -> StoreSize:
        (free_pages,) = self._read_one("PRAGMA freelist_count")
        (page_bytes,) = self._read_one("PRAGMA page_size")
        with _readable(self._path):
            disk = shutil.disk_usage(self._path.parent)
            return StoreSize(
                data_bytes=self._path.stat().st_size + sum(map(_size, self._files.paths())),
                log_bytes=sum(_size(path.with_name(f"{path.name}-wal")) for path in (self._path, *self._files.paths())),
                reusable_bytes=free_pages * page_bytes,
                disk_free_bytes=disk.free,
                disk_bytes=disk.total,
            )

    def counts(self) -> StoreCounts:
        accounts, devices, commits = self._read_one(
            "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM devices), "
            "(SELECT coalesce(sum(mark_number), 0) FROM origins)"
        )
        return StoreCounts(accounts=accounts, devices=devices, commits=commits)

    def size_samples(self, *, start_us: int) -> list[SizeSample]:
        rows = self._read_all(
            "SELECT at_us, data_bytes, commits FROM size_samples WHERE at_us >= ? ORDER BY at_us", (start_us,)
        )
        return [SizeSample(at_us=at_us, data_bytes=size, commits=commits) for at_us, size, commits in rows]

    def backup(self, path: Path, *, progress: Callable[[int, int], None] = lambda _copied, _total: None) -> int:
        with self._reader() as reader:
            return copy_store(reader, path, store=self._path, files=self._files, progress=progress)


class OperatingWrites(ABC):
    """`storage.operating.OperatingWrites`, inside a transaction."""

    _execute: Execute

    def add_size_sample(self, sample: SizeSample, *, forget_before_us: int) -> None:
        self._execute(
            "INSERT OR REPLACE INTO size_samples (at_us, data_bytes, commits) VALUES (?,?,?)",
            (sample.at_us, sample.data_bytes, sample.commits),
        )
        self._execute("DELETE FROM size_samples WHERE at_us < ?", (forget_before_us,))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # the log is made with the first write
        return 0


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            f"The store {path} cannot be looked at: {error.strerror or error}.", hint="Nothing was changed."
        ) from None
