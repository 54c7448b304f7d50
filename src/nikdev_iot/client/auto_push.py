"""Pushing in the background (`autoPush`): a thread that sends what is committed, and tries again by itself."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from nikdev_iot.model.errors import NikDevError, PushException

from .backoff import LONGEST_S, delay_s
from .forks import renewed_in_children
from .preview import AHEAD_OF_S, Previewer
from .push import Pusher
from .transport import open_transport

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal

    from .config import Config
    from .push import PushProgress

__all__ = ["AutoPush", "Phase", "PushState"]

Phase: TypeAlias = Literal["idle", "pushing", "waiting", "stopped"]
"""Nothing to send or just sent; sending; waiting to try again after a failure; not running."""

_log = logging.getLogger("nikdev_iot")


_GRACE_S = 1.0


class _Stopped(Exception):
    """The program ends: the push ends behind the pack that is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushState:
    """How the pushing in the background stands."""

    phase: Phase
    failures: int = 0
    """In a row; 0 after a success."""
    last_error: str | None = None
    """Of the last failure, also after a success."""
    last_error_us: int | None = None
    last_success_us: int | None = None
    """When the server acknowledged something last, µs UTC by this device's clock."""
    next_try_us: int | None = None
    """While waiting."""
    last_preview_us: int | None = None
    """When the server showed newest values ahead of a backlog last."""


class _Worker:
    """A thread, and whether it is to end. One that was given up ends by itself, whatever came after it."""

    __slots__ = ("is_stopping", "thread")

    def __init__(self) -> None:
        self.is_stopping = False
        self.thread: threading.Thread | None = None


