"""`Api`: what a program on a device uses."""

from __future__ import annotations

import os
import threading
import time as _time
import weakref

from nikdev_iot.model.values import check_field_id, check_message, check_value

from .config import Config
from .forks import renewed_in_children
from .staging import Staging
from .values import FieldValue

TYPE_CHECKING = False  # urllib3, CBOR, SQLite and `typing` come when they are needed: see tests/test_init.py
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Self

    from nikdev_iot.journal.records import GoneRange, LogEntry, RejectedCommit
    from nikdev_iot.model.commits import Receipt
    from nikdev_iot.model.times import TimeLike
    from nikdev_iot.model.values import Value

    from .auto_push import AutoPush, PushState
    from .connection import ConnectionReport, Step
    from .fetch import Aggregate, Every
    from .push import Pusher, PushProgress, PushReport
    from .series import History
    from .status import Status
    from .transport import Transport

__all__ = ["Api"]


class Api:
    """One device, as git for its readings: `add_value` stages, `commit` keeps, `push` sends, `fetch` reads back.

    A complete superset of the `Api` of 0.5.5. Usable from several threads. Two objects share nothing but a journal.
    Nothing is opened before it is needed. Values that were added and not committed are kept when the object is closed,
    collected, or the program ends, and go into the next commit of the next program, unless `stageUncommittedValues` is
    False; commits survive everything, unless `stageUnpushedEntries` is False.
    """

    def __init__(self, config: Mapping[str, Any] | Config | None = None) -> None:
        """Take a dict with the keys of 0.5.5, all of them optional.

        `deviceId` and `apiKey`; `baseUrl` (default: the environment's `NIKDEV_URL`, else this machine);
        `requestTimeout` in seconds (default 10), for each request as a whole (what it sends is given a second more
        per 2 KiB, a page of history 30 times as long); `storagePath` and `storageFilename`, where the journal lies
        (default: in the user's data folder, one for each device); `stageUncommittedValues` and `stageUnpushedEntries`,
        see above.
        With `autoPush`, commits are pushed in the background, at most each `pushInterval` seconds (default 1), at most
        `pushBytesPerSecond` in the mean; a failure is tried again after a while, longer each time, and `push_state`
        tells how it stands. While a backlog goes out, the server shows the newest values ahead of it. Closing sends
        what was just committed, and takes at most `requestTimeout` and a second.
        New is `durability`: `"full"` (the default), or `"normal"`, with which a power cut may take the last commits.
        `storageLimit` is how many bytes the journal may take of the disk (default: no limit for what was not pushed;
        pushed commits leave it beyond 1 GB). At the limit pushed commits leave, the oldest first; when none are left,
        `storagePolicy` says what happens: `"refuse"` (the default: `commit` raises), `"drop-oldest"`, or `"thin-out"`,
        which keeps every tenth commit of the oldest, then every hundredth. What is dropped is declared to the server
        as a gap.

        Raises:
            ConfigError: an unknown key, or a value that cannot be used. Credentials are looked at when they are needed.
        """
        self._config = config if isinstance(config, Config) else Config.from_dict(config)
        self._store = Staging(self._config)
        renewed_in_children(self, Api._make_lock)
        self._pusher: Pusher | None = None
        self._transport: Transport | None = None
        self._transport_pid = 0
        # Runs when the object is collected, and at the end of the program; it must not hold on to `self`.
        self._finalizer = weakref.finalize(self, Staging.finish, self._store)
        self._auto_push: AutoPush | None = None
        if self._config.auto_push:
            self._begin_auto_push()

    def _begin_auto_push(self) -> None:
        from .auto_push import AutoPush

        self._auto_push = AutoPush(self._config, self._store.commits, now_us=_now_us)
        self._auto_push.start()
        # Before `Staging.finish`: what is made last is called first.
        weakref.finalize(self, AutoPush.end, self._auto_push)

    @property
    def push_state(self) -> PushState | None:
        """How pushing in the background stands; None without `autoPush`."""
        return None if self._auto_push is None else self._auto_push.state

    def _make_lock(self) -> None:
        self._lock = threading.Lock()

    @classmethod
    def from_credentials(cls, device_id: str, api_key: str, **options: Any) -> Self:
        """Make an `Api` from credentials; `options` are other keys of the configuration."""
        return cls({**options, "deviceId": device_id, "apiKey": api_key})

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self._config

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            if self._auto_push is not None:
                self._auto_push.end()
            self._disconnect()
            self._store.end()  # an error is on its way already, and is not to be hidden by another

    def __repr__(self) -> str:
        return f"<Api of device {self._config.device_id} at {self._config.base_url}>"

    def close(self) -> None:
        """Keep staged values for the next program, and let go of files and connections.

        Idempotent; the object opens again what a later call needs.

        Raises:
            JournalError: staged values could not be kept; they still are staged here.
        """
        if self._auto_push is not None:
            self._auto_push.stop()
        self._disconnect()
        self._store.close()

    def _disconnect(self) -> None:
        with self._lock:
            transport, self._transport = self._transport, None
            self._pusher = None
        if transport is not None:
            transport.close()

    # -- storing data ---------------------------------------------------------------------------------

    def add_value(self, field_id: str, value: Any) -> FieldValue:
        """Stage a value for the next commit; a value staged before for the same field is replaced.

        Float, int, bool and text are kept exactly, NumPy and pandas scalars where their meaning is exact.

        Raises:
            ValueRefused: nothing was staged; the message names field and value.
        """
        field_id = check_field_id(field_id)
        value = check_value(field_id, value)
        self._store.add(field_id, value)
        return FieldValue(field_id, value)

    def commit(self, message: str | None = None, time: TimeLike | None = None) -> Receipt | None:
        """Lock the staged values together and return when they are on disk; None where nothing is staged.

        `time` is when they were measured (default now): an aware datetime, an ISO 8601 text with offset, or seconds
        since 1970-01-01 UTC.

        Raises:
            ValueRefused: message or time cannot be kept. The values are still staged.
            JournalError: the journal could not keep them (`StorageLimitReached`: it is full). The values are still
                staged.
            ConfigError: it is not known which journal, because the device ID is missing or cannot be right.
        """
        from nikdev_iot.model.errors import ValueRefused

        time_us = None
        try:
            check_message(message)
            if time is not None:
                from nikdev_iot.model.times import to_time_us

                time_us = to_time_us(time)
        except ValueRefused as error:
            hint = f"{error.hint} Nothing was committed, and what is staged stays staged.".strip()
            raise ValueRefused(error.message, field_id=error.field_id, hint=hint) from None
        receipt = self._store.commit(message, time_us)
        if self._auto_push is not None and receipt is not None:
            self._auto_push.notice()
        return receipt

    def push(self, progress: Callable[[PushProgress], None] | None = None) -> PushReport:
        """Send all commits that were not sent yet; returns when the server has acknowledged them, exactly once each.

        `progress` is called after each pack. Without anything to send, nothing is asked of the server.

        Raises:
            PushException: `retained_data` says whether the commits are still queued (no connection, timeout, server
                fault) or, where the server refused the credentials, were set aside, for `restore_rejected()`.
            JournalError: the journal could not be read or written.
        """
        from nikdev_iot.model.errors import ConfigError, JournalError

        from .push import PushConfigError

        try:
            pusher = self._open_pusher()
        except ConfigError as error:
            raise PushConfigError(error.message, retained_data=True, hint=error.hint) from error
        try:
            return pusher.push(progress=progress)
        except JournalError as error:
            self._store.recover(error)
            return self._open_pusher().push(progress=progress)

    def commit_and_push(
        self,
        message: str | None = None,
        time: TimeLike | None = None,
        progress: Callable[[PushProgress], None] | None = None,
    ) -> Receipt | None:
        """`commit`, then `push`; returns the commit's receipt, None where nothing was staged."""
        receipt = self.commit(message, time)
        self.push(progress)
        return receipt

    def reset(self) -> None:
        """Delete all staged values, those kept from an earlier program too."""
        self._store.reset()

    def reset_unpushed_entries(self) -> int:
        """Delete all commits that were not pushed, for good, and return how many.

        Those that were set aside stay. What a push under way has sent may still arrive.
        """
        return self._store.commits().reset_unpushed()

    # -- looking at it ------------------------------------------------------------------------------------

    def staged(self) -> dict[str, Value]:
        """Return what is staged, by Field ID: in this object, and kept from earlier programs."""
        return self._store.staged()

    def status(self) -> Status:
        """Return how much is staged, unpushed and set aside, and where."""
        from .status import Status

        journal = self._store.commits()
        return Status.of(journal.status(), staged=len(self._store.staged()), journal_path=str(journal.path))

    def log(self, limit: int = 20, before: int | None = None) -> list[LogEntry]:
        """Return commits, newest first, without their values; `before` is the `id` of the last one seen."""
        return self._store.commits().log(limit=limit, before=before)

    def show(self, number: int) -> LogEntry | None:
        """Return one commit with its values; None where the journal does not hold it."""
        return self._store.commits().show(number)

    def gone(self, number: int) -> GoneRange | None:
        """Return what became of a commit that the journal no longer holds; None where it does, or never did."""
        return self._store.commits().gone_number(number)

    def rejected(self) -> list[RejectedCommit]:
        """Return the commits that were set aside, oldest first, each with its reason."""
        return self._store.commits().rejected()

    def restore_rejected(self, numbers: Iterable[int] | None = None) -> int:
        """Queue commits again that were set aside (all, or those `numbers`), and return how many."""
        return self._store.commits().restore_rejected(numbers)

    def test_connection(self, on_step: Callable[[Step], object] | None = None) -> ConnectionReport:
        """Look at everything from the configuration to the disk, step by step, and report; never raises.

        Nothing is written or changed. A step waits for at most `requestTimeout`, and all of them for at most four times
        that and ten seconds. `on_step` is called with each step when it is done.
        """
        from .connection import examine

        return examine(
            self._config,
            self._store.commits,
            now_us=_now_us,
            push_state=lambda: self.push_state,
            on_step=on_step or (lambda _: None),
        )

    # -- reading back -------------------------------------------------------------------------------------

    def get(self, field_ids: str | Iterable[str] | None = None) -> list[FieldValue]:
        """Return the latest value of each field (all where none is named), with `field_id`, `value` and `timestamp`.

        Timestamps are whole seconds by this device's clock.

        Raises:
            GetException: the server could not be asked, or said no (an unknown field, a key without read access).
        """
        from .values import get_values

        return get_values(self._open_reader(), field_ids, now_us=_now_us())

    def fetch(
        self,
        field_ids: str | Iterable[str] | None = None,
        start: TimeLike | None = None,
        end: TimeLike | None = None,
        every: Every | None = None,
        aggregate: Aggregate | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> History:
        """Return history: Field ID to a series with `times_us` and `values`, every reading as it was added.

        Without arguments, all fields and all time. `start` is included, `end` is not. With `every` (`'10s'`, `'5m'`,
        `'1h'`, `'1d'`, or seconds) one value per bucket: its `aggregate` (`mean`, the default, `min`, `max`, `sum`,
        `count`, `first`, `last`).
        `progress` is called with the number of rows read so far.

        Raises:
            GetException: the server could not be asked, or said no.
            ValueRefused: a time, width or aggregate that is none.
        """
        from .fetch import fetch_history

        return fetch_history(
            self._open_reader(), field_ids, start=start, end=end, every=every, aggregate=aggregate, progress=progress
        )

    # -- what is opened when it is needed ---------------------------------------------------------------------

    def _open_transport(self) -> Transport:
        from .transport import open_transport

        with self._lock:
            if self._transport is None or self._transport_pid != os.getpid():
                # After a fork the sockets are the parent's: leave them to it.
                self._transport = open_transport(self._config)
                self._transport_pid = os.getpid()
                self._pusher = None
            return self._transport

    def _open_reader(self) -> Transport:
        from nikdev_iot.model.errors import ConfigError

        from .asking import GetConfigError

        try:
            return self._open_transport()
        except ConfigError as error:
            raise GetConfigError(error.message, hint=error.hint) from error

    def _open_pusher(self) -> Pusher:
        from .push import Pusher

        journal = self._store.commits()
        transport = self._open_transport()
        with self._lock:
            if self._pusher is None or self._pusher.journal is not journal:
                self._pusher = Pusher(journal=journal, transport=transport, now_us=_now_us)
            return self._pusher


def _now_us() -> int:
    return _time.time_ns() // 1000
