"""The journal: the device's durable store of staged values and commits, as one object.

This is the facade, `pushqueue.py` its other half; each concern has its own module beside them.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, cast

from nikdev_iot.model.commits import Receipt
from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import Value

from . import origins, staged
from .budget import Budget, row_bytes, value_bytes
from .clock import SYSTEM_CLOCK, Clock
from .connection import Database
from .errors import DiskFull
from .outcome import Outcome
from .pushqueue import PushQueue
from .reserve import again_with_room
from .succession import holds

if TYPE_CHECKING:
    from .health import Health
    from .records import BulkReceipt, GoneRange, JournalStatus, LogEntry, Problem
    from .room import RoomKeeper
    from .staged import StagedValues, Token

__all__ = ["Journal"]

# One statement, so one transaction and one fsync: it writes nothing where another process has begun a new origin.
_INSERT = (
    "INSERT INTO commits (time_us, mono_ns, boot, shape, body, message) "
    "SELECT ?, ?, ?, ?, ?, ? WHERE (SELECT max(id) FROM origins) = ?"
)
_DEVICE = "device_id"


class Journal(PushQueue):
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
        budget: Budget | None = None,
    ) -> Journal:
        """Open the journal at `path`, making it and its folder where there is none; `":memory:"` keeps it in memory.

        `durability` "full" (the default) means that a commit survives a power cut once `commit` returned. With
        "normal" it survives the end of the process, but a power cut may take the last commits (never damage the
        file); a commit then costs an SD card no wait and less wear.
        `device_id`, where given, ties the journal to that device.
        `busy_timeout_s` is how long to wait for another process that is writing.
        `budget` bounds what the file may take of the disk; it holds for commits by this object.

        Raises:
            JournalError: the path cannot be used, is no journal, is of a newer version, or belongs to another device.
        """
        database = Database(Path(path), durability=durability, busy_timeout_s=busy_timeout_s)
        journal = cls(database, clock)
        if budget is not None and not database.in_memory:
            from .room import RoomKeeper

            journal._room = RoomKeeper(budget, journal._book, database)
            database.most_log_bytes = budget.log_bytes
        try:
            journal._begin(device_id, new_uuid)
            if journal._room is not None and database.reserve is not None:
                database.reserve.make()
        except BaseException:
            database.close()
            raise
        return journal

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use `Journal.open`."""
        super().__init__(database, clock)
        self._boot_row: int | None = None
        self._room: RoomKeeper | None = None
        self.path = database.path

    def _begin(self, device_id: str | None, new_uuid: Callable[[], uuid.UUID]) -> None:
        """Make what a new file lacks, and learn what this object keeps in mind."""
        with self._database.plain("open") as connection:
            known = connection.execute("SELECT count(*) FROM origins").fetchone() != (0,)
            owner = origins.meta(connection, _DEVICE) if known else None
        if not known or (device_id is not None and owner is None):
            with self._database.write("open") as connection:
                if connection.execute("SELECT count(*) FROM origins").fetchone() == (0,):
                    origins.make(connection, uuid=new_uuid().bytes, base=0, at_us=self._clock.now_us())
                owner = origins.meta(connection, _DEVICE)
                if device_id is not None and owner is None:
                    owner = device_id
                    origins.set_meta(connection, _DEVICE, device_id)
        if device_id is not None and str(owner).lower() != device_id.lower():
            raise self._database.error(
                f"belongs to the device {owner}, not to {device_id}",
                operation="open",
                hint="It was left as it is. Give each device a journal of its own (storagePath or storageFilename).",
            )
        with self._database.plain("open") as connection:
            self._know(origins.current(connection))

    @property
    def origin(self) -> uuid.UUID:
        """The identity under which new commits are numbered."""
        with self._database.plain("read") as connection:
            self._know(origins.current(connection))
        return self._known[1]

    def _know(self, origin: origins.Origin) -> None:
        # One assignment: another thread never sees the one without the other.
        self._known = origin, uuid.UUID(bytes=origin.uuid)

    def is_replaced(self) -> bool:
        """Return whether the file was damaged, and another program has put a new journal in its place: open that."""
        return self._database.is_replaced()

    def close(self) -> None:
        """Let go of the file. Idempotent; any call that follows opens it again."""
        self._database.close()

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
        outcome: Outcome | None = None,
    ) -> Receipt:
        """Make one commit and return when it is on disk.

        `values` were checked by `check_field_id` and `check_value`, `message` and `time_us` likewise. Without
        `time_us` it is now, and a wrong clock may be repaired later; a given time is final.
        `unstage` removes the rows that `take_staged` gave out with that token, in the same transaction.
        `outcome` tells whether the commit was made, also where an interrupt keeps this from returning.

        Raises:
            ValueRefused: there are no values.
            StorageLimitReached: it does not fit into the budget, and nothing may go for it. Nothing was committed.
            DiskFull: nothing was committed, and there is no acknowledged commit that could leave for this one.
            JournalError: nothing was committed. Also where another program took over the rows of `unstage`.
        """
        try:
            return self._commit(values, message, time_us, unstage, outcome)
        except DiskFull:
            commit = partial(self._commit, values, message, time_us, unstage, outcome)
        return again_with_room(commit, self._database, self._room)

    def _commit(
        self,
        values: Mapping[str, Value],
        message: str | None,
        time_us: int | None,
        unstage: Token | None,
        outcome: Outcome | None,
    ) -> Receipt:
        shape = self._book.known(values)
        mono_ns: int | None = None
        boot: int | None = None
        if time_us is None:
            time_us, mono_ns, boot = self._clock.now_us(), self._clock.monotonic_ns(), self._boot_row
        if shape is None or (boot is None and mono_ns is not None) or (unstage is not None and unstage.rows):
            return self._commit_with_more(values, message, time_us, mono_ns, unstage, outcome=outcome)
        body = shape.encode(values.values())
        origin, origin_id = self._known
        row = (time_us, mono_ns, boot, shape.id, body, message, origin.id)
        with self._database.plain("commit") as connection:
            if self._room is not None and self._room.may_lack(connection, row_bytes(body, message)):
                done = None
            else:
                done = (
                    connection.execute(_INSERT, row) if outcome is None else outcome.execute(connection, _INSERT, row)
                )
                if done.rowcount == 1 and done.lastrowid is not None:
                    self._database.make_sure("commit", outcome, holds(done.lastrowid, time_us, mono_ns, body, message))
        # Room is to be made first, or there is another origin: nothing was written.
        if done is None or done.rowcount != 1 or done.lastrowid is None:
            return self._commit_with_more(values, message, time_us, mono_ns, unstage, outcome=outcome)
        return Receipt(done.lastrowid - origin.base, origin_id, time_us)

    def _commit_with_more(
        self,
        values: Mapping[str, Value],
        message: str | None,
        time_us: int,
        mono_ns: int | None,
        unstage: Token | None,
        *,
        outcome: Outcome | None,
    ) -> Receipt:
        """Commit with what goes with it: a new shape, a new boot, staged values, another origin than before."""
        if not values:
            raise ValueRefused("A commit without values says nothing.", hint="Nothing was committed.")
        use = self._database.write("commit", outcome)
        with use as connection:
            if self._room is not None:
                size_bytes = sum(map(value_bytes, values.values()))
                self._room.make(connection, size_bytes + row_bytes(b"", message), now_us=self._clock.now_us)
            shape = self._book.add(connection, values)
            boot = None if mono_ns is None else self._find_boot(connection)
            origin = origins.current(connection)
            body = shape.encode(values.values())
            row_id = connection.execute(_INSERT, (time_us, mono_ns, boot, shape.id, body, message, origin.id)).lastrowid
            use.found_in = holds(cast("int", row_id), time_us, mono_ns, body, message)
            if unstage is not None:
                staged.unstage(connection, unstage, name=self._database.name)
        self._book.remember(values, shape)
        self._know(origin)
        if boot is not None:
            self._boot_row = boot
        if unstage is not None:
            unstage.release()
        return Receipt(cast("int", row_id) - origin.base, self._known[1], time_us)

    def _find_boot(self, connection: sqlite3.Connection) -> int:
        boot_id = self._clock.boot_id()
        connection.execute("INSERT OR IGNORE INTO boots (boot_id) VALUES (?)", (boot_id,))
        (row_id,) = connection.execute("SELECT id FROM boots WHERE boot_id = ?", (boot_id,)).fetchone()
        return int(row_id)

    def commit_many(
        self,
        rows: Iterable[tuple[int, Mapping[str, Value], str | None]],
        *,
        import_key: str | None = None,
        again: bool = False,
        progress: Callable[[int], None] | None = None,
        beyond_limit: bool = False,
    ) -> BulkReceipt:
        """Commit all of (time in µs UTC, values, message), in this order, or, on any error, none.

        An error that `rows` raises is passed on. Others can commit while `rows` are read; only the end, which
        puts them into the journal at once, makes them wait. Memory stays constant.
        `import_key` is remembered in the same transaction; `progress` is called with the rows read so far.
        `beyond_limit` takes them over whatever the budget says.

        Raises:
            StorageLimitReached: they do not fit into the budget. Nothing was committed.
            AlreadyImported: `import_key` was remembered before, and not `again`.
        """
        from .bulk import commit_many

        return commit_many(
            self._database,
            rows,
            clock=self._clock,
            import_key=import_key,
            again=again,
            progress=progress,
            room=None if beyond_limit else self._room,
        )

    def import_seen(self, import_key: str) -> BulkReceipt | None:
        """Return the receipt of the last `commit_many` with this key, None where there was none."""
        from .bulk import import_seen

        return import_seen(self._database, import_key)

    # -- staged values of programs that ended ------------------------------------------------------------

    def stage(self, values: Mapping[str, Value], *, outcome: Outcome | None = None) -> None:
        """Put values beside those staged, durably; a field that is staged already gets the new value.

        This is for a program that stages and ends (`nikdev add`); nothing is claimed. `outcome` as in `commit`.
        """
        if values:
            with self._database.write("stage", outcome) as connection:
                staged.stage(connection, self._book, values)

    def take_staged(self) -> StagedValues:
        """Claim all staged values that no running program has claimed, and return them with their token.

        Nothing is removed yet: `commit(unstage=token)`, `save_staged(token=…)` and `drop_staged(token)` do that. The
        rows of a program that died (kill -9) are free for the next one to claim.
        """
        return staged.take(self._database, self._book)

    def save_staged(
        self, values: Mapping[str, Value], *, token: Token | None = None, outcome: Outcome | None = None
    ) -> None:
        """Put `values` in place of what `token` claimed, durably, free for the next program; for a normal end."""
        if not values and (token is None or not token.rows):
            return
        with self._database.write("stage", outcome) as connection:
            staged.save(connection, self._book, values, token, name=self._database.name)
        if token is not None:
            token.release()

    def drop_staged(self, token: Token | None = None, *, outcome: Outcome | None = None) -> None:
        """Remove what `token` claimed; without one, all that no running program has claimed."""
        if token is None:
            token = self.take_staged().token
        if token.rows:
            with self._database.write("reset", outcome) as connection:
                staged.unstage(connection, token, name=self._database.name)
            token.release()

    def peek_staged(self) -> dict[str, Value]:
        """Return all staged values in the journal, claimed or not, without claiming them."""
        with self._database.read("read staged values") as connection:
            return staged.peek(connection, self._book)

    # -- what a person asks -------------------------------------------------------------------------------

    def status(self) -> JournalStatus:
        """Return the journal in numbers; cheap, however long the queue."""
        from .history import status

        with self._database.read("read") as connection:
            return status(
                connection,
                self._book,
                path=None if self._database.in_memory else self.path,
                budget=None if self._room is None else self._room.budget,
            )

    def log(self, *, limit: int, before: int | None = None) -> list[LogEntry]:
        """Return commits, newest first, without their values; `before` is the `id` of the last one seen."""
        from .history import log

        with self._database.read("read") as connection:
            return log(connection, self._book, limit=limit, before=before, now_us=self._clock.now_us())

    def show(self, number: int) -> LogEntry | None:
        """Return commit `number` of the current origin with its values; None where the journal does not hold it."""
        from .history import show

        with self._database.read("read") as connection:
            return show(connection, self._book, number, now_us=self._clock.now_us())

    def health(self, *, within_s: float) -> Health:
        """Find out whether the journal can be written, and look at the file for at most `within_s`; writes nothing.

        Raises:
            JournalError: it cannot be written (read-only, locked by another program), or not be read.
        """
        from .health import look

        with self._database.write("write"):
            pass  # an empty transaction: it needs the right to write, and leaves no trace
        with self._database.plain("check") as connection:
            return look(connection, within_s=within_s)

    def gone(self, low: int, high: int) -> list[GoneRange]:
        """Return what became of those of the ids `low` to `high` whose commits are no longer here, newest first."""
        from .history import gone

        with self._database.read("read") as connection:
            return gone(connection, low, high)

    def gone_number(self, number: int) -> GoneRange | None:
        """Return what became of commit `number` of the current origin; None where it is here, or never was."""
        from .history import gone

        with self._database.read("read") as connection:
            row_id = number + origins.current(connection).base
            found = gone(connection, row_id, row_id) if number > 0 else []
        return found[0] if found else None

    def check(self) -> list[Problem]:
        """Read everything and return what is wrong with it; empty when all is well."""
        from .check import check

        with self._database.plain("check") as connection:
            return check(connection, self._book)
