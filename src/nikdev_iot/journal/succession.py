"""Whether a change is in the journal that counts, where another program saves what can be read of it meanwhile.

Who saves a journal (`salvage.py`) leaves a mark beside it first, the lock file of `replacement.taking_turns`, then
copies it, and in the end puts a new journal in its place. Whoever has the old file open looks *after* each change for
the mark, then at which file has the path. Without the mark, and with the path still its file's, the change was made
before the copy, and is in it. Else it waits for the end and asks the new journal, which knows of which file it is the
successor, and up to which commit.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from .errors import JournalReplaced, locked
from .replacement import is_saved, mark_path, put_in_place, taking_turns

__all__ = ["FoundIn", "Watch", "holds", "note"]

FoundIn = Callable[[sqlite3.Connection, int], bool]
"""Whether a change is in the new journal, which took over ids up to the number given."""

_SAME = "SELECT 1 FROM commits WHERE id = ? AND time_us = ? AND mono_ns IS ? AND body = ? AND message IS ?"


def _key(file: tuple[int, int]) -> str:
    return f"replaces {file[0]} {file[1]}"


def note(connection: sqlite3.Connection, file: tuple[int, int]) -> None:
    """Write into a new journal that it takes the place of `file` (device and inode), with all ids that it has now."""
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM commits").fetchone()
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_key(file), newest))


def holds(row_id: int, time_us: int, mono_ns: int | None, body: bytes, message: str | None) -> FoundIn:
    """Return what finds a commit in a new journal: under its id if it was copied, where nothing else can be."""

    def found(connection: sqlite3.Connection, reach: int) -> bool:
        row = (row_id, time_us, mono_ns, body, message)
        return row_id <= reach and connection.execute(_SAME, row).fetchone() is not None

    return found


class Watch:
    """Over the file that a path has."""

    __slots__ = ("_file", "_mark", "_name", "_path")

    def __init__(self, path: Path, file: tuple[int, int]) -> None:
        self._path = path
        self._name = str(path)
        self._mark = str(mark_path(path))
        self._file = file

    @classmethod
    def of(cls, path: Path) -> Watch | None:
        """Return one over the file that is at `path` now; None where there is none."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(path, (found.st_dev, found.st_ino))

    def is_quiet(self) -> bool:
        """Return whether nobody is saving the journal, nor has put another one in its place; a few µs.

        The mark comes first: it goes only when the new journal is there.
        """
        if os.access(self._mark, os.F_OK):
            return False
        return self.is_there()

    def is_there(self) -> bool:
        """Return whether the path is still that of the file."""
        try:
            found = os.stat(self._name)  # noqa: PTH116 - with every commit: a Path costs more than the call
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def make_sure(self, operation: str, *, wait_s: float, found_in: FoundIn | None = None) -> None:
        """Return once the change that was just made is kept for good.

        Raises:
            JournalReplaced: it is not in the journal that has taken the file's place.
            JournalLocked: another program has been saving it for all of `wait_s`.
        """
        try:
            if not self.wait(wait_s=wait_s):
                raise locked(self._name, operation, holder_of=self._mark)
        except OSError:
            pass  # no folder, or none that can be written: nobody saves anything there
        if not self.is_there():
            self.refuse_replaced(operation, found_in=found_in, if_unknown=True)

    def wait(self, *, wait_s: float) -> bool:
        """Wait for the end of a salvage, and end one whose program died; return False where that takes too long.

        Raises:
            OSError: the folder is not there, or cannot be written.
        """
        with taking_turns(self._path, wait_s=wait_s) as is_ours:
            if is_ours and is_saved(self._path):
                put_in_place(self._path)
            return is_ours

    def is_replaced(self, *, found_in: FoundIn | None = None, if_unknown: bool = False) -> bool:
        """Return whether the journal that has the path took the place of the file, without what `found_in` seeks.

        `if_unknown` is for one that cannot be read.
        """
        if not self._path.exists():
            return False
        address = f"{self._path.as_uri()}?mode=rw"  # makes no file
        try:
            with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
                row = connection.execute("SELECT value FROM meta WHERE key = ?", (_key(self._file),)).fetchone()
                return row is not None and (found_in is None or not found_in(connection, row[0]))
        except sqlite3.Error:
            return if_unknown

    def refuse_replaced(self, operation: str, *, found_in: FoundIn | None = None, if_unknown: bool = False) -> None:
        """Raise `JournalReplaced` where the file `is_replaced`."""
        if self.is_replaced(found_in=found_in, if_unknown=if_unknown):
            raise JournalReplaced(
                f"The journal {self._name} could not {operation}: it was damaged, and another program has put what "
                "could be read of it in its place.",
                path=self._name,
                operation=operation,
                hint="Nothing was done in the new journal, and what is staged stays staged. Try again.",
            )
