"""A clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Wall and monotonic time, together."""

    us: int = 1_800_000_000_000_000

    def now_us(self) -> int:
        """µs UTC."""
        return self.us

    def monotonic_s(self) -> float:
        """As `time.monotonic`."""
        return self.us / 1_000_000

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.us += round(seconds * 1_000_000)
