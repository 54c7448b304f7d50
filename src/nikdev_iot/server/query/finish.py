"""From partial results to the values of a bucket, each in its exact kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.times import iso
from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Kind, Value
from nikdev_iot.server.errors import Invalid

from .aggregates import SCALE, Aggregate, Partial
from .table import Int64s

__all__ = ["BucketValues", "Series", "finish"]

BucketValues: TypeAlias = "npt.NDArray[Any] | list[Any]"
"""An array where all are of one kind that it can hold; else a list, with None where a bucket has no such value."""

_EXACT_FLOAT = 2**53


@dataclass(frozen=True, slots=True)
class Series:
    """One field's buckets, ascending, without empty ones."""

    starts: Int64s
    """µs UTC."""
    values: Mapping[Aggregate, BucketValues]


def finish(field_id: str, partials: Mapping[Kind, Partial], aggregates: Sequence[Aggregate]) -> Series:
    """Return a field's aggregates per bucket, from its partials by kind (at least one). Pure.

    Where a bucket holds values of several kinds, `min` and `max` compare them by their exact size (of equals, a float
    comes before an int before a bool) and keep the kind of the one chosen.

    Raises:
        Invalid: a sum of floats is beyond the range of a float64.
    """
    if len(partials) == 1:
        ((kind, part),) = partials.items()
        return Series(part.starts, {a: _single(field_id, kind, part, a) for a in aggregates})
    starts = np.unique(np.concatenate([part.starts for part in partials.values()]))
    buckets: list[list[tuple[Kind, Partial, int]]] = [[] for _ in range(len(starts))]
    for kind in sorted(partials):
        part = partials[kind]
        for row, bucket in enumerate(np.searchsorted(starts, part.starts).tolist()):
            buckets[bucket].append((kind, part, row))
    return Series(starts, {a: [_mixed(field_id, found, a) for found in buckets] for a in aggregates})


# -- one kind: whole arrays ------------------------------------------------------------------------


def _single(field_id: str, kind: Kind, part: Partial, aggregate: Aggregate) -> BucketValues:
    if aggregate is Aggregate.COUNT:
        return part.counts
    if aggregate is Aggregate.FIRST and part.first is not None:
        return part.first.data
    if aggregate is Aggregate.LAST and part.last is not None:
        return part.last.data
    if kind is Kind.TEXT:
        return [None] * len(part.starts)
    if aggregate is Aggregate.MIN and part.lows is not None:
        return part.lows
    if aggregate is Aggregate.MAX and part.highs is not None:
        return part.highs
    if aggregate is Aggregate.MEAN:
        return _means(part)
    return _float_sums(field_id, part) if kind is Kind.FLOAT else _whole_sums(part)


def _means(part: Partial) -> npt.NDArray[np.float64]:
    if part.totals is not None:
        means = part.totals / part.counts
        if part.is_scaled:
            bound = np.finfo(np.float64).max * SCALE  # rounding may have gone a bit beyond the largest value
            means = np.clip(means, -bound, bound) / SCALE
        return means
    sums = _whole_sums(part)
    if isinstance(sums, list) or max(-int(sums.min()), int(sums.max())) > _EXACT_FLOAT:
        # Python divides ints of any size with one rounding; NumPy would round twice.
        pairs = zip(sums if isinstance(sums, list) else sums.tolist(), part.counts.tolist(), strict=True)
        return np.array([total / count for total, count in pairs], dtype=np.float64)
    return sums / part.counts


def _float_sums(field_id: str, part: Partial) -> npt.NDArray[np.float64]:
    if part.totals is None:
        raise AssertionError("a sum was not asked for")
    if not part.is_scaled:
        return part.totals
    with np.errstate(over="ignore"):
        totals = part.totals / SCALE
    beyond = np.flatnonzero(~np.isfinite(totals))
    if len(beyond):
        raise _sum_beyond(field_id, int(part.starts[beyond[0]]))
    return totals


def _whole_sums(part: Partial) -> Int64s | list[int]:
    if part.high_sums is None or part.low_sums is None:
        raise AssertionError("a sum was not asked for")
    widest = max(-int(part.high_sums.min()), int(part.high_sums.max()), int(part.low_sums.max()) >> 32)
    if widest < 2**30:
        return (part.high_sums << 32) + part.low_sums  # each at most 2^62
    pairs = zip(part.high_sums.tolist(), part.low_sums.tolist(), strict=True)
    sums = [(high << 32) + low for high, low in pairs]
    if min(sums) < INT64_MIN or max(sums) > INT64_MAX:
        return sums
    return np.array(sums, dtype=np.int64)


def _sum_beyond(field_id: str, start_us: int) -> Invalid:
    return Invalid(
        f"aggregate: the sum of {field_id!r} in the bucket {iso(start_us)} is beyond the range of a float64.",
        hint="Ask for mean, or for smaller buckets.",
    )


# -- several kinds: bucket by bucket ---------------------------------------------------------------


def _mixed(field_id: str, found: Sequence[tuple[Kind, Partial, int]], aggregate: Aggregate) -> Any:
    if aggregate is Aggregate.COUNT:
        return sum(int(part.counts[row]) for _, part, row in found)
    if aggregate in {Aggregate.FIRST, Aggregate.LAST}:
        edges = [(part.first if aggregate is Aggregate.FIRST else part.last, row) for _, part, row in found]
        placed = [(edge.key(row), edge.data[row]) for edge, row in edges if edge is not None]
        chosen = (min if aggregate is Aggregate.FIRST else max)(placed, key=lambda pair: pair[0])[1]
        return _plain(chosen)
    numbers = [(kind, part, row) for kind, part, row in found if kind is not Kind.TEXT]
    if not numbers:
        return None
    if aggregate is Aggregate.MIN:
        return min(_plain(part.lows[row]) for _, part, row in numbers if part.lows is not None)
    if aggregate is Aggregate.MAX:
        return max(_plain(part.highs[row]) for _, part, row in numbers if part.highs is not None)
    return _mixed_sum(field_id, numbers, aggregate)


def _mixed_sum(field_id: str, numbers: Sequence[tuple[Kind, Partial, int]], aggregate: Aggregate) -> Value:
    whole = sum(
        (int(part.high_sums[row]) << 32) + int(part.low_sums[row])
        for _, part, row in numbers
        if part.high_sums is not None and part.low_sums is not None
    )
    count = sum(int(part.counts[row]) for _, part, row in numbers)
    floats = [part.take(slice(row, row + 1)) for kind, part, row in numbers if kind is Kind.FLOAT]
    if not floats:
        return whole / count if aggregate is Aggregate.MEAN else whole
    (part,) = floats
    if aggregate is Aggregate.SUM:
        return float(_float_sums(field_id, part)[0]) + whole
    total = float(part.totals[0]) if part.totals is not None else 0.0
    if not part.is_scaled:
        return (total + whole) / count
    bound = float(np.finfo(np.float64).max) * SCALE
    return min(max((total + whole * SCALE) / count, -bound), bound) / SCALE


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
