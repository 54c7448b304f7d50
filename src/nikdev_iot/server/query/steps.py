"""How long the buckets of a chart are: round lengths, so that a chart that moves a little keeps its buckets."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["round_step_us"]

_MS, _S, _MIN, _HOUR, _DAY = 1_000, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
_STEPS_US = tuple(
    sorted(
        {
            *(n * _MS for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
            *(n * _S for n in (1, 2, 5, 10, 15, 20, 30)),
            *(n * _MIN for n in (1, 2, 3, 5, 10, 15, 20, 30)),
            *(n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
            *(n * _DAY for n in (1, 2, 4, 7, 14, 28, 56, 91, 182, 364, 728, 1_820, 3_640)),
        }
    )
)


def round_step_us(range_us: int, points: int) -> int:
    """Return the shortest round length of which at most about `points` fit into the range."""
    wanted = -(-range_us // points)
    at = bisect_left(_STEPS_US, wanted)
    return _STEPS_US[at] if at < len(_STEPS_US) else wanted
