"""How much of the disk a journal may take, and what happens when that is reached: pure.

A journal grows by page after page of its file, and by its write-ahead log, which is begun anew when it has reached a
size. So the limit is divided: the log has a share; a reserve is left for what a push must be able to write when no
commit fits any more; commits have the rest. Pages that are emptied are used again, so the file stays within the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from nikdev_iot.model.errors import JournalError

if TYPE_CHECKING:
    from nikdev_iot.model.values import Value

__all__ = [
    "DEFAULT_HISTORY_BYTES",
    "ROW_BYTES",
    "Budget",
    "Step",
    "StorageLimitReached",
    "StoragePolicy",
    "row_bytes",
    "value_bytes",
]

DEFAULT_HISTORY_BYTES = 1_000_000_000
"""Without a limit, so large may a journal be before acknowledged commits leave it."""

ROW_BYTES = 40
"""What a commit takes in the file beside its values and message."""

_STEP_ROWS = 250
_STEP_BYTES = 16 << 10, 64 << 10
_MOST_LOG_BYTES = 8 << 20
_MOST_RESERVE_BYTES = 1 << 20


def value_bytes(value: Value) -> int:
    """Return about what a value takes in a row, at most."""
    return 8 + (4 * len(value) if isinstance(value, str) else 0)


def row_bytes(body: bytes, message: str | None) -> int:
    """Return about what a row takes, at most."""
    return ROW_BYTES + len(body) + (0 if message is None else 4 * len(message))


class Step(NamedTuple):
    """How much goes at once, at most."""

    rows: int
    bytes: int

    def cut(self, rows: Iterable[tuple[int, int]], *, least: int = 1) -> list[int]:
        """Return the ids of the first of (id, size in bytes), at least `least` where there are so many."""
        ids: list[int] = []
        left = self.bytes
        for row_id, size_bytes in rows:
            ids.append(row_id)
            left -= size_bytes + ROW_BYTES
            if (left <= 0 and len(ids) >= least) or len(ids) == self.rows:
                break
        return ids


class StorageLimitReached(JournalError):
    """The journal may not grow any further: nothing was committed, and nothing of before was touched."""


class StoragePolicy(StrEnum):
    """What to do at the limit when all acknowledged commits have gone; the texts are those of the file."""

    REFUSE = "refuse"
    """Refuse new commits."""
    DROP_OLDEST = "drop-oldest"
    """Drop the oldest commits that are not acknowledged."""
    THIN_OUT = "thin-out"
    """Keep every tenth of the oldest commits that are not acknowledged; then every hundredth, and so on."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a journal may take, and the policy; without a policy, nothing but acknowledged commits ever leaves."""

    limit_bytes: int
    policy: StoragePolicy | None

    @classmethod
    def of(cls, limit_bytes: int | None, policy: str = StoragePolicy.REFUSE) -> Budget:
        """Return the budget of a limit; None is no limit for what was not acknowledged."""
        if limit_bytes is None:
            return cls(DEFAULT_HISTORY_BYTES, None)
        return cls(limit_bytes, StoragePolicy(policy))

    @property
    def step(self) -> Step:
        """What goes at once when there is no room: the pages of many commits to come, and little work."""
        least, most = _STEP_BYTES
        return Step(_STEP_ROWS, min(max(self.limit_bytes // 100, least), most))

    @property
    def log_bytes(self) -> int:
        """How large the write-ahead log may grow before it is begun anew."""
        return min(self.limit_bytes // 8, _MOST_LOG_BYTES)

    def most_pages(self, page_bytes: int) -> int:
        """Return how many pages the file may have."""
        return (self.limit_bytes - self.log_bytes) // page_bytes

    def content_pages(self, page_bytes: int) -> int:
        """Return how many of them may be in use before a commit has to make room."""
        reserve = min(self.limit_bytes // 16, _MOST_RESERVE_BYTES)
        return (self.limit_bytes - self.log_bytes - reserve) // page_bytes
