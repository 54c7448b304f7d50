"""Saving what can be read of a damaged journal: the file is set aside, and its commits go into a new one.

Ids, origin and what the server acknowledged stay as they were, as far as they can be read; so a commit that the server
has is known again by its digest and is not stored twice. Numbers whose commits cannot be read become a declared gap.
The damaged file is never changed.
"""

from __future__ import annotations

import sqlite3
import tempfile
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from nikdev_iot.model.errors import JournalError
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US

from . import holes, origins
from .copying import copy_whole, held_open
from .emptied import give_a_page, has_nothing, is_emptied
from .errors import from_os
from .holes import Hole, HoleKind
from .leaves import leaf_rows
from .lock import real_path
from .migrations import migrate
from .replacement import draft_prefix, is_saved, put_in_place, remove_drafts, saved_path, sync, taking_turns
from .shapes import ShapeBook
from .succession import note

__all__ = ["Salvage", "salvage"]

_LOST = "lost: the journal was damaged"
_DROPS = (
    "id", "first", "last", "commits", "vals", "from_us", "to_us", "began_us", "ended_us", "policy", "limit_bytes",
    "reason",
)  # fmt: skip
_CHUNK = 1_024
_COMMIT_COLUMNS = 7
_LONGEST_RANGE = 16_384
"""Of what is read again in halves, where one of its rows cannot be read."""
_MOST_FAILURES = 50_000
"""Reads that fail, before what is left of a range is given up: a file of rubbish shall not take for ever."""
_LEAST_ROW_BYTES = 8
"""What a commit takes at least: bounds the ids that a file can hold."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """What became of a damaged journal."""

    aside: Path
    """Where the damaged file lies now, as it was."""
    commits: int
    """Read and kept."""
    lost: int
    """Numbers whose commits could not be read, as far as it is known that there were any."""
    staged: int
    """Staged values kept."""
    knows_origin: bool
    """False: the new journal has a new identity, and what the server has already may be stored there a second time."""
    was_empty: bool = False
    """Whether the file had nothing in it; then what was saved comes from the log beside it."""

    def __str__(self) -> str:
        begin = f"The journal was damaged and has been set aside as {self.aside}. "
        if self.was_empty:
            begin = (
                "The journal's file was empty (0 bytes: a fault of the disk, or a power cut), though there was a "
                f"journal before; it has been set aside as {self.aside}. "
            )
            if not self.knows_origin and not self.commits:
                return (
                    f"{begin}What was pushed is on the server; commits that were not pushed are lost, unless there is "
                    "a copy of the file. New commits go into a new journal."
                )
        if not self.knows_origin and not self.commits:
            return (
                f"{begin}Nothing in it could be read, not even how many commits there were. What was pushed is on the "
                "server; what was not is in that file alone: keep it. New commits go into a new journal."
            )
        text = f"{begin}{self.commits} commits were saved from it, {self.lost} could not be read."
        if not self.knows_origin:
            text += " Which of them were pushed could not be read either: the server may get some of them twice."
        return text


def salvage(
    path: Path,
    *,
    now_us: int,
    new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
    wait_s: float = 30.0,
    only_emptied: bool = False,
) -> Salvage | None:
    """Set the file at `path` aside and make a new journal of what can be read of it; None where another program did.

    A crash at any moment leaves either the damaged file at `path`, with its log, or a new one that is whole and that
    `replacement.finish` puts there. Where another program is at it, `wait_s` is how long to wait for that. With
    `only_emptied`, nothing is done where `is_emptied` does not hold (any more).

    Raises:
        JournalError: there is no room for the new file, or the folder cannot be written.
    """
    path = real_path(path)
    try:
        before = _identity(path)
        with taking_turns(path, wait_s=wait_s) as is_ours:
            if not is_ours or _identity(path) != before or (only_emptied and not is_emptied(path)):
                return None
            if is_saved(path):
                put_in_place(path)
                return None
            with nullcontext() if has_nothing(path) else held_open(path):  # to open it would remove its log
                return _salvage(path, before, now_us=now_us, new_uuid=new_uuid)
    except OSError as error:
        raise from_os(error, path=str(path), operation="save what can be read of it") from error
    except sqlite3.Error as error:
        raise JournalError(
            f"What can be read of the damaged journal {path} could not be saved: {error}.",
            path=str(path),
            operation="salvage",
            hint="The damaged file was left as it is. Make room on the disk and try again.",
        ) from error


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _salvage(path: Path, file: tuple[int, int], *, now_us: int, new_uuid: Callable[[], uuid.UUID]) -> Salvage:
    remove_drafts(path)
    with ExitStack() as opened:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=draft_prefix(path)) as folder:
            copy, fresh = Path(folder) / path.name, Path(folder) / "new"
            copy_whole(path, copy, opened)
            if was_empty := has_nothing(copy):
                give_a_page(copy)
            with closing(sqlite3.connect(fresh, isolation_level=None)) as target:
                fresh.chmod(0o600)
                migrate(target, path=str(fresh))
                target.execute("BEGIN IMMEDIATE")
                saved = _Saver(_reader(copy), target, copy=copy, now_us=now_us).run(new_uuid)
                note(target, file)
                target.execute("COMMIT")
            sync(fresh)
            fresh.rename(saved_path(path))
            sync(path.parent)
        aside = put_in_place(path)
    commits, lost, staged, knows_origin = saved
    return Salvage(aside, commits, lost, staged, knows_origin, was_empty)


def _reader(copy: Path) -> sqlite3.Connection | None:
    try:
        connection = sqlite3.connect(copy, isolation_level=None)
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # of the copy: its pages are looked at one by one, too
    except sqlite3.Error:
        return None
    return connection


class _Saver:
    """Copies what can be read, table by table."""

    def __init__(
        self, source: sqlite3.Connection | None, target: sqlite3.Connection, *, copy: Path, now_us: int
    ) -> None:
        self._source = source
        self._target = target
        self._copy = copy
        self._now_us = now_us
        self._failures = 0

    def run(self, new_uuid: Callable[[], uuid.UUID]) -> tuple[int, int, int, bool]:
        for table, columns in (
            ("meta", "key, value"),
            ("shapes", "id, spec"),
            ("boots", "id, boot_id"),
            ("origins", "id, uuid, base, acked, acked_hash, created_us"),
            ("imports", "key, origin, first, count, at_us"),
            ("drops", ", ".join(_DROPS)),
        ):
            for row in self._rows(f"SELECT {columns} FROM {table}"):  # noqa: S608 - our own names
                self._put(table, columns, row)
        for row in self._rows("SELECT boot_id, offset_us FROM boots WHERE offset_us IS NOT NULL"):
            self._target.execute("UPDATE boots SET offset_us = ? WHERE boot_id = ?", (row[1], row[0]))
        knows_origin = self._target.execute("SELECT count(*) FROM origins").fetchone() != (0,)
        if not knows_origin:
            origins.make(self._target, uuid=new_uuid().bytes, base=0, at_us=self._now_us)
        commits = self._commits()
        self._holes()
        lost = self._fill()
        self._packs()
        return commits, lost, self._staged(), knows_origin

    def _rows(self, statement: str, *parameters: Any) -> Iterator[Any]:
        """Yield rows up to the first that cannot be read."""
        if self._source is None:
            return
        try:
            yield from self._source.execute(statement, parameters)
        except (sqlite3.Error, OverflowError, ValueError):
            return

    def _put(self, table: str, columns: str, row: Any) -> bool:
        statement = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({','.join('?' * len(row))})"  # noqa: S608 - ours
        try:
            return self._target.execute(statement, row).rowcount == 1
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError):
            return False

    def _commits(self) -> int:
        """Copy the commits that are whole, around those that cannot be read."""
        book, count = ShapeBook("salvage"), 0
        most = max(self._copy.stat().st_size // _LEAST_ROW_BYTES, 1)
        for low, high in _ranges(1, most):
            for row in self._between(low, high):
                count += self._keep(book, row)
        for row in self._astray(most):
            count += self._keep(book, row)
        return count

    def _keep(self, book: ShapeBook, row: Any) -> bool:
        columns = "id, time_us, mono_ns, boot, shape, body, message"
        return self._is_whole(book, row) and self._put("commits", columns, row) and row[4] is not None

    def _astray(self, most: int) -> Iterator[Any]:
        """Yield what lies on pages that SQLite finds no way to, without what pages set free still hold of commits."""
        if self._source is None:
            return
        known = sorted(
            [
                *_runs(self._target),
                *(
                    (first, last)
                    for first, last, kind in self._rows("SELECT first, last, kind FROM holes")
                    if kind in holes.GONE and type(first) is int and type(last) is int
                ),
            ]
        )

        def wanted(row_id: int) -> bool:
            at = bisect_right(known, (row_id, most))
            return 0 < row_id <= most and not (at and known[at - 1][1] >= row_id)

        with suppress(sqlite3.Error, OSError), self._copy.open("rb") as file:
            (page_bytes,) = self._source.execute("PRAGMA page_size").fetchone()
            for row_id, values in leaf_rows(file, page_bytes=page_bytes, columns=_COMMIT_COLUMNS, wanted=wanted):
                yield (row_id, *values[1:])

    def _between(self, low: int, high: int) -> Iterator[Any]:
        """Yield the rows of a range of ids; where that fails, those of its halves, some a second time."""
        if self._source is None:
            return
        try:
            # One by one: all at once, a journal that is long would not fit into a small device's memory.
            yield from self._source.execute(
                "SELECT id, time_us, mono_ns, boot, shape, body, message FROM commits WHERE id BETWEEN ? AND ?",
                (low, high),
            )
        except (sqlite3.Error, OverflowError, ValueError):
            self._failures += 1
            if low == high or self._failures > _MOST_FAILURES:
                return
            middle = (low + high) // 2
            yield from self._between(low, middle)
            yield from self._between(middle + 1, high)

    def _is_whole(self, book: ShapeBook, row: Any) -> bool:
        row_id, time_us, mono_ns, boot, shape_id, body, message = row
        if not (type(row_id) is int and row_id > 0 and type(time_us) is int and MIN_TIME_US <= time_us <= MAX_TIME_US):
            return False
        if not all(item is None or type(item) is int for item in (mono_ns, boot)):
            return False
        if message is not None and (type(message) is not str or "\ufffd" in message):
            return False
        if shape_id is None:
            return bool(body == b"")
        try:
            values = book.by_id(self._target, shape_id).decode(body).values()
        except (JournalError, ValueError, TypeError):
            return False
        return all(isfinite(value) for value in values if type(value) is float)

    def _holes(self) -> None:
        end = 0
        for first, last, kind, reason, at_us in self._rows(
            "SELECT first, last, kind, reason, at_us FROM holes ORDER BY first"
        ):
            numbers = (first, last, kind, at_us)
            if all(type(item) is int for item in numbers) and end < first <= last and kind in tuple(HoleKind):
                holes.put(self._target, Hole(first, last, HoleKind(kind), str(reason), at_us))
                end = last
        # Holes that a record of drops speaks of, in a file that has such: as they were, which joined nothing.
        for first, last, record in self._rows("SELECT first, last, record FROM holes WHERE record IS NOT NULL"):
            if type(record) is int:
                self._target.execute(
                    "UPDATE holes SET record = ? WHERE first = ? AND last = ? "
                    "AND EXISTS (SELECT 1 FROM drops WHERE id = ?)",
                    (record, first, last, record),
                )

    def _fill(self) -> int:
        """Declare what is missing, and see to it that no number is given again; return how many were lost."""
        origin = origins.current(self._target)
        newest = origins.last_id(self._target)
        reach = max(newest, origin.acked_id)
        with suppress(sqlite3.Error, TypeError):
            (last,) = self._target.execute("SELECT coalesce(max(last), 0) FROM holes").fetchone()
            reach = max(reach, last)
        if reach > newest:  # an empty row: its id must never be given again
            self._put("commits", "id, time_us, body", (reach, self._now_us, b""))
        there = [(low, high) for low, high in _runs(self._target) if low <= newest]
        # The empty row stands alone, behind what was lost with it, or directly behind the newest commit.
        there = [(low, min(high, newest)) for low, high in there]
        lost = 0
        for low, high in list(holes.complement(1, reach, there)):
            holes.carve(self._target, low, high, (HoleKind.REJECTED, HoleKind.DISCARDING, HoleKind.STORED))
            for first, last in holes.queue(self._target, low, high):
                holes.put(self._target, Hole(first, last, HoleKind.DISCARDED, _LOST, self._now_us))
                lost += last - first + 1
        return lost

    def _packs(self) -> None:
        """Keep the chain of packs as far as it is whole; what the server acknowledged stays so."""
        for row in self._target.execute("SELECT id, uuid, base, acked, acked_hash FROM origins ORDER BY id").fetchall():
            origin = origins.Origin(*row)
            columns = "id, origin, first, count, hash, parent, gaps, sent_us, settled_us"
            expected, parent = 1, origins.NO_PACK
            kept = []
            for pack in self._rows(
                f"SELECT {columns} FROM packs WHERE origin = ? AND settled_us IS NOT NULL ORDER BY first",  # noqa: S608
                origin.id,
            ):
                _, _, first, count, pack_hash, named, *_ = pack
                if (first, named) != (expected, parent) or type(count) is not int or first + count - 1 > origin.acked:
                    break
                kept.append(pack)
                expected, parent = first + count, pack_hash
            for pack in kept:
                self._put("packs", columns, pack)
            if expected <= origin.acked:
                self._put(
                    "packs",
                    "origin, first, count, hash, parent, gaps, sent_us, settled_us",
                    (
                        origin.id,
                        expected,
                        origin.acked - expected + 1,
                        origin.acked_hash,
                        parent,
                        "[]",
                        0,
                        self._now_us,
                    ),
                )

    def _staged(self) -> int:
        book, count = ShapeBook("salvage"), 0
        for shape_id, body in self._rows("SELECT shape, body FROM staged ORDER BY id"):
            try:
                values = book.by_id(self._target, shape_id).decode(body)
            except (JournalError, ValueError, TypeError):
                continue
            if self._put("staged", "shape, body", (shape_id, body)):
                count += len(values)
        return count


def _ranges(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield ranges that grow: a file has its first ids, and most often not many."""
    step = _CHUNK
    while low <= high:
        yield low, min(low + step - 1, high)
        low += step
        step = min(2 * step, _LONGEST_RANGE)


def _runs(connection: sqlite3.Connection) -> Iterator[tuple[int, int]]:
    """Yield the runs of ids that there are."""
    begin = end = 0
    for (row_id,) in connection.execute("SELECT id FROM commits ORDER BY id"):
        if row_id != end + 1:
            if end:
                yield begin, end
            begin = row_id
        end = row_id
    if end:
        yield begin, end
