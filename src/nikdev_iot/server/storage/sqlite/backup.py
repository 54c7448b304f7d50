"""A copy of the store while it is used: SQLite's backup in small steps, from one state of the file.

What is in segments comes into the copy too, so that a copy is one file.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable

from .errors import translate
from .periods import PeriodFiles

__all__ = ["copy_store"]

_STEP_PAGES = 256
"""1 MB: a step takes about a millisecond of the processor, and none of the writer's locks."""
_SPARE_BYTES = 64 * 1024 * 1024
"""Left to the running store, whose log grows while its state is held."""
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def copy_store(
    reader: sqlite3.Connection,
    target: Path,
    *,
    store: Path,
    files: PeriodFiles,
    progress: Callable[[int, int], None],
) -> int:
    """Do what `port` promises of `backup`, over a reader connection that nobody else uses meanwhile.

    The reader's transaction holds one state: without it, SQLite would begin anew at every commit of the writer. Until
    it ends, the log is not begun anew, and grows by what is pushed meanwhile.
    """
    try:
        _make_room(target, store, files)
        # Its access is that of the store itself: whoever may read the copy knows everything.
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StorageUnavailable(
            f"A copy of the store {store} cannot be written to {target}: {error.strerror or error}.",
            hint="The store is as it was. Check who may write there.",
        ) from None
    try:
        _copy(reader, target, store, files, progress)
        _sync(target)
        return target.stat().st_size
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _make_room(target: Path, store: Path, files: PeriodFiles) -> None:
    needed_bytes = sum(path.stat().st_size for path in (store, *files.paths())) + _SPARE_BYTES
    free_bytes = shutil.disk_usage(target.parent).free
    if free_bytes < needed_bytes:
        raise StorageUnavailable(
            f"A copy of the store takes {needed_bytes / 1e6:.0f} MB beside it for a while, and the disk has "
            f"{free_bytes / 1e6:.0f} MB left.",
            hint="No copy was made; the store is as it was. Free some space, then try again.",
        )


def _copy(
    reader: sqlite3.Connection,
    target: Path,
    store: Path,
    files: PeriodFiles,
    progress: Callable[[int, int], None],
) -> None:
    (page_bytes,) = reader.execute("PRAGMA page_size").fetchone()
    reader.execute("BEGIN")
    try:
        # The state is held from the first read on, that of the files from `snapshot` on. In between, nothing goes that
        # this state knows of: contents stay for ten minutes after their segment.
        segments: list[tuple[int, int, int]] = reader.execute(
            "SELECT period, id, size_bytes FROM segments WHERE period IS NOT NULL ORDER BY period, id"
        ).fetchall()
        contents_bytes = sum(size for _, _, size in segments)

        def step(_status: int, remaining: int, total: int) -> None:
            progress((total - remaining) * page_bytes, total * page_bytes + contents_bytes)

        with (
            files.snapshot(dict.fromkeys(period for period, _, _ in segments)) as readers,
            closing(sqlite3.connect(target, isolation_level=None, check_same_thread=False)) as copy,
        ):
            try:
                # Nobody knows of the file before it is whole: it needs no journal of its own.
                copy.execute("PRAGMA journal_mode = OFF")
                copy.execute("PRAGMA synchronous = OFF")
                reader.backup(copy, pages=_STEP_PAGES, progress=step)
                copied_bytes = copy.execute("PRAGMA page_count").fetchone()[0] * page_bytes
                total_bytes = copied_bytes + contents_bytes
                for period, id_, size in segments:
                    row = (
                        readers[period]
                        .execute("SELECT id, summary, body FROM contents WHERE id = ?", (id_,))
                        .fetchone()
                    )
                    if row is None:
                        raise StorageCorrupt(
                            f"The segment {id_} has gone from {files.path(period)}.",
                            hint="The copy was removed. Restore the store from a backup that was made before.",
                        )
                    copy.execute("INSERT INTO segment_contents VALUES (?,?,?)", row)
                    copied_bytes += size
                    progress(copied_bytes, total_bytes)
                copy.execute("UPDATE segments SET period = NULL WHERE period IS NOT NULL")
                copy.execute("DELETE FROM doomed WHERE period IS NOT NULL")
                # A restore of this copy is another incarnation of the server: opening it makes a new epoch.
                copy.execute("PRAGMA journal_mode = DELETE")
                copy.execute("DELETE FROM meta WHERE name = 'epoch'")
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", None)
                if code is not None and code & 0xFF in _FULL:
                    raise StorageUnavailable(
                        f"The copy of the store could not be written to {target}: the disk is full ({error}).",
                        hint="The copy was removed; the store is as it was. Free some space, then try again.",
                    ) from error
                raise translate(error, path=store) from error
    finally:
        if reader.in_transaction:
            reader.execute("ROLLBACK")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise StorageUnavailable(
            f"The copy of the store could not be written to {path}: {error.strerror or error}.",
            hint="The copy was removed; the store is as it was.",
        ) from None
    finally:
        os.close(descriptor)
