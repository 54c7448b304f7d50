"""Aggregates of one column per bucket, as partial results that can be joined in any order.

A *partial* holds, for the buckets in which one field has values of one kind, what is needed to finish every aggregate
asked for. Packs are summed up one by one and their partials joined, so no history is ever held whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from .table import Int64s, Table, TableColumn, Uint64s

__all__ = ["HUGE", "SCALE", "Aggregate", "Edges", "Partial", "join", "summarize"]


class Aggregate(StrEnum):
    """What can be asked for per bucket."""

    MEAN = "mean"
    """Arithmetic mean of numbers, with bools as 0 and 1; a float."""
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    """Exact where there are only ints and bools; else a float."""
    COUNT = "count"
    """Of all values, texts too."""
    FIRST = "first"
    LAST = "last"


HUGE = 2.0**900
"""Sums of values beyond this are kept scaled by `SCALE`: a mean must not overflow where its values do not."""
SCALE = 2.0**-64
_LOW_BITS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Edges:
    """For each bucket, one of its values, and its place in the order."""

    times: Int64s
    origin_high: Uint64s
    origin_low: Uint64s
    numbers: Int64s
    data: npt.NDArray[Any]

    def take(self, rows: Any) -> Edges:
        """Return the edges of some buckets."""
        return Edges(
            self.times[rows], self.origin_high[rows], self.origin_low[rows], self.numbers[rows], self.data[rows]
        )

    def key(self, row: int) -> tuple[int, int, int, int]:
        """Return the place of one value in the order."""
        return int(self.times[row]), int(self.origin_high[row]), int(self.origin_low[row]), int(self.numbers[row])


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """One field and kind, per bucket; None what was not asked for, or does not exist for texts."""

    starts: Int64s
    """The buckets' beginnings, µs UTC, strictly ascending."""
    counts: Int64s
    high_sums: Int64s | None = None
    """Ints and bools: the exact sum is `high * 2^32 + low`."""
    low_sums: Int64s | None = None
    totals: npt.NDArray[np.float64] | None = None
    """Floats: the sum, times `SCALE` where `is_scaled`."""
    is_scaled: bool = False
    lows: npt.NDArray[Any] | None = None
    highs: npt.NDArray[Any] | None = None
    first: Edges | None = None
    last: Edges | None = None

    def until(self, start_us: int) -> Partial:
        """Return the buckets that begin at or before `start_us`."""
        stop = int(np.searchsorted(self.starts, start_us, "right"))
        if stop == len(self.starts):
            return self
        return self.take(slice(0, stop))

    def take(self, rows: Any) -> Partial:
        """Return some buckets."""
        return Partial(
            starts=self.starts[rows],
            counts=self.counts[rows],
            high_sums=None if self.high_sums is None else self.high_sums[rows],
            low_sums=None if self.low_sums is None else self.low_sums[rows],
            totals=None if self.totals is None else self.totals[rows],
            is_scaled=self.is_scaled,
            lows=None if self.lows is None else self.lows[rows],
            highs=None if self.highs is None else self.highs[rows],
            first=None if self.first is None else self.first.take(rows),
            last=None if self.last is None else self.last.take(rows),
        )


def summarize(table: Table, column: TableColumn, row_starts: Int64s, aggregates: frozenset[Aggregate]) -> Partial:
    """Sum up one column of one table; `row_starts` is each row's bucket, ascending. Pure.

    The column has at least one value.
    """
    starts = row_starts if column.at is None else row_starts[column.at]
    begins = np.flatnonzero(np.concatenate(([True], starts[1:] != starts[:-1])))
    ends = np.append(begins[1:], len(starts))
    data = column.data
    parts: dict[str, Any] = {"starts": starts[begins], "counts": ends - begins}
    if data.dtype != object:
        if aggregates & {Aggregate.MEAN, Aggregate.SUM}:
            parts |= _sums(data, begins)
        if Aggregate.MIN in aggregates:
            parts["lows"] = np.minimum.reduceat(data, begins)
        if Aggregate.MAX in aggregates:
            parts["highs"] = np.maximum.reduceat(data, begins)
    if Aggregate.FIRST in aggregates:
        parts["first"] = _edges(table, column, begins)
    if Aggregate.LAST in aggregates:
        parts["last"] = _edges(table, column, ends - 1)
    return Partial(**parts)


def _sums(data: npt.NDArray[Any], begins: Int64s) -> dict[str, Any]:
    if data.dtype == np.float64:
        is_scaled = bool(np.max(np.abs(data)) > HUGE)
        return {"totals": np.add.reduceat(data * SCALE if is_scaled else data, begins), "is_scaled": is_scaled}
    whole = data.astype(np.int64, copy=False)
    return {
        "high_sums": np.add.reduceat(whole >> 32, begins),
        "low_sums": np.add.reduceat(whole & _LOW_BITS, begins),
    }


def _edges(table: Table, column: TableColumn, values: Int64s) -> Edges:
    rows = values if column.at is None else column.at[values]
    return Edges(
        table.times[rows], table.origin_high[rows], table.origin_low[rows], table.numbers[rows], column.data[values]
    )


def join(partials: Sequence[Partial]) -> Partial:
    """Join partials of one field and kind and of the same aggregates into one. Pure."""
    if len(partials) == 1:
        return partials[0]
    starts = np.concatenate([part.starts for part in partials])
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    begins = np.flatnonzero(np.concatenate(([True], starts[1:] != starts[:-1])))
    is_scaled = any(part.is_scaled for part in partials)
    totals = [
        part.totals * SCALE if is_scaled and not part.is_scaled else part.totals
        for part in partials
        if part.totals is not None
    ]
    high_sums = _reduced(np.add, [part.high_sums for part in partials], order, begins)
    low_sums = _reduced(np.add, [part.low_sums for part in partials], order, begins)
    if low_sums is not None:
        high_sums, low_sums = high_sums + (low_sums >> 32), low_sums & _LOW_BITS
    return Partial(
        starts=starts[begins],
        counts=np.add.reduceat(np.concatenate([part.counts for part in partials])[order], begins),
        high_sums=high_sums,
        low_sums=low_sums,
        totals=_reduced(np.add, totals or [None], order, begins),
        is_scaled=is_scaled,
        lows=_reduced(np.minimum, [part.lows for part in partials], order, begins),
        highs=_reduced(np.maximum, [part.highs for part in partials], order, begins),
        first=_outermost([part.first for part in partials], starts, order, last=False),
        last=_outermost([part.last for part in partials], starts, order, last=True),
    )


def _reduced(operation: Any, arrays: Sequence[npt.NDArray[Any] | None], order: Int64s, begins: Int64s) -> Any:
    found = [part for part in arrays if part is not None]
    return operation.reduceat(np.concatenate(found)[order], begins) if found else None


def _outermost(edges: Sequence[Edges | None], starts: Int64s, order: Int64s, *, last: bool) -> Edges | None:
    found = [part for part in edges if part is not None]
    if not found:
        return None
    every = Edges(
        np.concatenate([part.times for part in found]),
        np.concatenate([part.origin_high for part in found]),
        np.concatenate([part.origin_low for part in found]),
        np.concatenate([part.numbers for part in found]),
        np.concatenate([part.data for part in found]),
    ).take(order)
    by_place = np.lexsort((every.numbers, every.origin_low, every.origin_high, every.times, starts))
    changes = starts[1:] != starts[:-1]  # `starts` is sorted, and so is the same after `by_place`
    wanted = np.flatnonzero(np.append(changes, True) if last else np.concatenate(([True], changes)))
    return every.take(by_place[wanted])
