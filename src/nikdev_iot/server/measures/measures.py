"""All that the server measures of itself, made once where the app is put together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from nikdev_iot.server.ingest.group import Outcome, Push
from nikdev_iot.server.ingest.writer import is_stored
from nikdev_iot.server.storage.port import Storage

from .backups import Backups
from .growth import Growth
from .rates import Rates
from .slow import SlowQueries

__all__ = ["Measures"]

_log = logging.getLogger(__name__)
_SAMPLE_EVERY_S = 60.0
"""How often the clock is looked at; a sample is kept once an hour."""


class Measures:
    """Rates, slow queries, growth and backups; `start` and `close` go with the server's life."""

    def __init__(
        self, storage: Storage, folder: Path, *, now_us: Callable[[], int], monotonic_s: Callable[[], float]
    ) -> None:
        self.rates = Rates(monotonic_s=monotonic_s)
        self.slow = SlowQueries(monotonic_s=monotonic_s)
        self.growth = Growth(storage, now_us=now_us)
        self.backups = Backups(storage, folder, now_us=now_us)
        self.started_us = now_us()
        self._monotonic_s = monotonic_s
        self._started_s = monotonic_s()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def uptime_s(self) -> float:
        """How long the server has been running."""
        return self._monotonic_s() - self._started_s

    def stored(self, pushes: Sequence[Push], outcomes: Sequence[Outcome]) -> None:
        """Count what a transaction stored; quick."""
        kept = [push for push, outcome in zip(pushes, outcomes, strict=True) if is_stored(outcome)]
        if kept:
            self.rates.add(pushes=len(kept), values=sum([push.value_count for push in kept]))

    def start(self) -> None:
        """Begin to sample how the store grows, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="nikdev-measures", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, and a copy that is being made. Idempotent."""
        self.backups.stop()
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        self.backups.remove_left_over()
        while True:
            try:
                self.growth.sample()
            except Exception:  # noqa: BLE001 - the thread goes on, whatever it is: only a point of a chart is missing
                _log.exception("the size of the store was not noted")
            if self._stopping.wait(_SAMPLE_EVERY_S):
                return
