"""How often the same caller may ask: token buckets, in memory, per process."""

from __future__ import annotations

from collections.abc import Callable, Hashable

__all__ = ["TokenBuckets"]

_SWEEP_EVERY = 4_096
"""Newcomers between two sweeps of full buckets, so that memory follows the callers of late, not of all time."""


class TokenBuckets:
    """One bucket per caller: `burst` tokens at once, `per_s` in the long run.

    Not for several threads at a time. `monotonic_s` is a clock that never steps.
    """

    __slots__ = ("_buckets", "_burst", "_monotonic_s", "_newcomers", "_per_s")

    def __init__(self, *, per_s: float, burst: float, monotonic_s: Callable[[], float]) -> None:
        if per_s <= 0 or burst < 1:
            raise ValueError(f"a rate of {per_s}/s with a burst of {burst} lets nobody in")
        self._per_s = per_s
        self._burst = burst
        self._monotonic_s = monotonic_s
        self._buckets: dict[Hashable, tuple[float, float]] = {}  # (tokens, when they were counted)
        self._newcomers = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: Hashable) -> float:
        """Take one token: return 0, or how many seconds to wait until there is one (and take none)."""
        now_s = self._monotonic_s()
        found = self._buckets.get(caller)
        if found is None:
            tokens = self._burst
            self._newcomers += 1
            if self._newcomers >= _SWEEP_EVERY:
                self._sweep(now_s)
        else:
            tokens, then_s = found
            tokens = min(self._burst, tokens + (now_s - then_s) * self._per_s)
        if tokens < 1:
            return (1 - tokens) / self._per_s
        self._buckets[caller] = (tokens - 1, now_s)
        return 0.0

    def _sweep(self, now_s: float) -> None:
        """Forget the callers whose bucket is full again: a new one would be just so."""
        full_after_s = self._burst / self._per_s
        self._buckets = {caller: bucket for caller, bucket in self._buckets.items() if now_s - bucket[1] < full_after_s}
        self._newcomers = 0
