"""Putting a saved journal into the place of the damaged one, so that a crash between any two steps loses nothing.

The saved journal lies, whole and on disk, under the name `saved_path`. From then on it is what counts: whoever opens
the journal next ends what was cut off. The damaged file keeps its place until the saved one takes it in a single step,
so that nobody who comes in between finds none and begins a new journal.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import from_os
from .lock import FileLock, real_path
from .migrations import APPLICATION_ID

__all__ = [
    "draft_prefix",
    "finish",
    "is_saved",
    "mark_path",
    "put_in_place",
    "remove_drafts",
    "saved_path",
    "sync",
    "taking_turns",
]

_WAIT_S = 30.0
_PAUSE_S = 0.02


def saved_path(path: Path) -> Path:
    """Return where the saved journal lies until it is put in the place of the one at `path`."""
    # Not a name that people would give to a copy: what lies there takes the place of the journal.
    return path.with_name(f"{path.name}-salvaged")


def is_saved(path: Path) -> bool:
    """Return whether there is a saved journal to be put in place: one of ours, and no link, folder or pipe."""
    saved = saved_path(path)
    try:
        if not stat.S_ISREG(saved.lstat().st_mode):
            return False
        with saved.open("rb") as file:
            head = file.read(100)
    except OSError:  # whoever opens the journal says what it is
        return False
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:72], "big") == APPLICATION_ID


def mark_path(path: Path) -> Path:
    """Return where a file lies while a program saves the journal at `path`, or was killed as it did."""
    return path.with_name(f"{path.name}-salvage")


def draft_prefix(path: Path) -> str:
    """Return how the names of folders begin in which a journal is saved, beside the damaged one."""
    return f".salvage-{path.name}-"


def remove_drafts(path: Path) -> None:
    """Remove what programs have left that were killed while they saved; only for the one whose turn it is."""
    for found in path.parent.iterdir():
        if found.name.startswith(draft_prefix(path)):
            shutil.rmtree(found, ignore_errors=True)


def finish(path: Path, *, wait_s: float = _WAIT_S) -> None:
    """End a salvage of `path` that was cut off once the saved journal was whole; nothing where there is none.

    Raises:
        JournalError: the folder cannot be written.
    """
    path = real_path(path)
    try:
        if not is_saved(path):
            return
        with taking_turns(path, wait_s=wait_s) as is_ours:
            if is_ours and is_saved(path):
                put_in_place(path)
    except OSError as error:
        raise from_os(error, path=str(path), operation="put what was saved of it in its place") from error


@contextmanager
def taking_turns(path: Path, *, wait_s: float = _WAIT_S) -> Iterator[bool]:
    """Be the only one who saves the journal at `path`; False where another one still does after `wait_s`.

    Programs that have it open see that (`succession.py`); so the mark stays where a saved journal waits for its place.
    """
    lock = FileLock(mark_path(path))
    until_s = time.monotonic() + wait_s
    while not (is_ours := lock.acquire()) and time.monotonic() < until_s:
        time.sleep(_PAUSE_S)
    try:
        yield is_ours
    finally:
        lock.release(remove=not is_saved(path))


def put_in_place(path: Path) -> Path:
    """Set the file at `path` aside as it is, its log with it, and put the saved one there; return where it lies now.

    Cut off anywhere and called again, it goes on.
    """
    remove_drafts(path)
    aside = _name_aside(path)
    for suffix in ("-wal", "-shm"):  # the saved journal must never meet another one's log
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    if path.exists() and not aside.exists():
        _set_aside(path, aside)
    sync(path.parent)
    saved_path(path).replace(path)
    sync(path.parent)
    return aside


def _set_aside(path: Path, aside: Path) -> None:
    try:
        os.link(path, aside)
    except OSError:  # a file system without links
        draft = path.with_name(f"{aside.name}.draft")
        shutil.copyfile(path, draft)
        sync(draft)
        draft.replace(aside)


def _name_aside(path: Path) -> Path:
    number = 1
    while (found := path.with_name(f"{path.name}.damaged-{number}")).exists():
        if path.exists() and path.samefile(found):
            break  # cut off before the saved one took its place
        number += 1
    return found


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return
    fd = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
