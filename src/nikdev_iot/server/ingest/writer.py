"""Group commit: one thread writes, and all pushes that wait at a moment share one transaction and its one fsync."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nikdev_iot.server.config import IngestLimits
from nikdev_iot.server.errors import ServerError, StorageError, StorageUnavailable
from nikdev_iot.server.storage.port import Storage, WriteTransaction

from .fields import KnownFields
from .group import EntriesOutcome, Outcome, PackOutcome, Push, store_group
from .judge import Verdict
from .last_pushes import LastPushes

__all__ = ["Backlogged", "Writer", "WriterCounts", "is_stored"]

_log = logging.getLogger(__name__)

_CHORES_EVERY_S = 5.0
"""How often key uses and last pushes are written down and old entry keys forgotten."""
_FORGET_AT_ONCE = 2_000
"""Entry keys forgotten in one go: few enough that no push waits for it."""
_DAY_US = 86_400_000_000
_AGAIN = "Nothing of this push was stored. Send it again in a moment."


class Backlogged(ServerError):
    """More pushes wait for the disk than the server keeps in memory: nothing of this one was stored."""

    status = 503
    code = "busy"
    retry_after_s = 1.0


@dataclass(slots=True)
class WriterCounts:
    """What the writer has done since it started."""

    pushes: int = 0
    transactions: int = 0
    """Those that stored pushes."""


def is_stored(outcome: Outcome) -> bool:
    """Return whether something new of the push was stored."""
    if isinstance(outcome, PackOutcome):
        return outcome.verdict is Verdict.STORE
    return isinstance(outcome, EntriesOutcome) and outcome.stored > 0


class _Waiting(NamedTuple):
    push: Push
    outcome: asyncio.Future[Outcome]
    size_bytes: int


class Writer:
    """Takes pushes from the event loop, stores them in groups, and gives each its outcome.

    `start` and `submit` belong to the event loop's thread. `key_uses` returns the key uses since it was last
    asked, as (key, µs UTC); it is called from the writer's thread. `on_stored` is called on the loop's thread with the
    pushes of a transaction and what became of each, once that is durable: it has to be quick.
    """

    def __init__(
        self,
        storage: Storage,
        limits: IngestLimits,
        *,
        now_us: Callable[[], int],
        monotonic_s: Callable[[], float],
        key_uses: Callable[[], Iterable[tuple[uuid.UUID, int]]] = tuple,
        on_stored: Callable[[Sequence[Push], Sequence[Outcome]], None] | None = None,
    ) -> None:
        self.counts = WriterCounts()
        self.last_pushes = LastPushes()
        """When devices pushed last."""
        self._storage = storage
        self._limits = limits
        self._now_us = now_us
        self._monotonic_s = monotonic_s
        self._key_uses = key_uses
        self._on_stored = on_stored
        self._known = KnownFields(storage.fields, limit=limits.fields_per_device)
        self._gathered: list[_Waiting] = []
        """Of the loop's present round; they go to the thread together, which is woken up once for all of them."""
        self._queue: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._waiting_bytes = 0
        self._stopping = False
        self._chores_at_s = 0.0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- on the event loop's thread ------------------------------------------------------------------

    def start(self) -> None:
        """Begin to write; call it inside the running loop."""
        self._loop = asyncio.get_running_loop()
        self._chores_at_s = self._monotonic_s() + _CHORES_EVERY_S
        self._thread = threading.Thread(target=self._run, name="nikdev-writer")
        self._thread.start()

    def submit(self, push: Push) -> asyncio.Future[Outcome]:
        """Queue a push; the future's outcome comes when it is durable, or when it is known that nothing was stored.

        The future raises `ServerError` where the group could not be stored.

        Raises:
            Backlogged: too many wait already, or the server is stopping.
        """
        if self._loop is None or self._stopping:
            raise Backlogged("The server is stopping.", hint=_AGAIN)
        size_bytes = push.size_bytes
        if self._waiting >= self._limits.waiting_pushes or (
            self._waiting and self._waiting_bytes + size_bytes > self._limits.waiting_bytes
        ):
            raise Backlogged(
                f"The server is busy: {self._waiting} pushes wait for its disk.",
                hint=_AGAIN,
            )
        self._waiting += 1
        self._waiting_bytes += size_bytes
        outcome = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Waiting(push, outcome, size_bytes))
        return outcome

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        limits = self._limits
        if len(gathered) > limits.group_pushes or self._waiting_bytes > limits.group_bytes:
            begin = size_bytes = 0
            for at, waiting in enumerate(gathered):
                if at > begin and (
                    at - begin >= limits.group_pushes or size_bytes + waiting.size_bytes > limits.group_bytes
                ):
                    self._queue.put(gathered[begin:at])
                    begin, size_bytes = at, 0
                size_bytes += waiting.size_bytes
            gathered = gathered[begin:]
        if gathered:
            self._queue.put(gathered)

    def close(self) -> None:
        """Store what waits, then end the thread; blocks until then. Idempotent, from any thread."""
        if self._thread is None:
            return
        if not self._stopping:
            self._stopping = True
            self._queue.put(None)
        self._thread.join()

    def _finish(self, group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        for waiting, outcome in zip(group, outcomes, strict=True):
            self._waiting -= 1
            self._waiting_bytes -= waiting.size_bytes
            if waiting.outcome.done():
                continue  # whoever waited was cancelled
            if isinstance(outcome, Exception):
                waiting.outcome.set_exception(outcome)
            else:
                waiting.outcome.set_result(outcome)
        if self._on_stored is not None:
            self._on_stored([waiting.push for waiting in group], outcomes)

    # -- on the writer's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            if group:
                self._deliver(group, self._store(group))
            elif going:
                self._do_chores_alone()
        self._chores_at_s = 0.0
        self._do_chores_alone()

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Wait for a push, and take all that wait with it; False with the last group."""
        group: list[_Waiting] = []
        size_bytes = 0
        try:
            waiting = self._queue.get(timeout=_CHORES_EVERY_S)
            while waiting is not None:
                group += waiting
                size_bytes += sum([one.size_bytes for one in waiting])
                if len(group) >= self._limits.group_pushes or size_bytes >= self._limits.group_bytes:
                    return group, True
                waiting = self._queue.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _store(self, group: Sequence[_Waiting]) -> list[Outcome]:
        chores_at_s = self._chores_at_s
        at_us = self._now_us()
        try:
            with self._storage.write() as transaction:
                outcomes = store_group(
                    transaction,
                    [waiting.push for waiting in group],
                    epoch=self._storage.epoch,
                    known=self._known,
                    at_us=at_us,
                )
                self._do_chores(transaction)
        except StorageUnavailable as error:
            self._settle(stored=False)
            _log.error("pushes not stored: %s", error, extra={"pushes": len(group)})
            return [StorageUnavailable(error.message, hint=_AGAIN) for _ in group]
        except Exception as error:  # noqa: BLE001 - the boundary: the thread goes on, whatever it is
            self._settle(stored=False)
            if len(group) > 1 or self._chores_at_s != chores_at_s:
                # One of them is at fault, or the chores are; on its own it fails alone.
                return [outcome for waiting in group for outcome in self._store([waiting])]
            _log.exception("a push could not be stored", extra={"device_id": str(group[0].push.device.id)})
            if isinstance(error, StorageError):
                return [error]
            return [ServerError("The server made a mistake with this push; nothing of it was stored.")]
        self._settle(stored=True)
        self.last_pushes.note(
            [one.push.device.id for one, outcome in zip(group, outcomes, strict=True) if is_stored(outcome)], at_us
        )
        self.counts.transactions += 1
        self.counts.pushes += len(group)
        return outcomes

    def _settle(self, *, stored: bool) -> None:
        self._known.settle(stored=stored)
        self.last_pushes.settle(stored=stored)

    def _deliver(self, group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._finish, group, outcomes)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                _log.warning("pushes stored after their requests were given up", extra={"pushes": len(group)})

    def _do_chores(self, transaction: WriteTransaction) -> None:
        """Do, now and then and on the back of another transaction, what can wait."""
        now_s = self._monotonic_s()
        if now_s < self._chores_at_s:
            return
        # Put off before they are tried: a group that fails by its chores is stored without them.
        self._chores_at_s = now_s + _CHORES_EVERY_S
        uses = list(self._key_uses())
        if uses:
            transaction.touch_keys(uses)
        pushed = self.last_pushes.take()
        if pushed:
            transaction.touch_devices(pushed)
        before_us = self._now_us() - round(self._limits.remember_entries_days * _DAY_US)
        if transaction.forget_entries(before_us=before_us, limit=_FORGET_AT_ONCE) == _FORGET_AT_ONCE:
            self._chores_at_s = now_s

    def _do_chores_alone(self) -> None:
        if self._monotonic_s() < self._chores_at_s:
            return
        try:
            with self._storage.write() as transaction:
                self._do_chores(transaction)
            self.last_pushes.settle(stored=True)
        except StorageError as error:
            self.last_pushes.settle(stored=False)
            self._chores_at_s = self._monotonic_s() + _CHORES_EVERY_S
            _log.warning("key uses and last pushes not written down: %s", error)
        except Exception:  # noqa: BLE001 - the thread goes on, whatever it is: else pushes would wait for ever
            self.last_pushes.settle(stored=False)
            self._chores_at_s = self._monotonic_s() + _CHORES_EVERY_S
            _log.exception("chores failed")
