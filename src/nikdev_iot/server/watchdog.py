"""The end of a stop that does not end by itself: threads cannot be broken off, a process can."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable

__all__ = ["Watchdog"]

_log = logging.getLogger(__name__)

_CLOSE_S = 5.0
"""How long the transaction at hand may take."""


class Watchdog:
    """Ends the process `after_s` seconds after a stop was asked for, if it is still there then.

    `close` is called before: it is to wait for the transaction at hand, and let none begin after it.
    """

    def __init__(self, *, after_s: float, close: Callable[[], None]) -> None:
        self._after_s = after_s
        self._close = close
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._run, name="nikdev-watchdog", daemon=True).start()

    def stop_was_asked_for(self) -> None:
        """Begin to count; safe in a signal handler."""
        self._asked.put(None)

    def _run(self) -> None:
        self._asked.get()
        time.sleep(self._after_s)
        _log.warning("stopped before all requests were finished; what was acknowledged is on disk")
        closing = threading.Thread(target=self._close, name="nikdev-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_S)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)
