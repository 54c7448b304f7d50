"""Pushing in the background (`autoPush`): a thread that sends what is committed, and tries again by itself."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from nikdev_iot.model.errors import NikDevError, PushException

from .backoff import LONGEST_S, delay_s
from .forks import renewed_in_children
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
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._has_news = True  # what an earlier program left
        self._state = PushState(phase="stopped")

    @property
    def state(self) -> PushState:
        """How it stands at this moment."""
        return self._state

    def start(self) -> None:
        """Begin, if it has not begun; without room for a thread, the next call tries again."""
        with self._changed:
            if self._thread is None and not self._stopping:
                thread = threading.Thread(target=self._run, name="nikdev-push", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    _log.warning("Commits are kept, but not pushed in the background: %s.", error)
                    return
                self._thread = thread

    def notice(self) -> None:
        """There is a new commit."""
        self.start()
        with self._changed:
            self._has_news = True
            self._changed.notify()

    def stop(self) -> None:
        """Send what was just committed, if the last push went well, and end the thread; waits for that.

        It takes no longer than a request or two may take. Idempotent; `start` begins anew.
        """
        with self._changed:
            thread, self._thread = self._thread, None
            self._stopping = True
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._changed:
            self._stopping = False
        self._state = replace(self._state, phase="stopped", next_try_us=None)

    # -- in the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        transport = None
        pusher: Pusher | None = None
        wait_s = 0.0
        try:
            while self._wait(wait_s):
                try:
                    if pusher is None:
                        transport = open_transport(self._config)
                        pusher = Pusher(journal=self._commits(), transport=transport, now_us=self._now_us)
                    wait_s = self._push(pusher)
                except _Stopped:
                    return
                except NikDevError as error:  # no credentials, a journal that cannot be opened or is damaged
                    pusher = None
                    wait_s = self._failed(error)
                except Exception as error:  # noqa: BLE001 - the thread goes on, whatever it is
                    _log.exception("Pushing in the background failed; it will be tried again.")
                    wait_s = self._failed(error)
        finally:
            if transport is not None:
                transport.close()

    def _wait(self, at_least_s: float) -> bool:
        """Wait so long, and for something to send; return False where it is time to end."""
        until_s = self._monotonic_s() + at_least_s
        with self._changed:
            while not self._stopping:
                left_s = until_s - self._monotonic_s()
                if left_s <= 0 and self._has_news:
                    break
                self._changed.wait(left_s if left_s > 0 else None)
            goes_on = not self._stopping or (self._has_news and not self._state.failures)
            self._has_news = False
            return goes_on

    def _push(self, pusher: Pusher) -> float:
        """Push; return how long to wait before the next one."""
        self._state = replace(self._state, phase="pushing", next_try_us=None)
        began_s = self._monotonic_s()

        def pace(progress: PushProgress) -> None:
            self._state = replace(self._state, failures=0, last_success_us=self._now_us())
            cap = self._config.push_bytes_per_s
            early_s = 0.0 if cap is None else began_s + progress.bytes_sent / cap - self._monotonic_s()
            with self._changed:
                if early_s > 0 and not self._stopping:
                    self._changed.wait_for(lambda: self._stopping, early_s)
                if self._stopping and progress.pushed < progress.total:
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
