"""Records of what the storage policy dropped: which numbers, of which times, how many, why and when.

A record is the reason of the gaps that its numbers become, so the server learns it in order and once, like a commit. It
is continued until the server has acknowledged all of it; what follows then gets a record of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nikdev_iot.model.times import iso

from . import holes
from .holes import HoleKind
from .repair import judged
from .rows import delete_rows

if TYPE_CHECKING:
    from .budget import Budget
    from .shapes import ShapeBook

__all__ = ["KEEP_EVERY", "Dropped", "drop", "keep_total", "runs_of", "totals"]

KEEP_EVERY = 10
"""`thin-out` keeps one in so many commits; when most of what is left has been thinned out, one in so many of those."""
_LAST = "SELECT id, first, last, commits, vals, from_us, to_us, began_us FROM drops ORDER BY id DESC LIMIT 1"
_FOLDED_COMMITS, _FOLDED_VALUES = "dropped_commits", "dropped_values"


class Dropped(NamedTuple):
    """How much the storage policy has dropped, ever."""

    commits: int
    values: int


def totals(connection: sqlite3.Connection) -> Dropped:
    """Return how much was dropped, ever."""
    (commits, values) = connection.execute(
        "SELECT coalesce(sum(commits), 0), coalesce(sum(vals), 0) FROM drops"
    ).fetchone()
    return Dropped(commits + _folded(connection, _FOLDED_COMMITS), values + _folded(connection, _FOLDED_VALUES))


def _folded(connection: sqlite3.Connection, key: str) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return 0 if row is None else int(row[0])


def keep_total(connection: sqlite3.Connection, *, commits: int, values: int) -> None:
    """Count what a record counted that is about to be forgotten."""
    for key, more in ((_FOLDED_COMMITS, commits), (_FOLDED_VALUES, values)):
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, _folded(connection, key) + more))


def runs_of(ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending ids as (first, last) of each run."""
    runs: list[tuple[int, int]] = []
    for row_id in ids:
        if runs and runs[-1][1] == row_id - 1:
            runs[-1] = runs[-1][0], row_id
        else:
            runs.append((row_id, row_id))
    return runs


def drop(
    connection: sqlite3.Connection,
    book: ShapeBook,
    ids: Sequence[int],
    *,
    how: str,
    budget: Budget,
    acked_id: int,
    at_us: int,
) -> None:
    """Drop the commits of these ascending ids, which are queued or set aside, and keep a record of it."""
    record = _record(connection, book, ids, how=how, budget=budget, acked_id=acked_id, at_us=at_us)
    for first, last in runs_of(ids):
        holes.carve(connection, first, last, (HoleKind.REJECTED,))
        delete_rows(connection, first, last)
        _put(connection, first, last, record, at_us)


def _record(
    connection: sqlite3.Connection,
    book: ShapeBook,
    ids: Sequence[int],
    *,
    how: str,
    budget: Budget,
    acked_id: int,
    at_us: int,
) -> int:
    """Continue the last record, or begin one; return its id."""
    times, values = [], 0
    shifts = judged(connection, ids[0], ids[-1], now_us=at_us)
    for first, last in runs_of(ids):
        for row_id, time_us, shape_id in connection.execute(
            "SELECT id, time_us, shape FROM commits WHERE id BETWEEN ? AND ?", (first, last)
        ):
            times.append(time_us + shifts.get(row_id, (0, False))[0])
            values += len(book.by_id(connection, shape_id).fields)
    policy = str(budget.policy)
    first, last, commits, from_us, to_us, began_us = ids[0], ids[-1], len(ids), min(times), max(times), at_us
    found = connection.execute(
        _LAST.replace(" ORDER", " WHERE last > ? AND policy = ? AND limit_bytes = ? ORDER"),
        (acked_id, policy, budget.limit_bytes),
    ).fetchone()
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM drops").fetchone()[0]
    if found is not None and found[0] == newest:
        record: int | None = found[0]
        first, last = min(first, found[1]), max(last, found[2])
        commits, values = commits + found[3], values + found[4]
        from_us, to_us, began_us = min(from_us, found[5]), max(to_us, found[6]), found[7]
    else:
        record = None
    reason = (
        f"storage limit of {budget.limit_bytes} bytes reached, {how}: {_counted(commits, 'commit')}, "
        f"{_counted(values, 'value')}, of {_second(from_us)} to {_second(to_us)}; "
        f"dropped {_second(began_us)} to {_second(at_us)}"
    )
    done = connection.execute(
        "INSERT OR REPLACE INTO drops VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (record, first, last, commits, values, from_us, to_us, began_us, at_us, policy, budget.limit_bytes, reason),
    )
    return int(done.lastrowid or 0)


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def _second(time_us: int) -> str:
    return iso(time_us // 1_000_000 * 1_000_000)


def _put(connection: sqlite3.Connection, first: int, last: int, record: int, at_us: int) -> None:
    """Make a hole, one with its neighbours of the same record."""
    beside = connection.execute(
        "SELECT first, last FROM holes WHERE record = ? AND kind = ? AND "
        "(first = ? OR (first = (SELECT max(first) FROM holes WHERE first < ?) AND last = ?))",
        (record, HoleKind.DROPPED, last + 1, first, first - 1),
    ).fetchall()
    for low, high in beside:
        connection.execute("DELETE FROM holes WHERE first = ?", (low,))
        first, last = min(first, low), max(last, high)
    connection.execute(
        "INSERT INTO holes (first, last, kind, reason, at_us, record) VALUES (?, ?, ?, '', ?, ?)",
        (first, last, HoleKind.DROPPED, at_us, record),
    )
