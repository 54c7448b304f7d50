"""When packs become a segment, which of them, and when segments become larger ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nikdev_iot.server.segments.periods import period_of
from nikdev_iot.server.storage.segments import OpenPack, SegmentHead

__all__ = ["Policy", "packs_to_take", "segments_to_merge"]

_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The sizes come from measurements: 2 000 rows of ten fields compress as well as more, and decode in a moment."""

    rows: int = 2_000
    """So many rows are worth a segment."""
    few_rows: int = 100
    """Fewer are smaller as packs."""
    old_us: int = 6 * _HOUR_US
    """What was received longer ago becomes one, if it is not so few."""
    very_old_us: int = 7 * 24 * _HOUR_US
    """What was received longer ago becomes one, however little it is."""
    step_rows: int = 16_384
    """More than so many are not taken in one step, but a pack is taken whole."""
    step_bytes: int = 2 * 1024 * 1024
    """The same, of packs as they came."""
    step_packs: int = 2_048
    fan_in: int = 8
    """So many neighbours of a like size become one segment."""
    sizes: tuple[int, ...] = (1_000, 8_000)
    """Those with up to so many rows are of a like size; the smallest first. One that comes of it is no larger than
    `fan_in` times as much."""
    undo_for_us: int = 24 * _HOUR_US
    """How long deleted values stay, hidden, so that the deletion can be undone."""


def packs_to_take(packs: Sequence[OpenPack], policy: Policy, *, now_us: int) -> int:
    """Return how many of an origin's open packs, from the first one on, should become a segment now."""
    rows = size_bytes = count = 0
    run: tuple[int, int] | None = None
    for pack in packs:
        if count and (
            count == policy.step_packs
            or rows + pack.row_count > policy.step_rows
            or size_bytes + pack.payload_bytes > policy.step_bytes
        ):
            return count
        if pack.row_count:
            # Late data gets a segment of its own, and a month ends one; but not so that there are many tiny ones.
            if run is not None and rows * 8 >= policy.rows and _is_apart(run, pack):
                return count
            times = (pack.min_time_us, pack.max_time_us)
            run = times if run is None else (min(run[0], times[0]), max(run[1], times[1]))
        rows += pack.row_count
        size_bytes += pack.payload_bytes
        count += 1
    age_us = now_us - packs[0].received_us if packs else 0
    is_old = age_us >= policy.old_us and rows >= policy.few_rows
    return count if rows >= policy.rows or is_old or age_us >= policy.very_old_us else 0


def _is_apart(run: tuple[int, int], pack: OpenPack) -> bool:
    low, high = run
    if period_of(high) != period_of(pack.max_time_us):
        return True
    widths = high - low + pack.max_time_us - pack.min_time_us
    return max(high, pack.max_time_us) - min(low, pack.min_time_us) > 4 * widths + 24 * _HOUR_US


def segments_to_merge(heads: Sequence[SegmentHead], policy: Policy) -> tuple[int, ...]:
    """Return the ids of neighbours, one behind the other, that should become one segment; none where none should."""
    for size in policy.sizes:
        run: list[SegmentHead] = []
        rows = 0
        for head in heads:
            fits = head.row_count <= size and (not run or _period(run[-1]) == _period(head))
            if not fits or rows + head.row_count > policy.fan_in * size:
                run, rows = [], 0
            if head.row_count <= size:
                run.append(head)
                rows += head.row_count
            if len(run) == policy.fan_in:
                return tuple(one.id for one in run)
    return ()


def _period(head: SegmentHead) -> int:
    return period_of(head.max_time_us)