class AutoPush:
    """The thread that pushes one journal, and wakes up with each commit. It holds on to nothing of an `Api`."""

    def __init__(
        self,
        config: Config,
        commits: Callable[[], Journal],
        *,
        now_us: Callable[[], int],
        monotonic_s: Callable[[], float] = time.monotonic,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._commits = commits
        self._now_us = now_us
        self._monotonic_s = monotonic_s
        self._fraction = fraction
        renewed_in_children(self, AutoPush._make_locks)

    def _make_locks(self) -> None:
        """Begin as new: in a forked child there is no thread of the parent's."""
        self._changed = threading.Condition()
        self._worker: _Worker | None = None
        self._has_news = True  # what an earlier program left
        self._state = PushState(phase="stopped")

    @property
    def state(self) -> PushState:
        """How it stands at this moment."""
        return self._state

    def start(self) -> None:
        """Begin, if it has not begun; without room for a thread, the next call tries again."""
        with self._changed:
            if self._worker is not None:
                return
            worker = _Worker()
            worker.thread = threading.Thread(target=self._run, args=(worker,), name="nikdev-push", daemon=True)
            try:
                worker.thread.start()
            except RuntimeError as error:
                _log.warning("Commits are kept, but not pushed in the background: %s.", error)
                return
            self._worker = worker

    def notice(self) -> None:
        """There is a new commit."""
        self.start()
        with self._changed:
            self._has_news = True
            self._changed.notify()

    def stop(self) -> None:
        """Send what was just committed, if the last push went well, and end the thread; waits for that.

        It takes at most `requestTimeout` and a second: what is under way then is given up, and the commits are queued.
        Idempotent; `start` begins anew.
        """
        with self._changed:
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.is_stopping = True
            self._changed.notify_all()
        thread = None if worker is None else worker.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._config.request_timeout_s + _GRACE_S)
            if thread.is_alive():
                _log.warning("A push was still under way, and is not waited for; what was not sent stays queued.")
        self._state = replace(self._state, phase="stopped", next_try_us=None)

    def end(self) -> None:
        """Do what `stop` does where the program ends; somebody who interrupts it once more is not kept waiting."""
        with suppress(KeyboardInterrupt):
            self.stop()

    # -- in the thread ------------------------------------------------------------------------------------

    def _run(self, worker: _Worker) -> None:
        transport = None
        lanes: tuple[Pusher, Previewer] | None = None
        wait_s = 0.0
        try:
            while self._wait(worker, wait_s):
                try:
                    if lanes is None:
                        transport = open_transport(self._config)
                        pusher = Pusher(journal=self._commits(), transport=transport, now_us=self._now_us)
                        lanes = pusher, self._make_previewer(pusher)
                    wait_s = self._push(worker, *lanes)
                except _Stopped:
                    return
                except NikDevError as error:  # no credentials, a journal that cannot be opened or is damaged
                    lanes = None
                    wait_s = self._failed(error)
                except Exception as error:  # noqa: BLE001 - the thread goes on, whatever it is
                    _log.exception("Pushing in the background failed; it will be tried again.")
                    wait_s = self._failed(error)
        finally:
            if transport is not None:
                transport.close()

    def _make_previewer(self, pusher: Pusher) -> Previewer:
        return Previewer(
            pusher.journal,
            pusher.transport,
            now_us=self._now_us,
            monotonic_s=self._monotonic_s,
            fraction=self._fraction,
            bytes_per_s=self._config.push_bytes_per_s,
        )

    def _wait(self, worker: _Worker, at_least_s: float) -> bool:
        """Wait so long, and for something to send; return False where it is time to end."""
        until_s = self._monotonic_s() + at_least_s
        with self._changed:
            while not worker.is_stopping:
                left_s = until_s - self._monotonic_s()
                if left_s <= 0 and self._has_news:
                    break
                self._changed.wait(left_s if left_s > 0 else None)
            goes_on = not worker.is_stopping or (self._has_news and not self._state.failures)
            self._has_news = False
            return goes_on

    def _push(self, worker: _Worker, pusher: Pusher, previewer: Previewer) -> float:
        """Push; return how long to wait before the next one."""
        self._state = replace(self._state, phase="pushing", next_try_us=None)
        journal, cap = pusher.journal, self._config.push_bytes_per_s
        began_s, shown_bytes = self._monotonic_s(), previewer.bytes_sent

        def early_s(progress: PushProgress) -> float:
            """Return how far the bytes sent, both of packs and of previews, are ahead of the bound on them."""
            if cap is None:
                return 0.0
            bytes_sent = progress.bytes_sent + previewer.bytes_sent - shown_bytes
            return began_s + bytes_sent / cap - self._monotonic_s()

        def pace(progress: PushProgress) -> None:
            self._state = replace(self._state, failures=0, last_success_us=self._now_us())
            spent_s = self._monotonic_s() - began_s + max(early_s(progress), 0.0)
            while not worker.is_stopping:
                lag_s = journal.queued(up_to=journal.newest) * spent_s / max(progress.pushed, 1)
                if lag_s > AHEAD_OF_S:
                    previewer.show()
                    self._state = replace(self._state, last_preview_us=previewer.last_us)
                left_s = early_s(progress)
                if left_s <= 0:
                    break
                with self._changed:
                    self._changed.wait_for(lambda: worker.is_stopping, min(left_s, max(previewer.due_in_s, 1.0)))
            if worker.is_stopping and progress.pushed < progress.total:
                raise _Stopped

        try:
            report = pusher.push(progress=pace)
        except PushException as error:
            return self._failed(error)
        last_us = self._now_us() if report.pushed else self._state.last_success_us
        self._state = replace(self._state, phase="idle", failures=0, last_success_us=last_us)
        return self._config.push_interval_s

    def _failed(self, error: Exception) -> float:
        failures = self._state.failures + 1
        if isinstance(error, PushException) and not error.retained_data:
            wait_s = LONGEST_S  # the server refused the credentials: nothing changes by itself
        else:
            wait_s = delay_s(failures, fraction=self._fraction(), asked_s=getattr(error, "retry_after_s", None))
        now_us = self._now_us()
        self._state = replace(
            self._state,
            phase="waiting",
            failures=failures,
            last_error=str(error),
            last_error_us=now_us,
            next_try_us=now_us + round(wait_s * 1_000_000),
        )
        _log.warning("A push in the background failed; it is tried again in %.0f s. %s", wait_s, error)
        with self._changed:
            self._has_news = True
        return wait_s
