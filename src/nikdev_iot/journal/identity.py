"""When journal and server no longer continue one another: going back, and going on under another origin.

The rules are those of `docs/wire.md`, "Pushing"; each step here is one transaction, and
leaves every commit where it is: what changes is which number it has, and how far the server is known to have them.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from . import holes, origins
from .holes import Hole, HoleKind
from .nextpack import rows_between
from .rows import move_rows

if TYPE_CHECKING:
    from .shapes import ShapeBook

__all__ = ["Before", "Own", "adopt", "before", "fork", "own_digests", "pushed", "rewind", "unfork"]


class Own(NamedTuple):
    """What the journal has under one number."""

    number: int
    digest: bytes | None
    """None where the content is gone."""
    is_queued: bool
    """Whether it is one that the server shall have; not where it was set aside or thrown away."""


class Before(NamedTuple):
    """The origin before the current one, which was left because a copy of this journal used it as well."""

    origin: uuid.UUID
    reach: int
    """Up to this number the server had commits of it that are here."""


def pushed(connection: sqlite3.Connection, pack_hash: bytes) -> int | None:
    """Return the last number of the acknowledged pack of the current origin with this hash; None for no such pack."""
    row = connection.execute(
        "SELECT first + count - 1 FROM packs WHERE origin = ? AND hash = ? AND settled_us IS NOT NULL",
        (origins.current(connection).id, pack_hash),
    ).fetchone()
    return None if row is None else int(row[0])


def rewind(connection: sqlite3.Connection, number: int, pack_hash: bytes) -> None:
    """The server has this origin up to `number` only: what follows is in the queue again."""
    origin = origins.current(connection)
    connection.execute("UPDATE origins SET acked = ?, acked_hash = ? WHERE id = ?", (number, pack_hash, origin.id))
    connection.execute("DELETE FROM packs WHERE origin = ? AND (settled_us IS NULL OR first > ?)", (origin.id, number))


def adopt(
    connection: sqlite3.Connection,
    number: int,
    mark: tuple[int, bytes],
    *,
    held: Iterable[int],
    spent: Iterable[int],
    at_us: int,
) -> int:
    """The server has all up to `number`, by packs of somebody else's; return how many were in the queue.

    `mark` is the server's. `held` are numbers of commits that were set aside or thrown away here, and that it has all
    the same; `spent` are numbers up to there that it knows as gaps, and whose commits go on under new ones.
    """
    origin = origins.current(connection)
    count = _take_as_stored(connection, origin, number, held=held, spent=spent, at_us=at_us)
    # Our own packs stay known as far as they are known to be there: up to the mark, if that is one of them no more.
    connection.execute(
        "DELETE FROM packs WHERE origin = ? AND (settled_us IS NULL OR first + count > ? OR hash = ?)",
        (origin.id, number if mark[0] == number else number + 1, mark[1]),
    )
    row = connection.execute(
        "SELECT first + count - 1, hash FROM packs WHERE origin = ? ORDER BY first DESC LIMIT 1", (origin.id,)
    ).fetchone()
    last, parent = row or (0, origins.NO_PACK)
    if last < number:
        connection.execute(
            "INSERT INTO packs (origin, first, count, hash, parent, gaps, sent_us, settled_us) "
            "VALUES (?, ?, ?, ?, ?, '[]', ?, ?)",
            (origin.id, last + 1, number - last, mark[1], parent, at_us, at_us),
        )
        parent = mark[1]
    connection.execute("UPDATE origins SET acked = ?, acked_hash = ? WHERE id = ?", (number, parent, origin.id))
    return count


def fork(
    connection: sqlite3.Connection,
    first: int,
    new: uuid.UUID,
    *,
    held: Iterable[int],
    stored: Iterable[tuple[int, int]],
    spent: Iterable[int],
    at_us: int,
) -> int:
    """Go on under the origin `new`, in which the commit that was number `first` is number 1.

    `held` and `spent` are as in `adopt`; `stored` are ranges of numbers behind `first` that the server has under the
    old origin. Return how many of the commits that it has were in the queue.
    """
    origin = origins.current(connection)
    count = _take_as_stored(connection, origin, first - 1, held=held, spent=spent, at_us=at_us)
    reason = _stored_under(origin.uuid)
    for start, end in stored:
        for low, high in holes.queue(connection, origin.base + start, origin.base + end):
            holes.put(connection, Hole(low, high, HoleKind.STORED, reason, at_us))
            count += max(high - max(low, origin.acked_id + 1) + 1, 0)
    connection.execute("DELETE FROM packs WHERE origin = ? AND settled_us IS NULL", (origin.id,))
    origins.make(connection, uuid=new.bytes, base=origin.base + first - 1, at_us=at_us)
    return count


def before(connection: sqlite3.Connection) -> Before | None:
    """Return the origin before the current one; None where there was no other."""
    row = connection.execute("SELECT uuid, base FROM origins ORDER BY id DESC LIMIT 1 OFFSET 1").fetchone()
    if row is None:
        return None
    old, base = row
    behind = _stored_behind(connection, old)
    reach = behind[-1].last if behind else origins.current(connection).base
    return Before(uuid.UUID(bytes=old), reach - base)


def unfork(connection: sqlite3.Connection) -> None:
    """Go back to the origin before the current one, of which the server has nothing: undo `fork`.

    What was acknowledged of the one before is as it was when it was left; what the server has of it now is found out.
    """
    origin = origins.current(connection)
    old, uuid_bytes = connection.execute("SELECT id, uuid FROM origins ORDER BY id DESC LIMIT 1 OFFSET 1").fetchone()
    for hole in _stored_behind(connection, uuid_bytes):
        connection.execute("DELETE FROM holes WHERE first = ?", (hole.first,))
    connection.execute("DELETE FROM packs WHERE origin = ?", (origin.id,))
    connection.execute("DELETE FROM origins WHERE id = ?", (origin.id,))
    # A new row: another program still knows the number of the old one, and shall find that it is not the current one.
    connection.execute("UPDATE origins SET id = ? WHERE id = ?", (origin.id + 1, old))
    connection.execute("UPDATE packs SET origin = ? WHERE origin = ?", (origin.id + 1, old))


def _stored_under(origin: bytes) -> str:
    return f"stored under the origin {uuid.UUID(bytes=origin)}"


def _stored_behind(connection: sqlite3.Connection, old: bytes) -> list[Hole]:
    """Return what `fork` noted as stored when the origin `old` was left, ascending."""
    low, high = origins.current(connection).base + 1, origins.last_id(connection)
    reason = _stored_under(old)
    return [hole for hole in holes.between(connection, low, high, (HoleKind.STORED,)) if hole.reason == reason]


def _take_as_stored(
    connection: sqlite3.Connection,
    origin: origins.Origin,
    number: int,
    *,
    held: Iterable[int],
    spent: Iterable[int],
    at_us: int,
) -> int:
    for one in spent:
        move_rows(connection, origin.base + one, origin.base + one, at_us=at_us)
    for one in held:
        place = origin.base + one
        holes.carve(connection, place, place, (HoleKind.REJECTED, HoleKind.DISCARDING))
    queue = holes.queue(connection, origin.acked_id + 1, origin.base + number)
    return sum(last - first + 1 for first, last in queue)


def own_digests(connection: sqlite3.Connection, book: ShapeBook, low: int, high: int) -> list[Own]:
    """Return what there is under the numbers `low` to `high` of the current origin, as far as they were given."""
    origin = origins.current(connection)
    high = min(high, origins.last_id(connection) - origin.base)
    if high < low:
        return []
    digests = dict(rows_between(connection, book, origin, low, high).digests())
    queued = holes.queue(connection, origin.base + low, origin.base + high)
    in_queue = {place - origin.base for start, end in queued for place in range(start, end + 1)}
    return [Own(number, digests.get(number), number in in_queue) for number in range(low, high + 1)]
