"""How many commits the next pack holds: more while the way is fast, fewer when it is not."""

from __future__ import annotations

from typing import Final

__all__ = ["Pace"]

FIRST_COMMITS: Final = 1_000
MOST_COMMITS: Final = 10_000
MOST_BYTES: Final = 512 * 1024
"""Two packs are in memory at a time, each several times over: larger ones are no faster (`benchmarks/footprint.py`)."""
FAST_S: Final = 1.0


class Pace:
    """Grows twofold with each fast answer, halves with each timeout and each "too large"."""

    __slots__ = ("max_bytes", "max_commits")

    def __init__(self) -> None:
        self.max_commits = FIRST_COMMITS
        self.max_bytes = MOST_BYTES
        """Of a pack's content, before compression."""

    def answered(self, elapsed_s: float, row_count: int) -> None:
        """Take note of an answer to a pack of `row_count` commits."""
        if elapsed_s < FAST_S:
            self.max_commits = self.after(row_count)

    def after(self, row_count: int) -> int:
        """Return how many commits the next pack will hold if one of `row_count` commits is answered fast."""
        # A pack that was not full says nothing about a fuller one.
        return min(MOST_COMMITS, self.max_commits * 2) if row_count >= self.max_commits else self.max_commits

    def begin_below(self, count: int) -> None:
        """Take note that a pack of `count` commits was sent before, perhaps by another process, and did not arrive."""
        self.max_commits = max(1, min(self.max_commits, count // 2))

    def halve(self, row_count: int) -> None:
        """Take note that a pack of `row_count` commits was too much."""
        self.max_commits = max(1, min(self.max_commits, row_count) // 2)
