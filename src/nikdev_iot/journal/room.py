"""Making room for a commit: first local history goes, then what the policy says, in steps of bounded work.

What a pack under way holds is never touched, nor is the newest commit, whose number must not be given again.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from . import drops, holes, origins, sent
from .budget import StorageLimitReached, StoragePolicy
from .errors import from_os
from .eviction import evict, has_any
from .reserve import checkpoint, missing_bytes

if TYPE_CHECKING:
    from .budget import Budget, Step
    from .connection import Database
    from .shapes import ShapeBook

__all__ = ["RoomKeeper"]

_VACUUM_PAGES = 16
_SLACK_PAGES = 4
"""What a transaction changes beside its rows: an inner page, a hole, a record."""
_SWEEP = "thin_out"
_NOTHING_LEFT = {
    StoragePolicy.REFUSE: "all that is in it waits to be pushed or was set aside",
    StoragePolicy.DROP_OLDEST: "all that is in it is held by a push under way",
    StoragePolicy.THIN_OUT: "all that is in it is held by a push under way, or thinned out already",
}
_FIND = (
    "SELECT id, length(body) + coalesce(length(message), 0) FROM commits AS c "
    "WHERE id BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM holes "
    "WHERE first = (SELECT max(first) FROM holes WHERE first <= c.id) AND last >= c.id AND kind <> 1) "
    "ORDER BY id LIMIT ?"
)


class _Sweep(NamedTuple):
    """How far `thin-out` is, in ids."""

    at: int
    """Up to here."""
    end: int
    """To here it goes."""
    kept: int
    """The last one that was kept; 0 for none."""
    keep_every: int


class RoomKeeper:
    """Keeps one journal within its budget."""

    def __init__(self, budget: Budget, book: ShapeBook, database: Database) -> None:
        self.budget = budget
        self._book = book
        self._database = database
        self._name = database.name
        self._page_bytes = 0
        self._searched = 0
        """Up to this id there is no local history left."""
        self._unlooked = 1 << 62
        self._evict_first = False

    def may_lack(self, connection: sqlite3.Connection, adding_bytes: int) -> bool:
        """Return whether there may be no room for so much more; looks only each time a page has been filled."""
        self._unlooked += adding_bytes
        if self._evict_first:
            return True
        if self._unlooked < self._page_bytes:
            return False
        if self._lacks(connection, adding_bytes) or self._is_too_long(connection):
            return True  # and looks again with the next one, until there is room
        over = self._over_reserve(connection, adding_bytes)
        if over:
            free = self._free_bytes()
            if over > free:
                return True
            # Bring what is in the log into the file as long as there is room for it.
            if 0 < missing_bytes(connection, self._database.path) <= free:
                checkpoint(connection)
        self._unlooked = 0
        return False

    # -- on the disk ----------------------------------------------------------------------------------

    def _over_reserve(self, connection: sqlite3.Connection, adding_bytes: int) -> int:
        """Return how many bytes the file would lack, with so much more, beyond what the reserve has for it."""
        reserve = self._database.reserve
        ahead = None if reserve is None else reserve.ahead_bytes()
        if ahead is None:
            return 0
        more_pages = max(self._lacking_pages(connection, adding_bytes), 0)
        return max(missing_bytes(connection, self._database.path, more_pages=more_pages) - ahead, 0)

    def _lacking_pages(self, connection: sqlite3.Connection, adding_bytes: int) -> int:
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        return self._pages(adding_bytes) - int(free)

    def _free_bytes(self) -> int:
        return 0 if self._database.reserve is None else self._database.reserve.free_bytes()

    def forget(self) -> None:
        """What a transaction that was undone had let go is here again."""
        self._searched = 0

    def evict_first(self, connection: sqlite3.Connection) -> bool:
        """Let local history go for the next commit, after one failed for want of room; return whether there is any."""
        self._evict_first = has_any(connection, 1, self._last_history(connection))
        return self._evict_first

    def _last_history(self, connection: sqlite3.Connection) -> int:
        return min(origins.current(connection).acked_id, origins.last_id(connection) - 1)

    # -- in the file ----------------------------------------------------------------------------------

    def _lacks(self, connection: sqlite3.Connection, adding_bytes: int) -> bool:
        return self._used(connection) + self._pages(adding_bytes) > self.budget.content_pages(self._page_bytes)

    def _pages(self, adding_bytes: int) -> int:
        return adding_bytes // self._page_bytes + _SLACK_PAGES

    def _used(self, connection: sqlite3.Connection) -> int:
        if not self._page_bytes:
            (self._page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        return int(pages) - int(free)

    def _is_too_long(self, connection: sqlite3.Connection) -> bool:
        """Return whether the file could give back what it has beyond the limit, since that was lowered."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        return bool(pages > self.budget.most_pages(self._page_bytes) and pages - self._used(connection))

    def make(self, connection: sqlite3.Connection, adding_bytes: int, *, now_us: Callable[[], int]) -> None:
        """Make room for so much more, in the caller's write transaction.

        A journal that is far above its limit, because that was lowered, comes down step by step with each commit.

        Raises:
            StorageLimitReached: there is none, and the policy does not let enough go.
            DiskFull: the disk has none, and there is no local history that could go.
        """
        evict_first, self._evict_first = self._evict_first, False
        has_gone = evict_first and self._evict(connection, now_us())
        if (
            self._lacks(connection, adding_bytes)
            and self.budget.policy is not None
            and self._pages(adding_bytes) > self.budget.content_pages(self._page_bytes)
        ):
            raise self._error(f"{adding_bytes} bytes at once are too many for it")
        while self._lacks(connection, adding_bytes):
            if has_gone and not self._would_grow(connection, adding_bytes):
                break
            if not self._step(connection, now_us()):
                if self.budget.policy is None:
                    break
                raise self._error(_NOTHING_LEFT[self.budget.policy])
            has_gone = True
        while (over := self._over_reserve(connection, adding_bytes)) and over > self._free_bytes():
            # Of pages that are free already, more would not help.
            if self._lacking_pages(connection, adding_bytes) <= 0 or not self._evict(connection, now_us()):
                self.forget()
                raise from_os(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), path=self._name, operation="commit")
        self._give_back(connection)

    def _would_grow(self, connection: sqlite3.Connection, adding_bytes: int) -> bool:
        """Return whether the file would become larger than it may be, or is."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        most = max(self.budget.most_pages(self._page_bytes), int(pages))
        return self._used(connection) + self._pages(adding_bytes) > most

    def _give_back(self, connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        for _ in range(min(pages - self.budget.most_pages(self._page_bytes), free, _VACUUM_PAGES)):
            # One page with each call: the driver takes one step of a statement that returns no row.
            connection.execute("PRAGMA incremental_vacuum(1)")

    def _error(self, why: str) -> StorageLimitReached:
        return StorageLimitReached(
            f"The journal {self._name} has reached its limit of {self.budget.limit_bytes} bytes: {why}.",
            path=self._name,
            operation="commit",
            hint="Nothing was committed, what was staged still is, and every earlier commit is kept. Push, see to what "
            "was set aside (nikdev rejected), raise storageLimit, or let storagePolicy drop or thin out the oldest.",
        )

    # -- what goes ------------------------------------------------------------------------------------

    def _step(self, connection: sqlite3.Connection, at_us: int) -> bool:
        """Let some commits go; return whether there were any that could."""
        if self._evict(connection, at_us):
            return True
        origin = origins.current(connection)
        newest = origins.last_id(connection)
        if self.budget.policy is StoragePolicy.DROP_OLDEST:
            ids, how = self._waiting(connection, 1, newest - 1, self.budget.step), "dropped, oldest first"
        elif self.budget.policy is StoragePolicy.THIN_OUT:
            ids, keep_every = self._thinned(connection, origin.acked_id, newest - 1)
            how = f"thinned out, 1 in {keep_every} kept"
        else:
            return False
        if ids:
            drops.drop(connection, self._book, ids, how=how, budget=self.budget, acked_id=origin.acked_id, at_us=at_us)
        return bool(ids)

    def _evict(self, connection: sqlite3.Connection, at_us: int) -> bool:
        """Let some local history go; return whether there was any."""
        high = self._last_history(connection)
        if self._searched > high:
            self._searched = 0  # the server went back
        last = evict(connection, self._searched + 1, high, self.budget.step, at_us=at_us)
        self._searched = max(high, 0) if last is None else last
        return last is not None

    @staticmethod
    def _waiting(connection: sqlite3.Connection, low: int, high: int, step: Step, *, least: int = 1) -> list[int]:
        """Return the first ids from `low` to `high` of commits that may be dropped."""
        found: list[tuple[int, int]] = []
        for first, last in [*sent.in_flight_ranges(connection), (high + 1, high + 1)]:
            if low < first:
                found += connection.execute(_FIND, (low, min(first - 1, high), step.rows - len(found))).fetchall()
            low = max(low, last + 1)
        return step.cut(found, least=least)

    def _thinned(self, connection: sqlite3.Connection, acked_id: int, high: int) -> tuple[list[int], int]:
        """Return the next ids to drop, and one in how many is kept.

        A sweep goes from where the last one ended to the commit that is the newest when it begins. When what is left
        of the commits is for the most part thinned out, a sweep begins with the oldest, and keeps one in ten of those.
        """
        step = self.budget.step
        step = step._replace(bytes=2 * step.bytes)
        sweep = _Sweep(*map(int, str(origins.meta(connection, _SWEEP) or "0 0 0 10").split()))
        if sweep.at <= acked_id:
            sweep = _Sweep(acked_id, acked_id, 0, drops.KEEP_EVERY)
        while sweep.keep_every <= 10 * max(high, 1):
            ids = self._waiting(connection, sweep.at + 1, min(sweep.end, high), step, least=drops.KEEP_EVERY)
            if not ids:
                sweep = self._next_sweep(connection, sweep, acked_id, high)
                continue
            dropped, kept = [], sweep.kept
            for row_id in ids:
                if kept and row_id - kept < sweep.keep_every:
                    dropped.append(row_id)
                else:
                    kept = row_id
            sweep = sweep._replace(at=ids[-1], kept=kept)
            if dropped:
                origins.set_meta(connection, _SWEEP, " ".join(map(str, sweep)))
                return dropped, sweep.keep_every
        return [], 0

    @staticmethod
    def _next_sweep(connection: sqlite3.Connection, sweep: _Sweep, acked_id: int, high: int) -> _Sweep:
        waiting = high - acked_id - holes.count(connection, acked_id + 1, high)
        if high - sweep.end > max(waiting // 2, 1):
            return sweep._replace(end=high)
        return _Sweep(acked_id, max(sweep.end, acked_id + 1), 0, sweep.keep_every * drops.KEEP_EVERY)
