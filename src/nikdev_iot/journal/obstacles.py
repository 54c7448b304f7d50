"""What stands in a file's way, by what the system knows beyond the code of an error. Only ever asked after one.

Nothing here opens the file: closing it again would take away the locks that SQLite has on it in this process.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["holder", "is_full", "is_gone", "refusal", "strange_kind"]

_LEAST_FREE_BYTES = 65_536
_LOCKS = Path("/proc/locks")
_STRANGE_KINDS = (
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


_READ_ONLY = (
    "Mount it so that it can be written (a worn SD card turns read-only by itself: replace it), or choose another "
    "place with storagePath. To look at what is in it meanwhile, copy its folder to another disk: a journal is written "
    "to where it is opened, even to read."
)
_FOREIGN = (
    "Give this user read and write permission to the file and its folder, or choose another place with storagePath."
)


def is_gone(path: Path) -> bool:
    """Return whether its folder is not there, or not a folder: removed, or on a disk that is not mounted."""
    return not path.parent.is_dir() and _may_look(path.parent)


def strange_kind(path: Path) -> str | None:
    """Return what is at the path where that is neither a file nor a folder; None where it is, or nothing is there."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    for is_one, name in _STRANGE_KINDS:
        if is_one(mode):
            return name
    return None


def is_full(path: Path) -> bool:
    """Return whether nothing fits on its disk any more, as far as the system says so."""
    try:
        disk = os.statvfs(path.parent)
    except (OSError, AttributeError):
        return False
    if disk.f_bavail * disk.f_frsize < _LEAST_FREE_BYTES or (disk.f_files and not disk.f_favail):
        return True
    import resource  # where there is `statvfs`, there is this

    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def refusal(path: Path) -> tuple[str, str] | None:
    """Return what does not let this user write to it, and what to do about it; None where nothing is known to."""
    if not hasattr(os, "geteuid"):
        return None
    for place in (path, *path.parents):
        try:
            found = place.stat()
        except OSError:
            continue  # not there, or not to be seen: then its folder says why
        if os.access(place, os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0), effective_ids=_BY_EFFECTIVE_ID):
            if place == path:
                continue
            return None
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            return f"{place} is on a file system that is read-only", _READ_ONLY
        return (
            f"{place} belongs to {_name(found.st_uid)}, and this user ({_name(os.geteuid())}) may not write to it",
            _FOREIGN,
        )
    return None


_BY_EFFECTIVE_ID = os.access in os.supports_effective_ids


def _may_look(folder: Path) -> bool:
    try:
        folder.stat()
    except PermissionError:
        return False
    except OSError:
        pass
    return True


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def holder(*paths: Path) -> str | None:
    """Return which process has one of these files locked for writing, in words; None where that cannot be known."""
    wanted = set()
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        wanted.add((f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}", str(found.st_ino)))
    try:
        lines = _LOCKS.read_text().splitlines() if wanted else []
    except OSError:
        return None
    for line in lines:
        # 1: POSIX ADVISORY WRITE 4711 fe:00:2515236 120 120 - and `->` before the kind for one that only waits
        words = line.split()
        if len(words) < 6 or words[3] != "WRITE" or not words[4].isdecimal() or words[4] == "0":
            continue
        device, _, inode = words[5].rpartition(":")
        if (device, inode) in wanted:
            return _process(int(words[4]))
    return None


def _process(pid: int) -> str:
    if pid == os.getpid():
        return "this program itself"
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        name = ""
    return f"process {pid} ({name})" if name.isprintable() and name else f"process {pid}"
