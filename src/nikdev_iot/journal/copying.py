"""Copying a damaged journal that other programs may have open, and in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

__all__ = ["copy_whole", "held_open"]

_PARTS = ("", "-wal")
"""The file, and its log: the newest commits are there."""
_MOST_COPIES = 20
_COPY_BYTES = 1 << 20
_PAUSE_S = 0.02


@contextmanager
def held_open(path: Path) -> Iterator[None]:
    """Have the file open as other programs do, so that none that closes it is the last one.

    The last one would empty the log into the file, and remove the log by its name, which may be the new journal's then.
    """
    # Without a log nobody has it open, and who opens it now waits for the end (`succession.py`). Elsewhere than on
    # POSIX, what is open is not renamed.
    if os.name != "posix" or not Path(f"{path}-wal").exists():
        yield
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as connection:
        with suppress(sqlite3.Error):  # without a head it is not to be opened, by others neither
            connection.execute("BEGIN")
            connection.execute("PRAGMA user_version").fetchone()
        yield


def copy_whole(path: Path, copy: Path, opened: ExitStack) -> None:
    """Copy the file and its log, again where another program changed them meanwhile; `opened` is to be closed last.

    That ends soon: each of them waits after the change that it is at (`succession.py`).
    """
    for _ in range(_MOST_COPIES):
        before = _state(path)
        for suffix in _PARTS:
            target = Path(f"{copy}{suffix}")
            target.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                file = Path(f"{path}{suffix}").open("rb")  # noqa: SIM115 - closed by `opened`
                opened.enter_context(file)
                with target.open("wb") as made:
                    shutil.copyfileobj(file, made, _COPY_BYTES)
        if os.name != "posix":  # where what is open is not renamed
            opened.close()
        # Elsewhere closing it now would take away the locks that SQLite has on it in this process.
        if _state(path) == before:
            return
        time.sleep(_PAUSE_S)


def _state(path: Path) -> list[tuple[int, int, int] | None]:
    """Return what changes of a file and its log when they are written to."""
    found: list[tuple[int, int, int] | None] = []
    for suffix in _PARTS:
        try:
            at = Path(f"{path}{suffix}").stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((at.st_ino, at.st_size, at.st_mtime_ns))
    return found
