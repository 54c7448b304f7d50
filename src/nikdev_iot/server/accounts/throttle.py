"""Slowing down those who guess passwords, without shutting out the one who knows it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from nikdev_iot.server.errors import TooMany
from nikdev_iot.server.peers import network_of

__all__ = ["CODE_RATES", "PASSWORD_RATES", "REGISTRATION_RATES", "Rate", "Rates", "Throttle"]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many failures at once, and one more every `every_s` seconds."""

    burst: int
    every_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What is counted, and how much of it is let through."""

    pair: Rate = Rate(5, 10.0)
    """By e-mail and client."""
    peer: Rate = Rate(20, 3.0)
    """By client."""
    email: Rate = Rate(50, 10.0)
    """By e-mail."""
    spares_newcomers: bool = True
    """Whether a client that has not failed with an e-mail yet is not held to the count by e-mail."""
    said: str = "Too many failed attempts to sign in."


PASSWORD_RATES = Rates()
CODE_RATES = Rates(email=Rate(10, 30.0), spares_newcomers=False, said="Too many wrong codes.")
"""Of six digits a third of a million tries finds one, from however many clients: so these are slower."""
REGISTRATION_RATES = Rates(
    pair=Rate(10, 60.0), peer=Rate(10, 60.0), email=Rate(100, 6.0), said="Too many accounts were made here just now."
)
_MAX_BUCKETS = 50_000


class Throttle:
    """Counts failed sign-ins by e-mail and client, by client, and by e-mail; in memory, bounded.

    Who has signed in to an e-mail from a client before is held to the first count alone; whoever has not failed there
    yet is not held to the third, of passwords: however hard others guess at an address, its owner gets in from
    elsewhere at once. No wait is longer than one failure counts; asking while waiting does not make it longer.
    """

    def __init__(
        self,
        *,
        rates: Rates = PASSWORD_RATES,
        monotonic_s: Callable[[], float] = time.monotonic,
        max_buckets: int = _MAX_BUCKETS,
    ) -> None:
        self._rates = rates
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
        pair, rates = f"{email} {peer}", self._rates
        with self._lock:
            counts = [(("pair", pair), rates.pair)]
            if (email, peer) not in self._known:
                counts.append((("peer", peer), rates.peer))
                if not rates.spares_newcomers or self._debts.get(("pair", pair), 0.0) > now_s:
                    counts.append((("email", email), rates.email))
            wait_s = max(self._wait_s(key, rate, now_s) for key, rate in counts)
            if wait_s > 0:
                raise TooMany(
                    rates.said,
                    retry_after_s=wait_s,
                    hint=f"Try again in {max(1, round(wait_s))} s.",
                )
            for key, rate in self._counts(email, peer):
                self._add(key, rate, now_s)

    def succeeded(self, email: str, peer: str) -> None:
        """Take back what `admit` counted, and remember that this client knows the password."""
        peer = network_of(peer)
        with self._lock:
            for key, rate in self._counts(email, peer):
                if key in self._debts:
                    self._debts[key] -= rate.every_s
            self._known[email, peer] = None
            self._known.move_to_end((email, peer))
            if len(self._known) > self._max:
                self._known.popitem(last=False)

    def _counts(self, email: str, peer: str) -> list[tuple[tuple[str, str], Rate]]:
        rates = self._rates
        return [
            (("pair", f"{email} {peer}"), rates.pair),
            (("peer", peer), rates.peer),
            (("email", email), rates.email),
        ]

    def _wait_s(self, key: tuple[str, str], rate: Rate, now_s: float) -> float:
        return max(0.0, self._debts.get(key, 0.0) - now_s - (rate.burst - 1) * rate.every_s)

    def _add(self, key: tuple[str, str], rate: Rate, now_s: float) -> None:
        # A known client's failures are counted where they do not hold it back, but not without end.
        longest_s = now_s + rate.burst * rate.every_s
        self._debts[key] = min(max(self._debts.get(key, 0.0), now_s) + rate.every_s, longest_s)
        self._debts.move_to_end(key)
        if len(self._debts) > self._max:
            self._debts.popitem(last=False)
