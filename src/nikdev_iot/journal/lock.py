"""Locks between processes, which the kernel releases when their holder dies."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from .errors import PushLocked, from_os
from .obstacles import holder

__all__ = ["FileLock", "hold_push_lock", "real_path"]

_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def real_path(path: Path) -> Path:
    """Return where the file is: behind the link, where `path` is one, for there SQLite puts its log and its locks."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path.absolute()


class FileLock:
    """An exclusive lock on a side file; every `FileLock` is a holder of its own, also within one process.

    A child made by a fork does not inherit it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A file object, not a number: closing it twice does no harm, so a release that was broken off can be ended.
        self._file: io.FileIO | None = None

    def acquire(self, *, create: bool = True) -> bool:
        """Return whether it is ours now; never waits.

        Raises:
            OSError: the file cannot be opened (with `create=False`: `FileNotFoundError` where there is none).
        """
        file = io.FileIO(os.open(self.path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600), "r+")
        try:
            if _lock(file.fileno()) and self._is_there(file.fileno()):
                self._file = file
                _held.add(self)
                return True
        except BaseException:
            file.close()
            raise
        file.close()
        return False

    def release(self, *, remove: bool = False) -> None:
        """Let go of it, and of the file too where `remove`. Idempotent."""
        file = self._file
        if file is None:
            return
        try:
            if not file.closed:
                if remove and sys.platform != "win32":  # while nobody else can have it
                    self._remove()
                _unlock(file.fileno())
        finally:
            file.close()
        _held.discard(self)
        self._file = None
        if remove and sys.platform == "win32":  # where an open file stays
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _is_there(self, fd: int) -> bool:
        """Whether the file that is locked still has its name: the last holder may have removed it meanwhile."""
        try:
            return sys.platform == "win32" or os.path.samestat(os.fstat(fd), self.path.stat())
        except FileNotFoundError:
            return False

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.release()

    def _forget(self) -> None:
        # Closing the child's copy leaves the parent's lock in force; unlocking would not.
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        # Explicitly: a child that was forked an instant ago may still have the file open.
        fcntl.flock(fd, fcntl.LOCK_UN)

    def _forget_all() -> None:
        for lock in list(_held):
            lock._forget()  # noqa: SLF001 - one unit
        _held.clear()

    os.register_at_fork(after_in_child=_forget_all)


def _other(path: Path | None) -> str:
    found = None if path is None else holder(path)
    return f"Another program, {found}," if found and found.startswith("process") else "Another program or thread"


@contextlib.contextmanager
def hold_push_lock(path: Path | None, inner: threading.Lock, *, name: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock file `path`, or in memory (`None`) the lock `inner`, for a `with` block.

    Raises:
        PushLocked: another holder did not let go within `timeout_s`.
        JournalError: the lock file cannot be made.
    """
    give_up = time.monotonic() + timeout_s
    pause_s = 0.01
    lock = None if path is None else FileLock(path)
    held: list[bool] = []
    try:
        while True:
            try:
                # With the list, taking it and knowing so is one step, which no signal handler can come between.
                held.extend(map(inner.acquire, (False,)) if lock is None else (lock.acquire(),))
            except OSError as error:
                raise from_os(error, path=name, operation="push") from error
            if held[-1]:
                break
            left_s = give_up - time.monotonic()
            if left_s <= 0:
                raise PushLocked(
                    f"{_other(path)} is pushing the journal {name}.",
                    path=name,
                    operation="push",
                    hint="Nothing was sent by this one, and all commits are kept. The other push takes them, "
                    "or try again.",
                )
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, 0.1)
        yield
    finally:
        if lock is not None:
            lock.release()
        elif any(held):
            inner.release()
