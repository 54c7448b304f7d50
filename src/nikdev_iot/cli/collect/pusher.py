"""Pushing beside collecting: a slow or lost network never delays a reading."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from nikdev_iot.model.errors import NikDevError

__all__ = ["BackgroundPusher"]


class BackgroundPusher:
    """Calls `push` from a thread of its own, once after each `wake` and at most every `every_s`.

    `push` returns how many commits it sent. What goes wrong is told in one line, once, until it is another thing or all
    is well again.
    """

    def __init__(
        self,
        push: Callable[[], int],
        *,
        tell: Callable[[str], None],
        every_s: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._push = push
        self._tell = tell
        self._every_s = every_s
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._wanted = False
        self._stopped = False
        self._trouble = ""
        self.error: Exception | None = None
        """Why the last push failed; None where it did not."""
        self._told_first = False
        self._thread = threading.Thread(target=self._run, name="nikdev-push", daemon=True)

    def start(self) -> None:
        """Begin to wait for work."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to push."""
        with self._changed:
            self._wanted = True
            self._changed.notify()

    def stop(self, *, timeout_s: float) -> bool:
        """Push what is still waiting, unless the last push failed, and end; return whether that was done in time."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        next_s = self._monotonic()
        while True:
            with self._changed:
                while not self._stopped and not (self._wanted and self._monotonic() >= next_s):
                    self._changed.wait(max(next_s - self._monotonic(), 0.01) if self._wanted else None)
                wanted, self._wanted = self._wanted, False
                stopped = self._stopped
            if wanted and not (stopped and self._trouble):
                self._push_once()
                next_s = self._monotonic() + self._every_s
            if stopped:
                return

    def _push_once(self) -> None:
        try:
            pushed = self._push()
        except NikDevError as error:
            self.error = error
            self._in_trouble(error.message)
        except Exception as error:  # noqa: BLE001 - a fault in pushing must not end the collecting
            self.error = error
            self._in_trouble(f"{type(error).__name__}: {error}")
        else:
            self.error = None
            if pushed and (self._trouble or not self._told_first):
                self._tell(f"Pushed {pushed} commit{'' if pushed == 1 else 's'}: values arrive.")
                self._told_first = True
                self._trouble = ""

    def _in_trouble(self, message: str) -> None:
        if message != self._trouble:
            self._tell(f"Not pushed, tried again with the next reading: {' '.join(message.split())}")
        self._trouble = message
