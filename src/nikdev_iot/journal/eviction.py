"""Local history that leaves the journal: commits that the server has acknowledged, the oldest first, in small steps.

Their numbers become a hole, which is a gap only if the server ever goes back behind them. The packs in which they were
pushed become one, which keeps the chain of hashes whole.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from . import drops, holes
from .drops import runs_of
from .holes import HoleKind
from .rows import delete_rows

if TYPE_CHECKING:
    from .budget import Step

__all__ = ["evict", "has_any"]

_EVICTED = "evicted from the device's local history"
_BEFORE_THAT = f"{_EVICTED}; before that: "
_MOST_PACKS = 512
_MOST_RECORDS = 500
"""So many records of drops are kept; of older ones, which the server knows, only the counts."""
_MOST_HOLES = 64
_FIND = (
    "SELECT id, length(body) + coalesce(length(message), 0) FROM commits AS c "
    "WHERE id BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM holes "
    "WHERE first = (SELECT max(first) FROM holes WHERE first <= c.id) AND last >= c.id AND kind <> 7) "
    "ORDER BY id LIMIT ?"
)


def evict(connection: sqlite3.Connection, low: int, high: int, step: Step, *, at_us: int) -> int | None:
    """Evict the first acknowledged commits of the ids `low` to `high`; return the last one's id, None for none.

    The caller sees to it that all of them are acknowledged or in a hole, and that the newest commit is not among them.
    """
    ids = step.cut(connection.execute(_FIND, (low, high, step.rows)))
    if not ids:
        return None
    for first, last in runs_of(ids):
        holes.carve(connection, first, last, (HoleKind.STORED,))
        delete_rows(connection, first, last)
        _put(connection, first, last, at_us)
    _join_packs(connection, ids[-1])
    _fold_record(connection, ids[-1], at_us)
    return ids[-1]


def has_any(connection: sqlite3.Connection, low: int, high: int) -> bool:
    """Return whether `evict` would find anything."""
    return connection.execute(_FIND, (low, high, 1)).fetchone() is not None


def _put(connection: sqlite3.Connection, first: int, last: int, at_us: int) -> None:
    """Make a hole of evicted ids, one with its neighbours where nothing is lost by it."""
    left = connection.execute(
        "SELECT first, last, kind, record FROM holes WHERE first = (SELECT max(first) FROM holes WHERE first < ?) "
        "AND last = ?",
        (first, first - 1),
    ).fetchone()
    right = connection.execute("SELECT first, last, kind, record FROM holes WHERE first = ?", (last + 1,)).fetchone()
    reason, record = _EVICTED, None
    kinds = (HoleKind.EVICTED, HoleKind.DROPPED)
    joined = []
    if left and right and left[3] is not None and left[3] == right[3] and left[2] in kinds and right[2] in kinds:
        # A commit that was kept when those around it were thinned out.
        joined, reason, record = [left, right], _BEFORE_THAT, left[3]
    else:
        joined = [beside for beside in (left, right) if beside and beside[2:] == (HoleKind.EVICTED, None)]
    for low, high, _, _ in joined:
        connection.execute("DELETE FROM holes WHERE first = ?", (low,))
        first, last = min(first, low), max(last, high)
    connection.execute(
        "INSERT INTO holes (first, last, kind, reason, at_us, record) VALUES (?, ?, ?, ?, ?, ?)",
        (first, last, HoleKind.EVICTED, reason, at_us, record),
    )


def _join_packs(connection: sqlite3.Connection, up_to_id: int) -> None:
    """Make one of the acknowledged packs, the oldest first, whose commits have all gone."""
    rows = connection.execute(
        "SELECT p.id, p.origin, p.first, p.count, p.hash, p.parent, o.base FROM packs AS p JOIN origins AS o "
        "ON o.id = p.origin WHERE p.settled_us IS NOT NULL ORDER BY p.id LIMIT ?",
        (_MOST_PACKS,),
    ).fetchall()
    run: list[tuple[int, int, int, int, bytes, bytes, int]] = []
    for row in [*rows, None]:
        has_gone = row is not None and row[6] + row[2] + row[3] - 1 <= up_to_id
        if has_gone and (
            not run or (run[-1][1] == row[1] and run[-1][2] + run[-1][3] == row[2] and run[-1][4] == row[5])
        ):
            run.append(row)
            continue
        if len(run) > 1:
            first, last = run[0], run[-1]
            connection.execute(
                "UPDATE packs SET first = ?, count = ?, parent = ?, gaps = '[]' WHERE id = ?",
                (first[2], last[2] + last[3] - first[2], first[5], last[0]),
            )
            connection.executemany("DELETE FROM packs WHERE id = ?", [(pack[0],) for pack in run[:-1]])
        run = [row] if has_gone else []


def _fold_record(connection: sqlite3.Connection, up_to_id: int, at_us: int) -> None:
    """Where there are very many records of drops, forget one that the server knows; the totals keep its counts."""
    row = connection.execute(
        "SELECT id, first, last, commits, vals FROM drops WHERE last <= ? "
        "AND id <= (SELECT max(id) FROM drops) - ? ORDER BY id LIMIT 1",
        (up_to_id, _MOST_RECORDS),
    ).fetchone()
    if row is None:
        return
    record, first, last, commits, values = row
    found = connection.execute(
        "SELECT first, last FROM holes WHERE first BETWEEN ? AND ? AND record = ? LIMIT ?",
        (first, last, record, _MOST_HOLES),
    ).fetchall()
    for low, high in found:
        connection.execute("DELETE FROM holes WHERE first = ?", (low,))
        _put(connection, low, high, at_us)
    if len(found) < _MOST_HOLES:
        connection.execute("DELETE FROM drops WHERE id = ?", (record,))
        drops.keep_total(connection, commits=commits, values=values)
