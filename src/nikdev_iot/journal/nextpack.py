"""What to push next: from the head of the queue to a pack."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import replace

from nikdev_iot.model.commits import Gap
from nikdev_iot.model.values import Kind
from nikdev_iot.wire.pack import Pack

from . import holes, origins
from .packing import Rows, pack_rows
from .records import SentPack
from .repair import judge_rows
from .shapes import Shape, ShapeBook

__all__ = ["build_next", "build_sent", "gaps_of", "gaps_to_text", "rows_between", "text_to_gaps"]

_SELECT = "SELECT id, time_us, shape, body, message FROM commits WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
_CHUNK_ROWS = 256
_MAX_REASON_CHARS = 300
_LEAST_HOLES = 4_096
_MAX_GAPS = 60_000
"""A server reads 65 536 per pack."""

# How many bytes of content things take at most; CBOR's heads are up to 9 bytes.
_ROW_BYTES = 8
_INDEX_BYTES = 4
_HEAD_BYTES = 256
_COLUMN_BYTES = 40
_GAP_BYTES = 32
_TEXT_BYTES = 16


class _Budget:
    """How much more fits into a pack."""

    def __init__(self, book: ShapeBook, connection: sqlite3.Connection, *, max_bytes: int, max_columns: int) -> None:
        self.book = book
        self._connection = connection
        self._max_bytes = max_bytes
        self._max_columns = max_columns
        self._shapes: dict[int, Shape] = {}
        self._columns: set[tuple[str, Kind]] = set()
        self._plain_bytes = _HEAD_BYTES
        self._index_bytes = 0

    def add(self, rows: Rows) -> bool:
        """Count `rows` in and return True if they fit, else return False and count nothing."""
        shapes = dict(self._shapes)
        columns = self._columns
        plain, index = self._plain_bytes, self._index_bytes
        _, _, shape_ids, bodies, messages = rows
        for shape_id in set(shape_ids):
            shape = shapes.get(shape_id)
            if shape is None:
                shape = shapes[shape_id] = self.book.by_id(self._connection, shape_id)
                columns = columns | set(zip(shape.fields, shape.kinds, strict=True))
            index += _INDEX_BYTES * len(shape.fields) * shape_ids.count(shape_id)
        if len(columns) > len(self._columns):
            plain += sum(_COLUMN_BYTES + len(field.encode()) for field, _ in columns - self._columns)
        plain += _ROW_BYTES * len(bodies) + sum(map(len, bodies))
        if messages.count(None) < len(messages):
            plain += sum(_TEXT_BYTES + len(message.encode()) for message in messages if message is not None)
        if len(columns) > self._max_columns or plain + (index if len(shapes) > 1 else 0) > self._max_bytes:
            return False
        self._shapes, self._columns, self._plain_bytes, self._index_bytes = shapes, columns, plain, index
        return True

    def add_gap(self, hole: holes.Hole) -> None:
        """Count in the gap that a hole becomes."""
        self._plain_bytes += _GAP_BYTES + len(hole.reason[:_MAX_REASON_CHARS].encode())


def build_next(
    connection: sqlite3.Connection,
    book: ShapeBook,
    *,
    max_commits: int,
    max_bytes: int,
    max_columns: int,
    now_us: int,
    behind: tuple[int, bytes] | None = None,
) -> Pack | None:
    """Return the pack that `Journal.next_pack` speaks of, in the caller's read transaction."""
    origin = origins.current(connection)
    last, parent = behind or (origin.acked, origin.acked_hash)
    start = origin.base + last + 1
    end = origins.last_id(connection)
    if start > end:
        return None
    skipped, end = _skipped(connection, start, end, max_commits)
    budget = _Budget(book, connection, max_bytes=max_bytes, max_columns=max_columns)
    rows = Rows.of([])
    passed = 0
    for low, high in holes.complement(start, end, ((hole.first, hole.last) for hole in skipped)):
        while passed < len(skipped) and skipped[passed].last < low:
            budget.add_gap(skipped[passed])
            passed += 1
        if not _fill(connection, rows, (low, high), max_commits, budget):
            break
    if not rows.ids:
        return None
    shifts, uncertain = judge_rows(connection, rows.ids, now_us=now_us)
    pack = _pack(
        rows,
        book,
        connection,
        origin=uuid.UUID(bytes=origin.uuid),
        base=origin.base,
        first=last + 1,
        parent=parent,
        gaps=gaps_of(skipped, start, rows.ids[-1], base=origin.base),
    )
    return replace(pack, shifts=shifts, uncertain=uncertain) if shifts or uncertain else pack


def _skipped(connection: sqlite3.Connection, start: int, end: int, max_commits: int) -> tuple[list[holes.Hole], int]:
    """Return the holes from `start` on, and up to which id they are all there are: as far as one pack can reach."""
    # A commit that was thinned out around is in a hole of its own: there may be very many.
    most = max(_LEAST_HOLES, 2 * max_commits)
    found = holes.between(connection, start, end, limit=most)
    if len(found) < most or found[-1].last - start + 1 <= sum(hole.last - max(hole.first, start) + 1 for hole in found):
        return (found if len(found) < most else holes.between(connection, start, end)), end
    return found, found[-1].last


