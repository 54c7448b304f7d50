"""A look at the journal that never takes long: can it be written, and is the file in order as far as there was time?"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from . import origins

__all__ = ["Health", "look"]

_MAX_PROBLEMS = 10
_STEPS_PER_LOOK = 1_000
"""Of SQLite's machine, between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Health:
    """What `Journal.health` found."""

    problems: tuple[str, ...]
    """In SQLite's words, a line each; empty where nothing was found."""
    is_whole: bool
    """Whether there was time for all of the file."""


def look(connection: sqlite3.Connection, *, within_s: float, monotonic: Callable[[], float] = time.monotonic) -> Health:
    """Check the file's structure for at most `within_s`; raises `sqlite3.Error` where it cannot be read."""
    ends = monotonic() + within_s
    # The handler ends what takes many steps, the timer a single step that reads a large part of the file.
    timer = threading.Timer(within_s, connection.interrupt)
    timer.daemon = True
    connection.set_progress_handler(lambda: monotonic() >= ends, _STEPS_PER_LOOK if within_s > 0 else 1)
    try:
        with suppress(RuntimeError):  # no room for a thread: then the handler is all there is
            timer.start()
        newest = origins.last_id(connection)
        rows = connection.execute(f"PRAGMA quick_check({_MAX_PROBLEMS})").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return Health((), is_whole=False)
    finally:
        connection.set_progress_handler(None, 0)
        timer.cancel()
        if timer.is_alive():
            timer.join()  # or it would interrupt what comes next
    # One row may have a line for each of a page's cells.
    said = [line for (text,) in rows for line in text.splitlines() if line != "ok" and not line.startswith("***")]
    if newest > origins.MOST_ID:
        said.insert(0, f"the newest row is number {newest}, which no journal comes to")
    return Health(tuple(said), is_whole=True)
