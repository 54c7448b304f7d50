"""Packs that were sent: recorded before the first byte leaves, settled when the server is known to have one of them."""

from __future__ import annotations

import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

from nikdev_iot.model.commits import Gap
from nikdev_iot.model.errors import JournalError

from . import holes, origins
from .errors import StalePack
from .holes import Hole, HoleKind
from .nextpack import gaps_of, gaps_to_text, text_to_gaps
from .records import SentPack
from .rows import delete_rows, move_rows

if TYPE_CHECKING:
    from nikdev_iot.wire.pack import Pack

__all__ = ["drop", "in_flight", "in_flight_ranges", "record", "settle"]

_SELECT = "SELECT first, count, hash, parent, gaps, sent_us, settled_us FROM packs WHERE origin = ? AND "


def record(connection: sqlite3.Connection, pack: Pack, pack_hash: bytes, *, at_us: int, name: str) -> SentPack:
    """Do `Journal.record_sent`, in the caller's transaction."""
    origin = origins.current(connection)
    low, high = pack.first + origin.base, pack.last + origin.base
    if (
        pack.origin.bytes != origin.uuid
        or pack.first != origin.acked + 1
        or pack.parent != origin.acked_hash
        or high > origins.last_id(connection)
        or _numbers(gaps_of(holes.between(connection, low, high), low, high, base=origin.base)) != _numbers(pack.gaps)
    ):
        raise StalePack(
            f"The queue of the journal {name} changed while it was being pushed.",
            path=name,
            operation="push",
            hint="Nothing was sent. Push again.",
        )
    connection.execute(
        "INSERT OR IGNORE INTO packs (origin, first, count, hash, parent, gaps, sent_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (origin.id, pack.first, pack.count, pack_hash, pack.parent, gaps_to_text(pack.gaps), at_us),
    )
    return SentPack(
        origin=pack.origin,
        first=pack.first,
        count=pack.count,
        hash=pack_hash,
        parent=pack.parent,
        gaps=pack.gaps,
        sent_us=at_us,
    )


def _numbers(gaps: tuple[Gap, ...]) -> list[tuple[int, int]]:
    # Not the reasons: that of a record of drops grows with each that follows, and this pack has it as it was.
    return [(gap.first, gap.count) for gap in gaps]


def in_flight(connection: sqlite3.Connection) -> list[SentPack]:
    """Return the packs of the current origin that are sent and not settled, oldest first."""
    origin = origins.current(connection)
    rows = connection.execute(_SELECT + "settled_us IS NULL ORDER BY id", (origin.id,))
    return [_sent(row, origin.uuid) for row in rows]


def _sent(row: tuple[Any, ...], origin: bytes) -> SentPack:
    first, count, pack_hash, parent, gaps, sent_us, _ = row
    return SentPack(
        origin=uuid.UUID(bytes=origin),
        first=first,
        count=count,
        hash=pack_hash,
        parent=parent,
        gaps=text_to_gaps(gaps),
        sent_us=sent_us,
    )


def in_flight_ranges(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return the ids that packs under way hold, as ascending, disjoint ranges."""
    origin = origins.current(connection)
    held: list[tuple[int, int]] = []
    for sent in in_flight(connection):
        held += _held(sent.first + origin.base, sent.last + origin.base, sent.gaps, origin.base)
    held.sort()
    merged: list[tuple[int, int]] = []
    for first, last in held:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _held(low: int, high: int, gaps: tuple[Gap, ...], base: int) -> list[tuple[int, int]]:
    return list(holes.complement(low, high, ((gap.first + base, gap.last + base) for gap in gaps)))


def settle(connection: sqlite3.Connection, pack_hash: bytes, *, at_us: int, name: str) -> int:
    """Do `Journal.settle`, in the caller's transaction."""
    origin = origins.current(connection)
    row = connection.execute(_SELECT + "hash = ?", (origin.id, pack_hash)).fetchone()
    if row is None:
        raise JournalError(
            f"The journal {name} has not sent the pack {pack_hash.hex()}.", path=name, operation="acknowledge"
        )
    if row[-1] is not None:
        return 0
    sent = _sent(row, origin.uuid)
    low, high = sent.first + origin.base, sent.last + origin.base
    acknowledged = 0
    for first, last in _held(low, high, sent.gaps, origin.base):
        # Set aside or thrown away after the pack was recorded: the server has them all the same.
        holes.carve(connection, first, last, (HoleKind.REJECTED, HoleKind.DISCARDING))
        acknowledged += last - first + 1
    connection.execute("UPDATE packs SET settled_us = ? WHERE hash = ?", (at_us, pack_hash))
    connection.execute("DELETE FROM packs WHERE settled_us IS NULL AND origin = ?", (origin.id,))
    connection.execute("UPDATE origins SET acked = ?, acked_hash = ? WHERE id = ?", (sent.last, pack_hash, origin.id))
    for gap in sent.gaps:
        _requeue_restored(connection, gap.first + origin.base, gap.last + origin.base, at_us=at_us)
    _end_discarding(connection)
    return acknowledged


def _requeue_restored(connection: sqlite3.Connection, low: int, high: int, *, at_us: int) -> None:
    """Commits that the server knows as a gap, and that are in the queue again, go on under new numbers."""
    covered = [(hole.first, hole.last) for hole in holes.between(connection, low, high)]
    for first, last in list(holes.complement(low, high, covered)):
        move_rows(connection, first, last, at_us=at_us)


def drop(connection: sqlite3.Connection, pack_hash: bytes) -> None:
    """Do `Journal.drop_sent`, in the caller's transaction."""
    connection.execute("DELETE FROM packs WHERE hash = ? AND settled_us IS NULL", (pack_hash,))
    _end_discarding(connection)


def _end_discarding(connection: sqlite3.Connection) -> None:
    """Delete the rows that were thrown away and that no pack under way holds any more."""
    waiting = holes.discarding(connection)
    if not waiting:
        return
    under_way = in_flight_ranges(connection)
    for hole in waiting:
        for first, last in holes.complement(hole.first, hole.last, under_way):
            holes.carve(connection, first, last, (HoleKind.DISCARDING,))
            holes.put(connection, Hole(first, last, HoleKind.DISCARDED, hole.reason, hole.at_us))
            delete_rows(connection, first, last)
