"""Where a store is, so that a test, or another process, can open it again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from nikdev_iot.server.storage.port import Storage

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    """One store."""

    opener: str
    """`module:function` that takes the address and returns the open store."""
    address: str

    def open(self) -> Storage:
        """Open it once more."""
        module, _, function = self.opener.partition(":")
        storage: Storage = getattr(import_module(module), function)(self.address)
        return storage

    def start(self, *arguments: object, file: str = "storing_process.py") -> subprocess.Popen[str]:
        """Start this file of ours on this store; it is ready, and waits for `go`."""
        process = subprocess.Popen(
            [sys.executable, str(_FOLDER / file), self.opener, self.address, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


def go(process: subprocess.Popen[str]) -> None:
    """Let a process that was started begin to store."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
