"""Slowing down those who guess passwords, without shutting out the one who knows it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from nikdev_iot.server.errors import TooMany
from nikdev_iot.server.peers import network_of

__all__ = ["Rate", "Throttle"]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many failures at once, and one more every `every_s` seconds."""

    burst: int
    every_s: float


_PAIR = Rate(5, 10.0)
_PEER = Rate(20, 3.0)
_EMAIL = Rate(50, 10.0)
_MAX_BUCKETS = 50_000


class Throttle:
    """Counts failed sign-ins by e-mail and client, by client, and by e-mail; in memory, bounded.

    Who has signed in to an e-mail from a client before is held to the first count alone; whoever has not failed there
    yet is not held to the third: however hard others guess at an address, its owner gets in from elsewhere at once.
    No wait is longer than ten seconds, and asking again while waiting does not make it longer.
    """

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic, max_buckets: int = _MAX_BUCKETS) -> None:
        self._monotonic_s = monotonic_s
        self._max = max_buckets
        self._lock = threading.Lock()
        self._debts: OrderedDict[tuple[str, str], float] = OrderedDict()
        """For each count, when its last failure will have been forgotten."""
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def admit(self, email: str, peer: str) -> None:
        """Count an attempt as failed, until `succeeded` takes it back; raises `TooMany` where there were too many.

        `peer` is the client's address; of IPv6, its /64 network counts.
        """
        peer = network_of(peer)
        now_s = self._monotonic_s()
        pair = f"{email} {peer}"
        with self._lock:
            counts = [(("pair", pair), _PAIR)]
            if (email, peer) not in self._known:
                counts.append((("peer", peer), _PEER))
                if self._debts.get(("pair", pair), 0.0) > now_s:
                    counts.append((("email", email), _EMAIL))
            wait_s = max(self._wait_s(key, rate, now_s) for key, rate in counts)
            if wait_s > 0:
                raise TooMany(
                    "Too many failed attempts to sign in.",
                    retry_after_s=wait_s,
                    hint=f"Try again in {max(1, round(wait_s))} s.",
                )
            for key, rate in ((("pair", pair), _PAIR), (("peer", peer), _PEER), (("email", email), _EMAIL)):
                self._add(key, rate, now_s)

    def succeeded(self, email: str, peer: str) -> None:
        """Take back what `admit` counted, and remember that this client knows the password."""
        peer = network_of(peer)
        with self._lock:
            for key, rate in (
                (("pair", f"{email} {peer}"), _PAIR),
                (("peer", peer), _PEER),
                (("email", email), _EMAIL),
            ):
                if key in self._debts:
                    self._debts[key] -= rate.every_s
            self._known[email, peer] = None
            self._known.move_to_end((email, peer))
            if len(self._known) > self._max:
                self._known.popitem(last=False)

    def _wait_s(self, key: tuple[str, str], rate: Rate, now_s: float) -> float:
        return max(0.0, self._debts.get(key, 0.0) - now_s - (rate.burst - 1) * rate.every_s)

    def _add(self, key: tuple[str, str], rate: Rate, now_s: float) -> None:
        # A known client's failures are counted where they do not hold it back, but not without end.
        longest_s = now_s + rate.burst * rate.every_s
        self._debts[key] = min(max(self._debts.get(key, 0.0), now_s) + rate.every_s, longest_s)
        self._debts.move_to_end(key)
        if len(self._debts) > self._max:
            self._debts.popitem(last=False)
