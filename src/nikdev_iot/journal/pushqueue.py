"""The journal as the one who pushes sees it: a queue of packs, what is under way, and what was set aside."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from . import origins
from .clock import Clock
from .connection import Database
from .errors import DiskFull
from .lock import hold_push_lock
from .reserve import goes_on_when_full
from .shapes import ShapeBook

if TYPE_CHECKING:
    from nikdev_iot.wire.pack import Pack

    from .identity import Before, Own
    from .records import Acknowledged, RejectedCommit, SentPack

__all__ = ["PushQueue"]

_EPOCH = "epoch"


class PushQueue:
    """The pusher's half of `Journal`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._book = ShapeBook(database.name)
        self._push_lock = threading.Lock()  # where there is no file to lock

    def push_lock(self, timeout_s: float = 0.0) -> AbstractContextManager[None]:
        """Be the only pusher of this journal among all threads and processes, waiting at most `timeout_s` for it.

        Raises:
            PushLocked: another one is pushing.
        """
        path = None if self._database.in_memory else Path(f"{self._database.name}-push")
        return hold_push_lock(path, self._push_lock, name=self._database.name, timeout_s=timeout_s)

    @property
    def acknowledged(self) -> Acknowledged:
        """How far the server has acknowledged the current origin: number and hash, as in its mark."""
        from .records import Acknowledged

        with self._database.plain("read") as connection:
            origin = origins.current(connection)
        return Acknowledged(origin.acked, origin.acked_hash)

    @property
    def newest(self) -> int:
        """The number of the newest commit of the current origin, 0 for none."""
        with self._database.read("read") as connection:
            return origins.last_id(connection) - origins.current(connection).base

    def queued(self, *, up_to: int) -> int:
        """Return how many commits are in the queue whose numbers are at most `up_to`; cheap, however many."""
        from .holes import count

        with self._database.read("read") as connection:
            origin = origins.current(connection)
            low, high = origin.acked_id + 1, min(origin.base + up_to, origins.last_id(connection))
            return high - low + 1 - count(connection, low, high) if low <= high else 0

    @property
    def epoch(self) -> bytes | None:
        """The server's epoch last seen, None before the first answer."""
        with self._database.plain("read") as connection:
            return cast("bytes | None", origins.meta(connection, _EPOCH))

    @goes_on_when_full
    def set_epoch(self, epoch: bytes) -> None:
        """Remember the server's epoch, durably; free where it is the one known."""
        if self.epoch != epoch:
            with self._database.write("remember the server's epoch") as connection:
                origins.set_meta(connection, _EPOCH, epoch)

    def next_pack(
        self,
        *,
        max_commits: int,
        max_bytes: int,
        max_columns: int = 4096,
        behind: tuple[int, bytes] | None = None,
    ) -> Pack | None:
        """Return the next unacknowledged commits, its parent the last acknowledged pack; None where there are none.

        With `behind`, the last number and the hash of a pack in flight, return the pack that will be next once that
        one is acknowledged.

        It has at least one commit, however large; at most `max_commits`, and as many as stay below `max_bytes` of
        content (an upper estimate) and `max_columns`. Rejected and discarded numbers before the last commit are gaps.
        """
        from .nextpack import build_next

        with self._database.read("push") as connection:
            return build_next(
                connection,
                self._book,
                max_commits=max(max_commits, 1),
                max_bytes=max_bytes,
                max_columns=max_columns,
                now_us=self._clock.now_us(),
                behind=behind,
            )

    def newest_queued(self) -> Pack | None:
        """Return the newest queued commit of each of the last shapes, as a pack that is only to be looked at.

        It is not recorded, and no part of the chain (`docs/wire.md`, "Ahead of a backlog"). None where none is queued.
        """
        from .newest import build_newest

        with self._database.read("push") as connection:
            return build_newest(connection, self._book, now_us=self._clock.now_us())

    @goes_on_when_full
    def record_sent(self, pack: Pack, pack_hash: bytes) -> SentPack:
        """Record, durably, that `pack` is about to be sent. Recording it again is harmless.

        Raises:
            StalePack: the queue changed since `next_pack` (another program discarded or restored); take a new one.
        """
        from .sent import record

        with self._database.write("push") as connection:
            return record(connection, pack, pack_hash, at_us=self._clock.now_us(), name=self._database.name)

    def in_flight(self) -> list[SentPack]:
        """Return the packs sent and not settled, oldest first; all begin behind `acknowledged`."""
        from .sent import in_flight

        with self._database.read("push") as connection:
            return in_flight(connection)

    def pack_in_flight(self, sent: SentPack) -> Pack:
        """Return the pack of that record, as it was: its content encodes to the same bytes.

        (An upgrade in between may encode otherwise: compare the hash, and where it differs record it as a new attempt.)
        """
        from .nextpack import build_sent

        with self._database.read("push") as connection:
            return build_sent(connection, self._book, sent, base=origins.current(connection).base)

    @goes_on_when_full
    def settle(self, pack_hash: bytes) -> int:
        """The server has this pack in flight: acknowledge its commits, drop the other attempts; return how many.

        Commits of it that were rejected or discarded meanwhile are acknowledged too; commits that it declared as gaps
        and that were restored meanwhile go back into the queue under new numbers. Settled before: 0.

        Raises:
            JournalError: no such pack was recorded.
        """
        from .sent import settle

        with self._database.write("acknowledge") as connection:
            return settle(connection, pack_hash, at_us=self._clock.now_us(), name=self._database.name)

    # -- what time it is ------------------------------------------------------------------------------------

    @property
    def knows_time(self) -> bool:
        """Whether the true time of this boot's commits is known."""
        from .repair import boot_offset

        with self._database.plain("read") as connection:
            return boot_offset(connection, self._clock.boot_id()) is not None

    def learn_time(self, true_us: int) -> None:
        """It is `true_us` now: keep that, durably, for this boot; free where it is no news.

        The packs that follow have the times of this boot's commits set right, and so does `log`.
        """
        from .repair import boot_offset, is_news

        boot_id, offset_us = self._clock.boot_id(), true_us - self._clock.monotonic_ns() // 1000
        with self._database.plain("read") as connection:
            known_us = boot_offset(connection, boot_id)
        if is_news(known_us, offset_us):
            with suppress(DiskFull):  # the next answer tells it again; what waits may be what the disk is full of
                self._keep_offset(boot_id, offset_us)

    @goes_on_when_full
    def _keep_offset(self, boot_id: str, offset_us: int) -> None:
        from .repair import remember_offset

        with self._database.write("keep what time it is") as connection:
            remember_offset(connection, boot_id, offset_us)

    # -- when journal and server do not continue one another ----------------------------------------------

    def pushed(self, pack_hash: bytes) -> int | None:
        """Return the last number of the acknowledged pack of the current origin with this hash, None for no such."""
        from .identity import pushed

        with self._database.read("push") as connection:
            return pushed(connection, pack_hash)

    @goes_on_when_full
    def rewind(self, number: int, pack_hash: bytes) -> None:
        """The server went back to `number`, the end of the acknowledged pack `pack_hash` (0 and zeros: to nothing).

        What follows is in the queue again; packs in flight are forgotten.
        """
        from .identity import rewind

        with self._database.write("push") as connection:
            rewind(connection, number, pack_hash)

    def digests(self, low: int, high: int) -> list[Own]:
        """Return what there is under each of the numbers `low` to `high` of the current origin, ascending.

        It ends with the newest number. All of them are in memory at once: ask for some thousand at a time.
        """
        from .identity import own_digests

        with self._database.read("push") as connection:
            return own_digests(connection, self._book, low, high)

    @goes_on_when_full
    def adopt(
        self, number: int, mark: tuple[int, bytes], *, held: Collection[int] = (), spent: Collection[int] = ()
    ) -> int:
        """The server, whose mark (number, hash) is `mark`, has all up to `number`; return how many were queued.

        `held` are the numbers of commits that are not in the queue (set aside, thrown away), and that it has as well;
        `spent` those of commits that are in the queue, but that it knows as gaps: these go on under new numbers.
        """
        from .identity import adopt

        with self._database.write("acknowledge") as connection:
            return adopt(connection, number, mark, held=held, spent=spent, at_us=self._clock.now_us())

    @goes_on_when_full
    def fork(
        self,
        first: int,
        origin: uuid.UUID,
        *,
        held: Collection[int] = (),
        stored: Collection[tuple[int, int]] = (),
        spent: Collection[int] = (),
    ) -> int:
        """Go on under another origin, where the commit that is number `first` now is number 1.

        `held` and `spent` are as in `adopt`. Those before it are acknowledged, as are `stored`, ranges of numbers
        behind it; return how many of them were queued. Receipts of those behind it name the old origin, and `log` the
        new one.
        """
        from .identity import fork

        with self._database.write("push") as connection:
            return fork(connection, first, origin, held=held, stored=stored, spent=spent, at_us=self._clock.now_us())

    @property
    def before(self) -> Before | None:
        """The origin that this journal left for the current one; None where there was none."""
        from .identity import before

        with self._database.read("push") as connection:
            return before(connection)

    @goes_on_when_full
    def unfork(self) -> None:
        """Go back to the origin `before`: the server has nothing of the current one, and less of that one than it had.

        How far that one was acknowledged is as it was when it was left; the server's mark tells what it has.
        """
        from .identity import unfork

        with self._database.write("push") as connection:
            unfork(connection)

    @goes_on_when_full
    def drop_sent(self, pack_hash: bytes) -> None:
        """Forget a pack in flight that the server has not stored and never will; unknown hashes are passed over.

        Seldom needed: an attempt that stays recorded does no harm, and goes when another of its start is settled.
        """
        from .sent import drop

        with self._database.write("push") as connection:
            drop(connection, pack_hash)

    @goes_on_when_full
    def set_rejected(self, reasons: Mapping[int, str]) -> int:
        """Set aside unacknowledged commits of the current origin, each with its reason; return how many."""
        from .aside import reject

        with self._database.write("set commits aside") as connection:
            return reject(connection, reasons, at_us=self._clock.now_us())

    @goes_on_when_full
    def set_all_unpushed_rejected(self, reason: str) -> int:
        """Set aside all unpushed commits; return how many. Fast, however many there are."""
        from .aside import reject_all

        with self._database.write("set commits aside") as connection:
            return reject_all(connection, reason, at_us=self._clock.now_us())

    @goes_on_when_full
    def reset_unpushed(self) -> int:
        """Throw away all unpushed commits, by the user's explicit wish; return how many.

        Rejected ones stay. The numbers become a declared gap, "discarded by the user". What a pack under way holds may
        still arrive; then it is acknowledged like any other.
        """
        from .aside import discard_all

        with self._database.write("reset") as connection:
            return discard_all(connection, at_us=self._clock.now_us())

    def rejected(self, *, limit: int | None = None) -> list[RejectedCommit]:
        """Return the commits that were set aside, oldest first."""
        from .history import rejected

        with self._database.read("read") as connection:
            return rejected(connection, limit=limit)

    def restore_rejected(self, numbers: Iterable[int] | None = None) -> int:
        """Queue rejected commits again (all, or those `numbers` of the current origin); return how many.

        A number that the server does not know as a gap yet is kept; else the commit gets a new one, with its own time
        and message.
        """
        from .aside import restore

        with self._database.write("restore") as connection:
            return restore(connection, numbers, at_us=self._clock.now_us())
