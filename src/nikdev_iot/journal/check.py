"""What `nikdev fsck` asks: is everything in the journal as it was written?"""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections.abc import Iterator

from nikdev_iot.model.errors import JournalError
from nikdev_iot.wire.columns import Column

from . import holes, origins
from .holes import HoleKind
from .nextpack import text_to_gaps
from .packing import Rows, pack_rows
from .records import Problem
from .shapes import ShapeBook

__all__ = ["check"]

_CHUNK_ROWS = 2000
_MAX_PROBLEMS = 100
_MAX_SAID = 3
_MOST_SEARCHES = 500
_KEPT = "Keep a copy of the file and of those beside it before anything else."


def check(connection: sqlite3.Connection, book: ShapeBook) -> list[Problem]:
    """Do `Journal.check`; it begins a read transaction that the caller ends, for a damaged file may not let it."""
    problems = []
    try:
        connection.execute("BEGIN")
        for problem in _all(connection, book):
            problems.append(problem)
            if len(problems) >= _MAX_PROBLEMS:
                problems.append(Problem(f"More than {_MAX_PROBLEMS} problems; the rest was not looked for."))
                break
    except sqlite3.DatabaseError as error:
        # Where SQLite itself cannot go on reading, that is what is to be reported.
        problems.append(Problem(f"The file cannot be read to its end: {error}.", _KEPT))
    return problems


def _all(connection: sqlite3.Connection, book: ShapeBook) -> Iterator[Problem]:
    rows = connection.execute(f"PRAGMA integrity_check({_MAX_PROBLEMS})")
    # One row may have a line for each of a page's cells: after a few, more of them tell nobody anything.
    said = [line for (text,) in rows for line in text.splitlines() if line != "ok" and not line.startswith("***")]
    for line in said[:_MAX_SAID]:
        yield Problem(f"SQLite: {line}.", _KEPT)
    if len(said) > _MAX_SAID:
        yield Problem(f"SQLite: {len(said) - _MAX_SAID} more of this kind.", _KEPT)
    yield from _check_origins(connection)
    yield from _check_holes(connection)
    yield from _check_commits(connection, book)
    yield from _check_staged(connection, book)
    yield from _check_packs(connection)


def _check_origins(connection: sqlite3.Connection) -> Iterator[Problem]:
    newest = origins.last_id(connection)
    rows = [
        origins.Origin(*row)
        for row in connection.execute("SELECT id, uuid, base, acked, acked_hash FROM origins ORDER BY id")
    ]
    if not rows:
        yield Problem("The journal has no origin.", _KEPT)
    before = 0
    for origin in rows:
        if not (type(origin.uuid) is bytes and len(origin.uuid) == 16) or origin.base < before:
            yield Problem(f"Origin {origin.id} is not well formed.", _KEPT)
        if origin.acked < 0 or origin.acked_id > newest:
            yield Problem(
                f"Commit {origin.acked} is marked as acknowledged, and the newest is {newest - origin.base}.", _KEPT
            )
        before = origin.base


def _check_holes(connection: sqlite3.Connection) -> Iterator[Problem]:
    newest = origins.last_id(connection)
    end = 0
    for first, last, kind in connection.execute("SELECT first, last, kind FROM holes ORDER BY first"):
        if not end < first <= last <= newest or kind not in tuple(HoleKind):
            yield Problem(f"The range {first} to {last} of commits set aside is not well formed.", _KEPT)
        end = max(end, last)


def _check_commits(connection: sqlite3.Connection, book: ShapeBook) -> Iterator[Problem]:
    newest = origins.last_id(connection)
    if newest > origins.MOST_ID:
        yield Problem(f"The newest row is number {newest}, which no journal comes to.", _KEPT)
    gone = [(hole.first, hole.last) for hole in holes.between(connection, 1, newest) if hole.kind in holes.GONE]
    for low, high in holes.complement(1, newest, gone):
        yield from _check_rows(connection, book, low, high)


