"""A program that opens a journal which has to be made usable first, and kills itself at a chosen step of that.

A step is a call or a return of Python's or of C's: every file operation and every SQL statement is one. So a kill can
come between any two of them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from nikdev_iot import Api
from nikdev_iot.journal.journal import Journal

__all__ = ["take_over"]

_ON_DISK = frozenset(
    {"rename", "replace", "link", "unlink", "remove", "fsync", "open", "execute", "close", "write", "mkdir", "rmdir"}
)


def take_over(config: dict[str, Any], result: str, kill_at: int | None) -> None:
    """Open the journal; with `kill_at`, die at that step, else tell what there is, and which steps led to it."""
    steps: dict[str, list[int]] = {}
    count = 0

    def watch(_: FrameType, event: str, function: Any) -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "c_call" and function.__name__ in _ON_DISK and not isinstance(function.__self__, str):
            steps.setdefault(function.__name__, []).append(count)

    sys.setprofile(watch)
    api = Api(config)
    path = api.status().journal_path
    sys.setprofile(None)
    found = {"steps": count, "on disk": steps, "staged": api.staged(), **_content(path)}
    draft = Path(f"{result}.draft")
    draft.write_text(json.dumps(found))
    draft.replace(result)


def _content(path: str) -> dict[str, Any]:
    with Journal.open(path) as journal:
        return {
            "commits": [
                [entry.number, entry.time_us, entry.message, dict(journal.show(entry.number).values)]  # type: ignore[union-attr]
                for entry in journal.log(limit=10_000)
            ],
            "unpushed": journal.status().unpushed,
            "problems": [str(problem) for problem in journal.check()],
        }
