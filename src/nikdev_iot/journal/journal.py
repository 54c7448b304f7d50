"""The journal: the device's durable store of staged values and commits, as one object.

This is the facade; each concern has its own module beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from nikdev_iot.model.commits import Receipt
from nikdev_iot.model.values import Value

from .clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from nikdev_iot.wire.pack import Pack

    from .records import Acknowledged, BulkReceipt, JournalStatus, LogEntry, Problem, RejectedCommit, SentPack
    from .staged import StagedValues, Token

__all__ = ["Journal"]


class Journal:
    """One journal file; usable from several threads and, each with a `Journal` of its own, several processes.

    A child made by `os.fork` may go on with its parent's object: it opens the file anew by itself.
    Every method raises `JournalError` where the file does not let it do its work; nothing is half done then, and the
    object stays usable (once there is room on the disk again, for one).
    """

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        device_id: str | None = None,
        durability: Literal["full", "normal"] = "full",
        clock: Clock = SYSTEM_CLOCK,
        new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
        busy_timeout_s: float = 30.0,
    ) -> Journal:
        """Open the journal at `path`, making it and its folder where there is none; `":memory:"` keeps it in memory.

        `durability` "full" (the default) means that a commit survives a power cut once `commit` returned. With
        "normal" it survives the end of the process, but a power cut may take the last commits (never damage the
        file); a commit then costs an SD card no wait and less wear.
        `device_id`, where given, ties the journal to that device.
        `busy_timeout_s` is how long to wait for another process that is writing.

        Raises:
            JournalError: the path cannot be used, is no journal, is of a newer version, or belongs to another device.
        """
        raise NotImplementedError

    path: Path

    @property
    def origin(self) -> uuid.UUID:
        """The identity under which new commits are numbered."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file. Idempotent; any call that follows opens it again."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- commits --------------------------------------------------------------------------------------

    def commit(
        self,
        values: Mapping[str, Value],
        *,
        message: str | None = None,
        time_us: int | None = None,
        unstage: Token | None = None,
    ) -> Receipt:
        """Make one commit and return when it is on disk.

        `values` were checked by `check_field_id` and `check_value`, `message` and `time_us` likewise. Without
        `time_us` it is now, and a wrong clock may be repaired later; a given time is final.
        `unstage` removes the rows that `take_staged` gave out with that token, in the same transaction.

        Raises:
            ValueRefused: there are no values.
            JournalError: nothing was committed. Also where another program took over the rows of `unstage`.
        """
        raise NotImplementedError

    def commit_many(
        self,
        rows: Iterable[tuple[int, Mapping[str, Value], str | None]],
        *,
        import_key: str | None = None,
        again: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> BulkReceipt:
        """Commit all of (time in µs UTC, values, message), in this order, or, on any error, none.

        An error that `rows` raises is passed on. Others can commit while `rows` are read; only the end, which
        puts them into the journal at once, makes them wait. Memory stays constant.
        `import_key` is remembered in the same transaction; `progress` is called with the rows read so far.

        Raises:
            AlreadyImported: `import_key` was remembered before, and not `again`.
        """
        raise NotImplementedError

    def import_seen(self, import_key: str) -> BulkReceipt | None:
        """Return the receipt of the last `commit_many` with this key, None where there was none."""
        raise NotImplementedError

    # -- staged values of programs that ended ------------------------------------------------------------

    def stage(self, values: Mapping[str, Value]) -> None:
        """Put values beside those staged, durably; a field that is staged already gets the new value.

        This is for a program that stages and ends (`nikdev add`); nothing is claimed.
        """
        raise NotImplementedError

    def take_staged(self) -> StagedValues:
        """Claim all staged values that no running program has claimed, and return them with their token.

        Nothing is removed yet: `commit(unstage=token)`, `save_staged(token=…)` and `drop_staged(token)` do that. The
        rows of a program that died (kill -9) are free for the next one to claim.
        """
        raise NotImplementedError

    def save_staged(self, values: Mapping[str, Value], *, token: Token | None = None) -> None:
        """Put `values` in place of what `token` claimed, durably, free for the next program; for a normal end."""
        raise NotImplementedError

    def drop_staged(self, token: Token | None = None) -> None:
        """Remove what `token` claimed; without one, all that no running program has claimed."""
        raise NotImplementedError

    def peek_staged(self) -> dict[str, Value]:
        """Return all staged values in the journal, claimed or not, without claiming them."""
        raise NotImplementedError

    # -- what a person asks -------------------------------------------------------------------------------

    def status(self) -> JournalStatus:
        """Return the journal in numbers; cheap, however long the queue."""
        raise NotImplementedError

    def log(self, *, limit: int, before: int | None = None) -> list[LogEntry]:
        """Return commits, newest first, without their values; `before` is the `id` of the last one seen."""
        raise NotImplementedError

    def show(self, number: int) -> LogEntry | None:
        """Return commit `number` of the current origin with its values; None where the journal does not hold it."""
        raise NotImplementedError

    def reset_unpushed(self) -> int:
        """Throw away all unpushed commits, by the user's explicit wish; return how many.

        Rejected ones stay. The numbers become a declared gap, "discarded by the user". What a pack under way holds may
        still arrive; then it is acknowledged like any other.
        """
        raise NotImplementedError

    def rejected(self, *, limit: int | None = None) -> list[RejectedCommit]:
        """Return the commits that were set aside, oldest first."""
        raise NotImplementedError

    def restore_rejected(self, numbers: Iterable[int] | None = None) -> int:
        """Queue rejected commits again (all, or those `numbers` of the current origin); return how many.

        A number that the server does not know as a gap yet is kept; else the commit gets a new one, with its own time
        and message.
        """
        raise NotImplementedError

    def check(self) -> list[Problem]:
        """Read everything and return what is wrong with it; empty when all is well."""
        raise NotImplementedError

    # -- for the one who pushes -------------------------------------------------------------------------

    def push_lock(self, timeout_s: float = 0.0) -> AbstractContextManager[None]:
        """Be the only pusher of this journal among all threads and processes, waiting at most `timeout_s` for it.

        Raises:
            PushLocked: another one is pushing.
        """
        raise NotImplementedError

    @property
    def acknowledged(self) -> Acknowledged:
        """How far the server has acknowledged the current origin: number and hash, as in its mark."""
        raise NotImplementedError

    @property
    def epoch(self) -> bytes | None:
        """The server's epoch last seen, None before the first answer."""
        raise NotImplementedError

    def set_epoch(self, epoch: bytes) -> None:
        """Remember the server's epoch, durably; free where it is the one known."""
        raise NotImplementedError

    def next_pack(self, *, max_commits: int, max_bytes: int, max_columns: int = 4096) -> Pack | None:
        """Return the next unacknowledged commits, its parent the last acknowledged pack; None where there are none.

        It has at least one commit, however large; at most `max_commits`, and as many as stay below `max_bytes` of
        content (an upper estimate) and `max_columns`. Rejected and discarded numbers before the last commit are gaps.
        """
        raise NotImplementedError

    def record_sent(self, pack: Pack, pack_hash: bytes) -> SentPack:
        """Record, durably, that `pack` is about to be sent. Recording it again is harmless.

        Raises:
            StalePack: the queue changed since `next_pack` (another program discarded or restored); take a new one.
        """
        raise NotImplementedError

    def in_flight(self) -> list[SentPack]:
        """Return the packs sent and not settled, oldest first; all begin behind `acknowledged`, attempts at one start."""
        raise NotImplementedError

    def pack_in_flight(self, sent: SentPack) -> Pack:
        """Return the pack of that record, as it was: its content encodes to the same bytes.

        (An upgrade in between may encode otherwise: compare the hash, and where it differs record it as a new attempt.)
        """
        raise NotImplementedError

    def settle(self, pack_hash: bytes) -> int:
        """The server has this pack in flight: acknowledge its commits, drop the other attempts; return how many commits.

        Commits of it that were rejected or discarded meanwhile are acknowledged too; commits that it declared as gaps
        and that were restored meanwhile go back into the queue under new numbers. Settled before: 0.

        Raises:
            JournalError: no such pack was recorded.
        """
        raise NotImplementedError

    def drop_sent(self, pack_hash: bytes) -> None:
        """Forget a pack in flight that the server has not stored and never will; unknown hashes are passed over.

        Seldom needed: an attempt that stays recorded does no harm, and goes when another of its start is settled.
        """
        raise NotImplementedError

    def set_rejected(self, reasons: Mapping[int, str]) -> int:
        """Set aside unacknowledged commits of the current origin, each with its reason; return how many are newly so."""
        raise NotImplementedError

    def set_all_unpushed_rejected(self, reason: str) -> int:
        """Set aside all unpushed commits; return how many. Fast, however many there are."""
        raise NotImplementedError
