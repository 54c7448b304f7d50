"""`nikdev` as a person or a script runs it: in this process where that shows the same, as a process where it must."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nikdev_iot.cli.main import main

__all__ = ["Device", "Done", "nikdev", "nikdev_command", "nikdev_process"]

DEVICE_ID = "6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44"
API_KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
NOWHERE = "http://127.0.0.1:9/api/v1/"
"""Nothing listens there."""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout, which is one JSON object."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error that a command with --json wrote."""
        return json.loads(self.err)["error"]


class _Input(io.StringIO):
    def isatty(self) -> bool:
        return False


def nikdev(*words: object, stdin: str = "") -> Done:
    """Run `nikdev` in this process, through the same entry point as the script."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = _Input(stdin)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(word) for word in words])
            except SystemExit as left:
                code = left.code
    finally:
        sys.stdin = before
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())


def nikdev_command(*words: object) -> list[str]:
    return [sys.executable, "-m", "nikdev_iot.cli", *map(str, words)]


def nikdev_process(*words: object, cwd: Path | None = None, stdin: str = "", **variables: str) -> Done:
    """Run `nikdev` as a process of its own."""
    done = subprocess.run(
        nikdev_command(*words),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **variables},
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Device:
    """A device's folder, which is where the test is."""

    folder: Path
    device_id: str
    api_key: str
    url: str

    def commit(self, *assignments: str, message: str | None = None) -> int:
        """Make a commit; return its number."""
        assert nikdev("add", *assignments).code == 0
        done = nikdev("commit", "--json", *(("-m", message) if message else ()))
        number = done.json["number"]
        assert isinstance(number, int)
        return number
