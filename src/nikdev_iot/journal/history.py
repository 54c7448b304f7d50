"""What the journal can tell a person: its numbers, its log, single commits."""

from __future__ import annotations

import sqlite3
import uuid
from bisect import bisect_left
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import drops, holes, origins, staged
from .holes import Hole, HoleKind
from .records import CommitState, Fate, GoneRange, JournalStatus, LogEntry, RejectedCommit
from .repair import judged
from .shapes import ShapeBook

if TYPE_CHECKING:
    from .budget import Budget

__all__ = ["gone", "log", "rejected", "show", "size_bytes", "status"]

_SELECT = "SELECT id, time_us, shape, body, message FROM commits WHERE shape IS NOT NULL AND "


_FATES = {
    HoleKind.EVICTED: Fate.EVICTED,
    HoleKind.DROPPED: Fate.DROPPED,
    HoleKind.DISCARDED: Fate.DISCARDED,
    HoleKind.MOVED: Fate.MOVED,
}


def status(
    connection: sqlite3.Connection, book: ShapeBook, *, path: Path | None, budget: Budget | None = None
) -> JournalStatus:
    """Do `Journal.status`, in the caller's read transaction."""
    origin = origins.current(connection)
    low, high = origin.acked_id + 1, origins.last_id(connection)
    unpushed = high - low + 1 - holes.count(connection, low, high)
    oldest = None
    if unpushed:
        first = holes.first_outside(connection, low)
        row = connection.execute("SELECT time_us FROM commits WHERE id = ?", (first,)).fetchone()
        if row is None:
            raise book.damaged(f"its row {first} is missing")
        (oldest,) = row
    (set_aside,) = connection.execute(
        "SELECT total(last - first + 1) FROM holes WHERE kind = ?", (HoleKind.REJECTED,)
    ).fetchone()
    (under_way,) = connection.execute(
        "SELECT count(*) FROM packs WHERE settled_us IS NULL AND origin = ?", (origin.id,)
    ).fetchone()
    dropped = drops.totals(connection)
    is_bounded = budget is not None and budget.policy is not None
    return JournalStatus(
        origin=uuid.UUID(bytes=origin.uuid),
        staged=len(staged.peek(connection, book)),
        unpushed=unpushed,
        rejected=int(set_aside),
        in_flight=under_way,
        acknowledged_last=origin.acked,
        oldest_unpushed_us=oldest,
        size_bytes=0 if path is None else size_bytes(path),
        limit_bytes=budget.limit_bytes if budget is not None and is_bounded else None,
        policy=str(budget.policy) if budget is not None and is_bounded else None,
        dropped=dropped.commits,
        dropped_values=dropped.values,
    )


def size_bytes(path: Path) -> int:
    """Return what the journal takes on the disk, its write-ahead log included."""
    total = 0
    for file in (path, path.with_name(f"{path.name}-wal")):
        try:
            total += file.stat().st_size
        except OSError:
            continue
    return total


def log(
    connection: sqlite3.Connection, book: ShapeBook, *, limit: int, before: int | None, now_us: int
) -> list[LogEntry]:
    """Do `Journal.log`, in the caller's read transaction."""
    rows = connection.execute(
        _SELECT + "id < ? ORDER BY id DESC LIMIT ?",
        (origins.last_id(connection) + 1 if before is None else before, max(limit, 0)),
    ).fetchall()
    if not rows:
        return []
    known = _Context(connection, rows[-1][0], rows[0][0], now_us)
    entries = []
    for row_id, time_us, shape_id, _, message in rows:
        shape = book.by_id(connection, shape_id)
        entries.append(known.entry(row_id, time_us, message, len(shape.fields)))
    return entries