def _check_rows(connection: sqlite3.Connection, book: ShapeBook, low: int, high: int) -> Iterator[Problem]:
    at = low
    while at <= high:
        rows, jump = [], 0
        for row in connection.execute(
            "SELECT id, time_us, shape, body, message FROM commits WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (at, high, _CHUNK_ROWS),
        ):
            if row[0] != at:
                jump = row[0]
                break
            rows.append(row)
            at += 1
        if rows:
            yield from _check_bodies(connection, book, Rows.of(rows))
        if len(rows) == _CHUNK_ROWS or at > high:
            continue
        # In order it goes no further, or leaps, perhaps because of a page that is not what it was.
        end = jump if jump > at else high + 1
        end = _found_behind(connection, at, end - 1) or end
        yield Problem(f"The rows {at} to {end - 1} are missing.", _KEPT)
        at = end


def _found_behind(connection: sqlite3.Connection, at: int, high: int) -> int | None:
    """Return the first id behind `at` that a search finds, as far as some hundred searches tell; None for none."""

    def search(low: int) -> int | None:
        row = connection.execute(
            "SELECT id FROM commits WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1", (low, high)
        ).fetchone()
        return row[0] if row is not None and row[0] >= low else None

    step = max((high - at) // _MOST_SEARCHES, 1)
    for place in range(at + step, high + 1, step):
        found = search(place)
        if found is not None:
            low, there = place - step, place  # nothing is found from `low`
            while there - low > 1:
                middle = (low + there) // 2
                nearer = search(middle)
                low, there, found = (middle, there, found) if nearer is None else (low, middle, nearer)
            return found
    return None


def _check_bodies(connection: sqlite3.Connection, book: ShapeBook, rows: Rows) -> Iterator[Problem]:
    try:
        packed = pack_rows(rows, lambda shape_id: book.by_id(connection, shape_id))
        if all(map(_is_sound, packed.columns)):
            return
    except (ValueError, TypeError, OverflowError, JournalError):
        pass
    # One by one, to name each that is wrong.
    for at, row_id in enumerate(rows.ids):
        try:
            packed = pack_rows(rows.cut(at, at + 1), lambda shape_id: book.by_id(connection, shape_id))
        except (ValueError, TypeError, OverflowError, JournalError) as error:
            yield Problem(f"The content of row {row_id} cannot be read: {error}", _KEPT)
            continue
        for column in packed.columns:
            if not _is_sound(column):
                yield Problem(f"Row {row_id} has a value of {column.field_id!r} that is not finite.", _KEPT)


def _is_sound(column: Column) -> bool:
    return not isinstance(column.data, array) or column.data.typecode != "d" or all(map(math.isfinite, column.data))


def _check_staged(connection: sqlite3.Connection, book: ShapeBook) -> Iterator[Problem]:
    for row_id, shape_id, body in connection.execute("SELECT id, shape, body FROM staged").fetchall():
        try:
            book.by_id(connection, shape_id).decode(body)
        except (ValueError, TypeError, JournalError) as error:
            yield Problem(f"The staged row {row_id} cannot be read: {error}", _KEPT)


def _check_packs(connection: sqlite3.Connection) -> Iterator[Problem]:
    for row in connection.execute("SELECT id, uuid, base, acked, acked_hash FROM origins ORDER BY id").fetchall():
        origin = origins.Origin(*row)
        newest = origins.last_id(connection) - origin.base
        expected, parent = 1, origins.NO_PACK
        for number, first, count, pack_hash, named, gaps, settled_us in connection.execute(
            "SELECT id, first, count, hash, parent, gaps, settled_us FROM packs WHERE origin = ? "
            "ORDER BY settled_us IS NULL, first, id",
            (origin.id,),
        ):
            under_way = settled_us is None
            if (
                first != expected
                or count < 1
                or first + count - 1 > (newest if under_way else origin.acked)
                or len(pack_hash) != len(origins.NO_PACK)
                or named != parent
                or not _gaps_fit(gaps, first, count)
            ):
                yield Problem(f"The record of the sent pack {number} (commits {first} on) is not well formed.", _KEPT)
            if not under_way:
                expected, parent = first + count, pack_hash
        if expected != origin.acked + 1 or parent != origin.acked_hash:
            yield Problem(
                f"The packs sent end at commit {expected - 1}, and {origin.acked} is marked as acknowledged.", _KEPT
            )


def _gaps_fit(text: str, first: int, count: int) -> bool:
    try:
        gaps = text_to_gaps(text)
    except ValueError:
        return False
    end = first - 1
    for gap in gaps:
        if not end < gap.first <= gap.last <= first + count - 1:
            return False
        end = gap.last
    return True
