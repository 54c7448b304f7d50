"""A journal's file that has nothing in it any more, as a worn SD card or a power cut can leave one.

SQLite takes such a file for a new one, and removes the log beside it: so it is looked at before.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

from .lock import real_path

__all__ = ["give_a_page", "has_nothing", "is_emptied"]


def has_nothing(path: Path) -> bool:
    """Return whether there is a file, of 0 bytes; False for a link, a folder or a pipe."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def is_emptied(path: Path) -> bool:
    """Return whether the file at `path` is empty, and what lies beside it says that there was a journal.

    Without such a witness it is a new file, that somebody has made and SQLite has written nothing to yet.
    """
    path = real_path(path)
    return has_nothing(path) and _has_witness(path)


def _has_witness(path: Path) -> bool:
    with suppress(OSError):
        if Path(f"{path}-wal").stat().st_size:
            return True
    if Path(f"{path}-push").exists() or Path(f"{path}.damaged-1").exists():  # it was pushed, or saved, before
        return True
    # A folder that `nikdev init` made, with a journal in it from then on.
    return path.name.startswith("nikdev-") and (path.parent / "config.json").is_file()


def give_a_page(copy: Path) -> None:
    """Make the copy of an empty file one page long, where it has a log: of an empty one SQLite removes it unread."""
    with suppress(FileNotFoundError), Path(f"{copy}-wal").open("rb") as log:
        page_bytes = int.from_bytes(log.read(12)[8:], "big")
        if 512 <= page_bytes <= 65_536:
            copy.write_bytes(bytes(page_bytes))
