"""Taking values out of a segment for good; commits keep their numbers, and their digests answer as before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nikdev_iot.model.commits import commit_digest
from nikdev_iot.model.values import Value

from .records import ErasedCommit, Int64s, Segment, SegmentColumn

__all__ = ["erase"]


def erase(segment: Segment, hidden: Mapping[int, Int64s]) -> Segment:
    """Return the segment without the values in these rows (strictly ascending) of these columns, by their index. Pure.

    Rows that have no value in a column are passed over.
    """
    columns = list(segment.columns)
    touched: set[int] = set()
    for index, rows in hidden.items():
        column, gone = _without(segment.columns[index], rows, len(segment))
        columns[index] = column
        touched.update(gone.tolist())
    if not touched:
        return segment
    known = {one.row for one in segment.erased}
    new = _digests(segment, sorted(touched - known))
    return replace(segment, columns=tuple(columns), erased=tuple(sorted([*segment.erased, *new])))


def _without(column: SegmentColumn, rows: Int64s, row_count: int) -> tuple[SegmentColumn, Int64s]:
    """Return the column without the values of these rows, and of the rows those that had one."""
    at = np.arange(row_count, dtype=np.int64) if column.at is None else column.at
    is_gone = np.isin(at, rows, assume_unique=True)
    gone = at[is_gone]
    if not len(gone):
        return column, gone
    erased = np.union1d(column.erased, gone)
    return replace(column, at=at[~is_gone], data=column.data[~is_gone], erased=erased), gone


def _digests(segment: Segment, rows: list[int]) -> list[ErasedCommit]:
    """Return the digests of commits that are still whole."""
    wanted = np.array(rows, dtype=np.int64)
    values: dict[int, list[tuple[str, Value]]] = {row: [] for row in rows}
    for column in segment.columns:
        if column.at is None:
            here, data = wanted, column.data[wanted]
        else:
            is_wanted = np.isin(column.at, wanted, assume_unique=True)
            here, data = column.at[is_wanted], column.data[is_wanted]
        for row, value in zip(here.tolist(), data.tolist(), strict=True):
            values[row].append((column.field_id, value))
    messages = dict(segment.messages)
    recorded = segment.recorded_times()
    return [
        ErasedCommit(row, commit_digest(int(recorded[row]), messages.get(row), found)) for row, found in values.items()
    ]
