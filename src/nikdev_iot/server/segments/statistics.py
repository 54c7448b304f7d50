"""What blocks of rows come to, so that zoomed-out queries need no values.

A block is a stretch of time of round length, so that the buckets of a chart are most often made of whole blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.values import Kind

from .records import Floats, Int64s, SegmentColumn

__all__ = [
    "HUGE",
    "MAX_BLOCK_ROWS",
    "SCALE",
    "Blocks",
    "ColumnStatistics",
    "NumberStatistics",
    "block_length_us",
    "blocks_of",
    "statistics_of",
]

MAX_BLOCK_ROWS = 4_096
HUGE = 2.0**900
"""Sums of values beyond this are kept scaled by `SCALE`, so that they do not overflow."""
SCALE = 2.0**-64
_LOW_BITS = 0xFFFF_FFFF
_SECOND, _DAY = 1_000_000, 86_400_000_000
_LENGTHS_US = (364 * _DAY, 28 * _DAY, _DAY, 3_600 * _SECOND, 600 * _SECOND, 60 * _SECOND, 10 * _SECOND, _SECOND)


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Consecutive rows of one stretch of time each; arrays with an item for each block."""

    begins: Int64s
    """Its first row."""
    first_times: Int64s
    last_times: Int64s
    first_numbers: Int64s
    """Of its first row, by time."""
    last_numbers: Int64s

    def __len__(self) -> int:
        return len(self.begins)


@dataclass(frozen=True, slots=True, eq=False)
class NumberStatistics:
    """Of floats, ints or bools (as 0 and 1)."""

    lows: npt.NDArray[Any]
    highs: npt.NDArray[Any]
    firsts: npt.NDArray[Any]
    """The value of the first row, in the order of rows."""
    lasts: npt.NDArray[Any]
    totals: Floats | None = None
    """Floats: the sum, times `SCALE` where `is_scaled`."""
    is_scaled: bool = False
    high_sums: Int64s | None = None
    """Ints and bools: the exact sum is `high * 2^32 + low`."""
    low_sums: Int64s | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnStatistics:
    """Of one column; arrays with an item for each block in which it has a value."""

    blocks: Int64s
    """Which block it is, ascending."""
    counts: Int64s
    places: Blocks
    """Times and numbers of the first and the last value; `begins` counts values of the column."""
    numbers: NumberStatistics | None
    """None for texts."""


def block_length_us(times: Int64s) -> int:
    """Return how long a block of these rows, ascending, is best."""
    span_us = max(int(times[-1]) - int(times[0]), 1)
    for length_us in _LENGTHS_US:
        # About so many rows, and no more in any of them, were some of the rows far off.
        if length_us * len(times) <= MAX_BLOCK_ROWS * span_us and _most_rows(times, length_us) <= MAX_BLOCK_ROWS:
            return length_us
    return _LENGTHS_US[-1]


def _most_rows(times: Int64s, length_us: int) -> int:
    begins = _begins(times // length_us)
    return int(np.max(np.diff(np.append(begins, len(times)))))


def _begins(keys: Int64s) -> Int64s:
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))


def blocks_of(times: Int64s, numbers: Int64s, length_us: int) -> Blocks:
    """Return the blocks of rows that ascend by time; none where there are no rows."""
    if not len(times):
        return Blocks(times, times, times, times, times)
    return _places(times, numbers, _begins(times // length_us))


def _places(times: Int64s, numbers: Int64s, begins: Int64s) -> Blocks:
    lasts = np.append(begins[1:], len(times)) - 1
    return Blocks(begins, times[begins], times[lasts], numbers[begins], numbers[lasts])


def statistics_of(column: SegmentColumn, times: Int64s, numbers: Int64s, blocks: Blocks) -> ColumnStatistics:
    """Return what each block comes to in one column of the same rows, which has at least one value."""
    at = column.at
    if at is None:
        present, places = np.arange(len(blocks), dtype=np.int64), blocks
    else:
        block = np.searchsorted(blocks.begins, at, side="right") - 1
        begins = _begins(block)
        present, places = block[begins], _places(times[at], numbers[at], begins)
    ends = np.append(places.begins[1:], len(column.data))
    counts = ends - places.begins
    if column.kind is Kind.TEXT:
        return ColumnStatistics(present, counts, places, None)
    return ColumnStatistics(present, counts, places, _of_numbers(column, places.begins, ends - 1))


def _of_numbers(column: SegmentColumn, begins: Int64s, lasts: Int64s) -> NumberStatistics:
    data = column.data
    if column.kind is Kind.FLOAT:
        is_scaled = bool(np.max(np.abs(data)) > HUGE)
        return NumberStatistics(
            lows=np.minimum.reduceat(data, begins),
            highs=np.maximum.reduceat(data, begins),
            firsts=data[begins],
            lasts=data[lasts],
            totals=np.add.reduceat(data * SCALE if is_scaled else data, begins),
            is_scaled=is_scaled,
        )
    whole = data.astype(np.int64, copy=False)
    return NumberStatistics(
        lows=np.minimum.reduceat(whole, begins),
        highs=np.maximum.reduceat(whole, begins),
        firsts=whole[begins],
        lasts=whole[lasts],
        high_sums=np.add.reduceat(whole >> 32, begins),
        low_sums=np.add.reduceat(whole & _LOW_BITS, begins),
    )