def _fill(
    connection: sqlite3.Connection,
    rows: Rows,
    ids: tuple[int, int],
    max_commits: int,
    budget: _Budget,
) -> bool:
    """Append what fits of the ids from, and to; return whether it was all of them."""
    low, high = ids
    cursor = connection.execute(_SELECT, (low, high, max_commits - len(rows.ids)))
    while found := cursor.fetchmany(_CHUNK_ROWS):
        chunk = Rows.of(found)
        _check_ids(chunk.ids, low, high, budget.book)
        if not budget.add(chunk):
            cursor.close()
            fitting = next(at for at in range(len(found)) if not budget.add(chunk.cut(at, at + 1)))
            # The first commit is taken however large it is: it is the server that has to say that it is too large.
            rows.extend(chunk.cut(0, fitting or (0 if rows.ids else 1)))
            return False
        rows.extend(chunk)
        low = chunk.ids[-1] + 1
    if low <= high and len(rows.ids) < max_commits:
        raise budget.book.damaged(f"its row {low} is missing")
    return low > high


def _check_ids(ids: list[int], low: int, high: int, book: ShapeBook) -> None:
    if ids[0] != low or ids[-1] - low + 1 != len(ids):
        known = frozenset(ids)
        missing = next(row_id for row_id in range(low, high + 1) if row_id not in known)
        raise book.damaged(f"its row {missing} is missing")


def _pack(
    rows: Rows,
    book: ShapeBook,
    connection: sqlite3.Connection,
    *,
    origin: uuid.UUID,
    base: int,
    first: int,
    parent: bytes,
    gaps: tuple[Gap, ...],
    last: int | None = None,
) -> Pack:
    try:
        packed = pack_rows(rows, lambda shape_id: book.by_id(connection, shape_id))
    except ValueError as error:
        raise book.damaged(str(error)) from error
    return Pack(
        origin=origin,
        first=first,
        count=(rows.ids[-1] - base if last is None else last) - first + 1,
        parent=parent,
        times=packed.times,
        columns=packed.columns,
        gaps=gaps,
        messages=packed.messages,
    )


def build_sent(connection: sqlite3.Connection, book: ShapeBook, sent: SentPack, *, base: int) -> Pack:
    """Return the pack of a record, in the caller's read transaction."""
    rows = Rows.of([])
    ranges = ((gap.first + base, gap.last + base) for gap in sent.gaps)
    for low, high in holes.complement(sent.first + base, sent.last + base, ranges):
        chunk = Rows.of(connection.execute(_SELECT, (low, high, -1)).fetchall())
        if not chunk.ids:
            raise book.damaged(f"its row {low} is missing")
        _check_ids(chunk.ids, low, high, book)
        if chunk.ids[-1] != high:
            raise book.damaged(f"its row {chunk.ids[-1] + 1} is missing")
        rows.extend(chunk)
    return _pack(
        rows,
        book,
        connection,
        origin=sent.origin,
        base=base,
        first=sent.first,
        parent=sent.parent,
        gaps=sent.gaps,
        last=sent.last,
    )


def rows_between(connection: sqlite3.Connection, book: ShapeBook, origin: origins.Origin, low: int, high: int) -> Pack:
    """Return the rows that there are under the numbers `low` to `high`, set aside or not, as one pack."""
    # The newest row stays where it was thrown away, without content: it is not there.
    there = _SELECT.replace(" ORDER", " AND shape IS NOT NULL ORDER")
    rows = Rows.of(connection.execute(there, (origin.base + low, origin.base + high, -1)).fetchall())
    missing = list(holes.complement(origin.base + low, origin.base + high, ((place, place) for place in rows.ids)))
    return _pack(
        rows,
        book,
        connection,
        origin=uuid.UUID(bytes=origin.uuid),
        base=origin.base,
        first=low,
        parent=origin.acked_hash,
        gaps=tuple(Gap(first - origin.base, last - first + 1, "") for first, last in missing),
        last=high,
    )


# -- gaps -----------------------------------------------------------------------------------------


def gaps_of(found: Iterable[holes.Hole], low: int, high: int, *, base: int) -> tuple[Gap, ...]:
    """Return the gaps that holes make of the ids `low` to `high`."""
    gaps: list[Gap] = []
    for hole in found:
        first, last = max(hole.first, low), min(hole.last, high)
        if first <= last:
            gaps.append(Gap(first - base, last - first + 1, hole.reason[:_MAX_REASON_CHARS]))
    return tuple(gaps if len(gaps) <= _MAX_GAPS else _joined(gaps))


def _joined(gaps: list[Gap]) -> list[Gap]:
    """Make one gap of all that follow each other directly."""
    joined = [gaps[0]]
    for gap in gaps[1:]:
        before = joined[-1]
        if before.last + 1 != gap.first:
            joined.append(gap)
        else:
            reason = before.reason if before.reason == gap.reason else "several reasons"
            joined[-1] = Gap(before.first, before.count + gap.count, reason)
    return joined


def gaps_to_text(gaps: Iterable[Gap]) -> str:
    """Return gaps as the table `packs` has them: a reason that was there before is named by its place among them."""
    places: dict[str, int] = {}
    items = [[gap.first, gap.count, places.setdefault(gap.reason, place)] for place, gap in enumerate(gaps)]
    texts = {place: reason for reason, place in places.items()}
    for place, item in enumerate(items):
        if item[2] == place:
            item[2] = texts[place]  # type: ignore[call-overload]
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))


def text_to_gaps(text: str) -> tuple[Gap, ...]:
    """Undo `gaps_to_text`; `ValueError` where it is nothing of the kind."""
    try:
        items = json.loads(text)
        gaps = tuple(
            Gap(first, count, reason if isinstance(reason, str) else items[reason][2]) for first, count, reason in items
        )
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not all((type(gap.first), type(gap.count), type(gap.reason)) == (int, int, str) for gap in gaps):
        raise ValueError("no gaps")
    return gaps