def show(connection: sqlite3.Connection, book: ShapeBook, number: int, *, now_us: int) -> LogEntry | None:
    """Do `Journal.show`, in the caller's read transaction."""
    row_id = number + origins.current(connection).base
    row = connection.execute(_SELECT + "id = ?", (row_id,)).fetchone()
    if row is None or number < 1:
        return None
    _, time_us, shape_id, body, message = row
    shape = book.by_id(connection, shape_id)
    try:
        values = shape.decode(body)
    except ValueError as error:
        raise book.damaged(f"commit {number} cannot be read ({error})") from error
    return replace(
        _Context(connection, row_id, row_id, now_us).entry(row_id, time_us, message, len(values)), values=values
    )


def gone(connection: sqlite3.Connection, low: int, high: int) -> list[GoneRange]:
    """Do `Journal.gone`, in the caller's read transaction."""
    return [
        GoneRange(
            first=max(hole.first, low),
            last=min(hole.last, high),
            fate=_FATES[hole.kind],
            reason=hole.reason,
            at_us=hole.at_us,
        )
        for hole in reversed(holes.between(connection, low, high, holes.GONE))
    ]


def rejected(connection: sqlite3.Connection, *, limit: int | None) -> list[RejectedCommit]:
    """Do `Journal.rejected`, in the caller's read transaction."""
    current = origins.current(connection)
    newest = origins.last_id(connection)
    known = _Context(connection, 1, newest, None)
    found: list[RejectedCommit] = []
    for hole in holes.between(connection, 1, newest, (HoleKind.REJECTED,)):
        left = -1 if limit is None else limit - len(found)
        if left == 0:
            break
        for row_id, time_us, _, _, message in connection.execute(
            _SELECT + "id BETWEEN ? AND ? ORDER BY id LIMIT ?", (hole.first, hole.last, left)
        ):
            origin = known.origin_of(row_id)
            found.append(
                RejectedCommit(
                    number=row_id - origin.base,
                    origin=uuid.UUID(bytes=origin.uuid),
                    time_us=time_us,
                    message=message,
                    reason=hole.reason,
                    rejected_us=hole.at_us,
                    declared=row_id <= current.acked_id,
                )
            )
    return found


class _Context:
    """What tells the number, origin and state of the ids `low` to `high`."""

    def __init__(self, connection: sqlite3.Connection, low: int, high: int, now_us: int | None) -> None:
        rows = connection.execute("SELECT id, uuid, base, acked, acked_hash FROM origins ORDER BY id")
        self._origins = [origins.Origin(*row) for row in rows]
        self._bases = [origin.base for origin in self._origins]
        self._holes = holes.between(connection, low, high)
        self._judged = {} if now_us is None else judged(connection, low, high, now_us=now_us)
        self._ends = [hole.last for hole in self._holes]

    def origin_of(self, row_id: int) -> origins.Origin:
        return self._origins[bisect_left(self._bases, row_id) - 1]

    def _hole_of(self, row_id: int) -> Hole | None:
        at = bisect_left(self._ends, row_id)
        hole = self._holes[at] if at < len(self._holes) else None
        return hole if hole is not None and hole.first <= row_id else None

    def entry(self, row_id: int, time_us: int, message: str | None, value_count: int) -> LogEntry:
        origin = self.origin_of(row_id)
        hole = self._hole_of(row_id)
        shift_us, is_uncertain = self._judged.get(row_id, (0, False))
        if hole is not None and hole.kind is HoleKind.STORED:
            state, hole = CommitState.ACKNOWLEDGED, None
        elif hole is not None:
            state = CommitState.REJECTED if hole.kind is HoleKind.REJECTED else CommitState.DISCARDED
        elif row_id <= self._origins[-1].acked_id:
            state = CommitState.ACKNOWLEDGED
        else:
            state = CommitState.UNPUSHED
        return LogEntry(
            id=row_id,
            number=row_id - origin.base,
            origin=uuid.UUID(bytes=origin.uuid),
            time_us=time_us,
            message=message,
            state=state,
            value_count=value_count,
            reason=None if hole is None else hole.reason,
            shift_us=shift_us,
            is_uncertain=is_uncertain,
        )
