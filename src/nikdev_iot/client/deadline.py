"""One deadline for all of a request: a server that sends a byte now and then never runs into a socket's timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["Deadline"]

_here = threading.local()


class Deadline:
    """Cuts the connection of the `with` block's request once the time is over; the request then fails as it may.

    What cuts is a thread of its own, which ends with the block. Where no thread can be had (the program is ending, or
    the device has no room for one), nothing is cut, and the socket's timeouts are all there is.
    """

    def __init__(self, within_s: float) -> None:
        self.within_s = within_s
        self.passed = False
        """Whether the time was over before the block was."""
        self._ends = 0.0
        # Locks alone: a `Condition` stays locked where a signal handler raises as it is entered, and all would wait.
        self._lock = threading.Lock()
        self._sleep = threading.Lock()
        self._sleep.acquire()
        self._done = False
        self._line: tuple[Callable[[], object], Callable[[], object]] | None = None
        self._thread: threading.Thread | None = None

    @staticmethod
    def current() -> Deadline | None:
        """Return the deadline of the block that this thread is in."""
        found: Deadline | None = getattr(_here, "deadline", None)
        return found

    @property
    def left_s(self) -> float:
        """How much time is left, at least 0."""
        return max(self._ends - time.monotonic(), 0.0)

    def __enter__(self) -> Self:
        _here.deadline = self
        self._ends = time.monotonic() + self.within_s
        thread = threading.Thread(target=self._wait, name="nikdev-deadline", daemon=True)
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _here.deadline = None
        with self._lock:
            self._done = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self._let_go()

    def begin_again(self, within_s: float) -> None:
        """Count `within_s` from now on."""
        with self._lock:
            self.within_s = within_s
            self._ends = time.monotonic() + within_s
        self._wake()

    def watch(self, *, cut: Callable[[], object], let_go: Callable[[], object]) -> None:
        """Take a connection in place of the one before: `cut` ends it, `let_go` frees what `cut` needs."""
        with self._lock:
            self._let_go()
            self._line = cut, let_go
            if self.passed:
                cut()

    def _wait(self) -> None:
        while True:
            with self._lock:
                left_s = self._ends - time.monotonic()
                if self._done:
                    return
                if left_s <= 0:
                    self.passed = True
                    if self._line is not None:
                        self._line[0]()
                    return
            self._sleep.acquire(timeout=left_s)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # it is awake
            self._sleep.release()

    def _let_go(self) -> None:
        if self._line is not None:
            self._line[1]()
            self._line = None
