"""How much came in during the last minutes, in memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BINS", "BIN_S", "Rate", "Rates"]

BIN_S = 10
BINS = 90
"""Together a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So much a second."""

    pushes_per_s: float
    values_per_s: float


class Rates:
    """Counts what was stored; from any thread."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._bins: deque[list[int]] = deque(maxlen=BINS + 1)
        """(number of the bin, pushes, values); bins without any are left out."""

    def add(self, *, pushes: int, values: int) -> None:
        """Count what one transaction stored."""
        number = int(self._monotonic_s() // BIN_S)
        with self._lock:
            if not self._bins or self._bins[-1][0] != number:
                self._bins.append([number, 0, 0])
            self._bins[-1][1] += pushes
            self._bins[-1][2] += values

    def recent(self) -> list[Rate]:
        """Return the rates of the last bins that are over, the oldest first; `BINS` of them."""
        now = int(self._monotonic_s() // BIN_S)
        with self._lock:
            found = {number: (pushes, values) for number, pushes, values in self._bins}
        counts = (found.get(number, (0, 0)) for number in range(now - BINS, now))
        return [Rate(pushes / BIN_S, values / BIN_S) for pushes, values in counts]

    def now(self) -> Rate:
        """Return the rate of the last minute."""
        last = self.recent()[-(60 // BIN_S) :]
        return Rate(
            sum(rate.pushes_per_s for rate in last) / len(last), sum(rate.values_per_s for rate in last) / len(last)
        )
