"""Disks that run full, for real: a file system of a megabyte where this user may mount one, and a limit everywhere."""

from __future__ import annotations

import errno
import resource
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest

SIZE_BYTES = 1_500_000


class Disk(Protocol):
    """A folder that can be full."""

    folder: Path

    def fill(self) -> None:
        """Leave no room."""

    def make_room(self) -> None:
        """Make room again."""


class SmallDisk:
    """A file system in memory: ENOSPC, from SQLite as from everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        with (self.folder / "filler").open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


class LimitedDisk:
    """No file may be written to any more, by this process: EFBIG. Needs no rights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def make_room(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount a small file system there; `PermissionError` where this user may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", ",".join((f"size={SIZE_BYTES}", *options)), "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        raise PermissionError(errno.EPERM, "no mount here") from None
    if done.returncode:
        raise PermissionError(errno.EPERM, done.stderr)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, timeout=30, check=False)


@contextmanager
def mounted_or_skipped(folder: Path, *, unchecked: str) -> Iterator[Path]:
    """Mount one as `mounted` does; where this user may not, skip the test and say what was not checked."""
    with ExitStack() as stack:
        try:
            place = stack.enter_context(mounted(folder))
        except PermissionError as error:
            pytest.skip(f"not checked: {unchecked} (nothing can be mounted here: {error.strerror.strip()})")
        yield place


@contextmanager
def disk(folder: Path, kind: str) -> Iterator[Disk]:
    """Give a disk of a kind: "small" (the limit stands in for it where nothing can be mounted), or "limited"."""
    try:
        if kind == "small":
            with mounted(folder / "disk") as place:
                yield SmallDisk(place)
            return
    except PermissionError:
        pass
    limited = LimitedDisk(folder)
    try:
        yield limited
    finally:
        limited.make_room()
