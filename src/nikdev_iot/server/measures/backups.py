"""A copy of the store for the operator to take away: made beside it, one at a time, and removed once it is away."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nikdev_iot.server.errors import Conflict, ServerError
from nikdev_iot.server.storage.port import Storage

__all__ = ["Backups", "Copy", "Progress"]

_PREFIX = "backup-in-the-making-"


class _Stopped(ServerError):
    status = 503
    code = "stopping"


@dataclass(frozen=True, slots=True)
class Copy:
    """A whole copy of the store."""

    path: Path
    size_bytes: int
    made_us: int
    """It is the store of this moment."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the copy is that is being made."""

    copied_bytes: int
    total_bytes: int


class Backups:
    """Makes copies in `folder`; all calls but `progress` and `stop` block for as long as it takes."""

    def __init__(self, storage: Storage, folder: Path, *, now_us: Callable[[], int]) -> None:
        self._storage = storage
        self._folder = folder
        self._now_us = now_us
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._stopping = threading.Event()

    @property
    def progress(self) -> Progress | None:
        """How far the copy is that is being made; None while none is."""
        return self._progress

    def stop(self) -> None:
        """End the copy that is being made, and make no more."""
        self._stopping.set()

    def make(self) -> Copy:
        """Make a copy; whoever gets it removes it with `remove`.

        Raises:
            Conflict: another is being made.
            StorageUnavailable: there is no room for it, or it cannot be written.
            StorageCorrupt: the store is damaged.
        """
        if not self._lock.acquire(blocking=False):
            raise Conflict("A backup is being made already.", hint="Wait until it is done, then ask again.")
        try:
            made_us = self._now_us()
            path = self._folder / f"{_PREFIX}{os.getpid()}-{made_us}.sqlite3"
            size_bytes = self._storage.backup(path, progress=self._note)
            return Copy(path, size_bytes, made_us)
        finally:
            self._progress = None
            self._lock.release()

    def remove(self, copy: Copy) -> None:
        """Remove a copy. Idempotent."""
        with suppress(OSError):  # a reader may hold it on Windows: the next start removes it
            copy.path.unlink(missing_ok=True)

    def remove_left_over(self) -> None:
        """Remove what a server that was killed left behind; for the start, before any copy is made."""
        with self._lock:
            for path in self._folder.glob(f"{_PREFIX}*"):
                with suppress(OSError):
                    path.unlink()

    def _note(self, copied_bytes: int, total_bytes: int) -> None:
        if self._stopping.is_set():
            raise _Stopped("The server is stopping; the backup was given up.", hint="Ask again when it runs.")
        self._progress = Progress(copied_bytes, total_bytes)
