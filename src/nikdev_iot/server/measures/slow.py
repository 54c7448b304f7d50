"""The queries of late that took longest, in memory: what, of which device, how long; never a value or a secret."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["SlowQueries", "SlowQuery"]

_FROM_S = 0.02
"""What is faster is never worth a line."""
_KEPT = 1_000
_KEPT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """One query."""

    what: str
    device_id: uuid.UUID | None
    duration_s: float
    age_s: float
    """How long ago it ended."""


class SlowQueries:
    """Times queries and remembers the slow ones of the last hour; from any thread."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._kept: deque[tuple[float, float, str, uuid.UUID | None]] = deque(maxlen=_KEPT)

    @contextmanager
    def timed(self, what: str, device_id: uuid.UUID | None = None) -> Iterator[None]:
        """Time what is done inside, whether it succeeds or not."""
        began_s = self._monotonic_s()
        try:
            yield
        finally:
            ended_s = self._monotonic_s()
            if ended_s - began_s >= _FROM_S:
                with self._lock:
                    self._kept.append((ended_s, ended_s - began_s, what, device_id))

    def slowest(self, count: int = 10) -> list[SlowQuery]:
        """Return the slowest of the last hour, the slowest first."""
        now_s = self._monotonic_s()
        with self._lock:
            recent = [one for one in self._kept if now_s - one[0] <= _KEPT_S]
        recent.sort(key=lambda one: -one[1])
        return [SlowQuery(what, device, took_s, now_s - ended_s) for ended_s, took_s, what, device in recent[:count]]
