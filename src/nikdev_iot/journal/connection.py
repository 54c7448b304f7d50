"""One SQLite connection, shared by the threads of a process, that survives a fork and speaks in `JournalError`."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal

from nikdev_iot.model.errors import JournalError

from .errors import DiskFull, JournalGone, from_os, from_sqlite, locked
from .lock import real_path
from .migrations import migrate, version_of
from .outcome import Outcome
from .replacement import mark_path
from .reserve import Reserve
from .succession import FoundIn, Watch

__all__ = ["MEMORY", "Database", "Use"]

MEMORY = ":memory:"
_WRITE = "BEGIN IMMEDIATE"


class Database:
    """The journal's file. `read`, `write` and `plain` give one thread the connection for a `with` block."""

    def __init__(self, path: Path, *, durability: Literal["full", "normal"], busy_timeout_s: float) -> None:
        self.in_memory = str(path) == MEMORY
        self.path = path if self.in_memory else real_path(path)
        self.name = str(self.path)
        self.reserve = None if self.in_memory else Reserve(self.path)
        self._synchronous = {"full": "FULL", "normal": "NORMAL"}[durability]
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._frame: FrameType | None = None
        """Whose `with` block has the connection."""
        self._pid = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._watch: Watch | None = None
        self._opened = False
        self.most_log_bytes = 8 << 20
        """How large the write-ahead log may stay; to be set before the file is opened."""
        with _forking:
            _databases.add(self)

    def plain(self, operation: str) -> Use:
        """Give the connection without a transaction: each statement is its own."""
        return Use(self, operation, "")

    def read(self, operation: str) -> Use:
        """Give the connection inside a read transaction: all statements see one state."""
        return Use(self, operation, "BEGIN")

    def write(self, operation: str, outcome: Outcome | None = None) -> Use:
        """Give the connection inside a write transaction, durable when the block ends, undone when it raises.

        `outcome` tells which of the two it was.
        """
        return Use(self, operation, _WRITE, outcome)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        # First out of reach: an interrupt between the two would leave a closed one to the next call.
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def error(self, what: str, *, operation: str, hint: str = "") -> JournalError:
        """Return a `JournalError` about this file."""
        return JournalError(f"The journal {self.name} {what}.", path=self.name, operation=operation, hint=hint)

    def before_fork(self) -> bool:
        """Wait until no thread is inside, keep all out and close the file; return whether that is to be undone."""
        if self._is_inside():
            return False
        self._lock.acquire()
        if not self.in_memory:
            self._close()
        return True

    def after_fork(self, *, in_child: bool) -> None:
        """Let threads in again; the first one opens the file."""
        if not in_child:
            self._lock.release()
            return
        self._lock = threading.RLock()
        self._frame = None
        self._pid = os.getpid()
        if self.in_memory:
            # Parent and child would number different commits alike.
            self._connection = None

    def _is_inside(self) -> bool:
        """Return whether this thread is inside a block; one that an exception has left without ending it is ended."""
        if not self._lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001 - as `threading.Condition` asks
            return False
        frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the way to look at one's own callers
        while frame is not None:
            if frame is self._frame:
                return True
            frame = frame.f_back
        self._end()
        return False

    def _refuse_inside(self, operation: str) -> None:
        if self._is_inside():
            raise self.error(
                f"could not {operation}: this thread is inside another call to it",
                operation=operation,
                hint="Nothing was done. A signal handler should only set a flag, and leave the work to the program.",
            )
        if _forking.locked():
            with _forking:  # a thread that commits all the time would keep the one that forks from ever getting in
                pass

    def _begin(self, operation: str) -> sqlite3.Connection:
        """Return the connection, opened if need be, of the file that is at `path`; the lock is held."""
        if self._pid != os.getpid():
            raise self.error(
                f"could not {operation}: this process was forked behind Python's back",
                operation=operation,
                hint="Nothing was done. Fork with os.fork or multiprocessing, or open the journal afterwards.",
            )
        if self._connection is None:
            try:
                self._connection = self._open(operation)
            except DiskFull:
                if self.reserve is None or not self.reserve.size_bytes():
                    raise
                with self.reserve.given_up():  # a program that is started anew has to get in to push
                    self._connection = self._open(operation)
        elif self._watch is not None and not self._watch.is_there():
            self._watch.refuse_replaced(operation)
            self._refuse_gone(operation)
        return self._connection

    def is_replaced(self) -> bool:
        """Return whether another program has put a new journal in the place of this file, which was damaged."""
        with self._lock:
            watch = self._watch
            return watch is not None and not watch.is_there() and watch.is_replaced()

    def make_sure(self, operation: str, outcome: Outcome | None, found_in: FoundIn | None = None) -> None:
        """Return once the change that was just made is kept for good; most often that is at once.

        Raises:
            JournalReplaced: another program saved the damaged file meanwhile, and what `found_in` seeks was not copied.
            JournalLocked: another program has been saving it for too long.
        """
        if self._watch is not None and not self._watch.is_quiet():
            try:
                self._watch.make_sure(operation, wait_s=self._busy_timeout_s, found_in=found_in)
            except JournalError:
                if outcome is not None:
                    outcome.revoke()
                raise

    def _end(self) -> None:
        """End a transaction that is still open (after COMMIT there is none), and let the next one in."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                try:
                    self._connection.execute("ROLLBACK")
                except sqlite3.Error:
                    # Nothing of an unfinished transaction is ever read again, once the connection is gone.
                    self._close()
        finally:
            self._frame = None
            self._lock.release()

    def _refuse_gone(self, operation: str) -> None:
        # A commit into a deleted file would be gone with the process, and nobody would know.
        raise JournalGone(
            f"The journal {self.name} could not {operation}: its file was moved, deleted or replaced while in use.",
            path=self.name,
            operation=operation,
            hint="Nothing was done, and what is staged stays staged. Put the file (or the disk it is on) back, or "
            "restart the program to begin a new journal.",
        )

    def _open(self, operation: str) -> sqlite3.Connection:
        if self.in_memory and self._opened:
            raise self.error(
                f"could not {operation}: it was in memory, and that ended",
                operation=operation,
                hint="Use a file for a journal that outlives close() and is shared with child processes.",
            )
        try:
            if not self.in_memory:
                _make_folder(self.path.parent)
                if self.path.is_dir():
                    raise self.error("is a folder", operation="open", hint="Name a file in it instead.")
                _make_private(self.path)
            connection = self._connect()
        except OSError as error:
            raise from_os(error, path=self.name, operation="open") from error
        except sqlite3.Error as error:
            raise from_sqlite(error, path=self.name, operation="open") from error
        self._opened = True
        return connection

    def _connect(self) -> sqlite3.Connection:
        give_up = time.monotonic() + self._busy_timeout_s
        while True:
            watch = None if self.in_memory else Watch.of(self.path)
            connection = sqlite3.connect(
                self.name, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            try:
                # Before anything changes a file that is not ours.
                version = version_of(connection, path=self.name)
                if self._is_being_saved(watch, give_up=give_up):
                    connection.close()
                    continue
                if not version:
                    # Of a new file, before it has anything in it; in another it would be written anew at each opening.
                    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                connection.execute("PRAGMA fullfsync = 1")  # macOS: else a power cut can take what fsync promised
                connection.execute("PRAGMA checkpoint_fullfsync = 1")
                connection.execute(f"PRAGMA journal_size_limit = {self.most_log_bytes}")
                (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
                # What one transaction takes comes on top.
                log_pages = min(self.most_log_bytes * 3 // 4 // page_bytes, 1000)
                connection.execute(f"PRAGMA wal_autocheckpoint = {max(log_pages, 4)}").fetchone()
                connection.execute("PRAGMA trusted_schema = OFF")
                # Rows are read once, in order: SQLite's 2 MB of pages would make nothing faster.
                connection.execute("PRAGMA cache_size = -512")
                migrate(connection, path=self.name)
            except sqlite3.Error as error:
                connection.close()
                if self._is_being_saved(watch, give_up=give_up):
                    continue
                # Two processes that make one file at the same time: the change to WAL does not wait by itself.
                code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(0.02)
            except BaseException:
                connection.close()
                raise
            else:
                self._watch = watch if watch is not None or self.in_memory else Watch.of(self.path)
                return connection

    def _is_being_saved(self, watch: Watch | None, *, give_up: float) -> bool:
        """Return, after it, whether another program was saving the file: what was opened may be parts of two files."""
        if watch is None or watch.is_quiet():
            return False
        if not watch.wait(wait_s=self._busy_timeout_s) or time.monotonic() > give_up:
            raise locked(self.name, "open", holder_of=str(mark_path(self.path)))
        return True


# SQLite keeps what it knows of a file's locks per process. A child that was forked while the file was open would
# inherit locks it does not have, and lose commits: so nobody forks with a journal open.
_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_forking = threading.Lock()
_closed: list[Database] = []


def _before_fork() -> None:
    _forking.acquire()
    _closed.extend(database for database in list(_databases) if database.before_fork())


def _after_fork(*, in_child: bool) -> None:
    for database in _closed:
        database.after_fork(in_child=in_child)
    _closed.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(in_child=False),
        after_in_child=lambda: _after_fork(in_child=True),
    )


class Use:
    """The connection, for one `with` block of one thread (a block of its own: whose it is, is known by its frame).

    A signal handler may raise anywhere in here. What that leaves open (where it strikes as `__exit__` begins), the next
    block of this thread ends.
    """

    __slots__ = ("_begin", "_database", "_operation", "_outcome", "found_in")

    def __init__(self, database: Database, operation: str, begin: str, outcome: Outcome | None = None) -> None:
        self._database = database
        self._operation = operation
        self._begin = begin
        self._outcome = outcome
        self.found_in: FoundIn | None = None
        """What finds the change in another journal, into which it may have been copied; to be set inside the block."""

    def __enter__(self) -> sqlite3.Connection:
        database = self._database
        database._refuse_inside(self._operation)  # noqa: SLF001 - one unit
        try:
            database._lock.acquire()  # noqa: SLF001
            database._frame = sys._getframe(1)  # noqa: SLF001
            connection = database._begin(self._operation)  # noqa: SLF001
            if self._begin:
                connection.execute(self._begin)
        except BaseException as error:
            if database._lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001 - an interrupt may be faster
                database._end()  # noqa: SLF001
            if isinstance(error, sqlite3.Error):
                raise from_sqlite(error, path=database.name, operation=self._operation) from error
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        database = self._database
        try:
            if error is None and self._begin:
                connection = database._connection  # noqa: SLF001
                if self._outcome is None:
                    connection.execute("COMMIT")  # type: ignore[union-attr]
                else:
                    self._outcome.execute(connection, "COMMIT")  # type: ignore[arg-type]
                if self._begin == _WRITE:
                    database.make_sure(self._operation, self._outcome, self.found_in)
        except sqlite3.Error as failed:
            error = failed
        finally:
            database._end()  # noqa: SLF001
        if isinstance(error, sqlite3.Error):
            raise from_sqlite(error, path=database.name, operation=self._operation) from error


def _make_folder(folder: Path) -> None:
    """Make `folder`, for its owner alone, so that it is there after a power cut."""
    made = []
    while not folder.exists():
        made.append(folder)
        folder = folder.parent
    for new in reversed(made):
        new.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix":
            parent = os.open(new.parent, os.O_RDONLY)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)


def _make_private(path: Path) -> None:
    """Make an empty file for its owner alone where there is none; what SQLite puts beside it gets the same mode.

    Where this cannot be done (a file system without links, for one), SQLite makes it as it does.
    """
    if os.name != "posix" or path.exists():
        return
    # Under another name first: closing a file that SQLite has open in this process would take its locks away.
    draft = f"{path}-new-{os.urandom(8).hex()}"
    with suppress(OSError):
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.link(draft, path)  # not where another process was faster
        finally:
            Path(draft).unlink()
