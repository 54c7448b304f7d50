"""Room on the disk that is kept for what frees room: a file beside the journal, given up when the disk is full.

A push has to write before it sends, and local history leaves by a change of the file. Both need pages of the
write-ahead log; and that log is begun anew, in the room that it has, only when what is new in it fits into the file. So
commits may leave no more to the log than half of the reserve, and do without where the disk has no room for it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from .errors import DiskFull

if TYPE_CHECKING:
    from .connection import Database
    from .pushqueue import PushQueue
    from .room import RoomKeeper

__all__ = ["RESERVE_BYTES", "Reserve", "again_with_room", "checkpoint", "goes_on_when_full", "missing_bytes"]

RESERVE_BYTES = 512 << 10
_FOR_PUSHES_BYTES = RESERVE_BYTES // 2
_CHUNK_BYTES = 32 << 10

P = ParamSpec("P")
R = TypeVar("R")
Q = TypeVar("Q", bound="PushQueue")


class Reserve:
    """The reserve of one journal. Several processes may give it up and make it again, in any order."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self.path = Path(f"{journal}-reserve")

    def size_bytes(self) -> int | None:
        """Return how large it is; None where there is none, 0 where it was given up."""
        try:
            return self.path.stat().st_size
        except OSError:
            return None

    def make(self) -> None:
        """Make it where the disk has twice the room, and make it whole again with all the room that there is."""
        size = self.size_bytes()
        if size == RESERVE_BYTES:
            return
        free = self.free_bytes()
        if free <= (2 * RESERVE_BYTES if size is None else 0):
            return
        with suppress(OSError):
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            try:
                at = os.lseek(file, 0, os.SEEK_END)
                while at < RESERVE_BYTES:
                    # Not zeros: a file system that packs them would keep no room for them.
                    at += os.write(file, os.urandom(min(RESERVE_BYTES - at, _CHUNK_BYTES)))
            finally:
                os.close(file)

    @contextmanager
    def given_up(self) -> Iterator[int]:
        """Give its room back to the disk for a `with` block, and then take what is left; yields how much it was."""
        size = self.size_bytes() or 0
        if size:
            # An empty file stays: it says that there is to be a reserve.
            with suppress(OSError):
                os.truncate(self.path, 0)
        try:
            yield size
        finally:
            self.make()

    def ahead_bytes(self) -> int | None:
        """Return by how much what is in the log may make the file longer; None for any, where there is no reserve."""
        size = self.size_bytes()
        if size is not None and size < RESERVE_BYTES:
            self.make()
            size = self.size_bytes()
        return None if size is None else max(size - _FOR_PUSHES_BYTES, 0)

    def free_bytes(self) -> int:
        """Return what this user may still write there."""
        try:
            if hasattr(os, "statvfs"):
                disk = os.statvfs(self.path.parent)
                return disk.f_bavail * disk.f_frsize
            import shutil  # much to load where it is not needed

            return shutil.disk_usage(self.path.parent).free
        except OSError:
            return 0


def missing_bytes(connection: sqlite3.Connection, journal: Path, *, more_pages: int = 0) -> int:
    """Return by how much the file gets longer when what is in the log is brought into it, and `more_pages` beside."""
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    try:
        return int((pages + more_pages) * page_bytes - journal.stat().st_size)
    except OSError:
        return 0  # that it is not there any more, the change will say


def checkpoint(connection: sqlite3.Connection) -> None:
    """Bring what is in the log into the file, so that the next change is written at its beginning; wait for nobody."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _begin_log_anew(database: Database, *, room_bytes: int) -> None:
    """Let the next change use the room that the log has on the disk, where the file needs no more than `room_bytes`.

    Where it needs more, it stays as it is: half of it would only take the room from the next change.
    """
    with suppress(DiskFull), database.plain("push") as connection:
        if missing_bytes(connection, database.path) <= room_bytes:
            checkpoint(connection)


def again_with_room(commit: Callable[[], R], database: Database, room: RoomKeeper | None) -> R:
    """Try a commit again for which there was no room on the disk; the second time local history goes for it.

    Raises:
        DiskFull: there is no local history either.
    """
    if room is not None:
        room.forget()
    _begin_log_anew(database, room_bytes=0)
    try:
        return commit()
    except DiskFull:
        if room is None or database.reserve is None:
            raise
        room.forget()
        with database.plain("commit") as connection:
            if not room.evict_first(connection):
                raise
    with database.reserve.given_up() as room_bytes:
        _begin_log_anew(database, room_bytes=room_bytes)
        return commit()


def goes_on_when_full(method: Callable[Concatenate[Q, P], R]) -> Callable[Concatenate[Q, P], R]:
    """Let a method that changes nothing where the disk is full have the reserve then, and try once more."""

    @wraps(method)
    def call(queue: Q, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(queue, *args, **kwargs)
        except DiskFull:
            database = queue._database  # noqa: SLF001 - one unit
            if database.reserve is None:
                raise
        with database.reserve.given_up() as room_bytes:
            _begin_log_anew(database, room_bytes=room_bytes)
            return method(queue, *args, **kwargs)

    return call
