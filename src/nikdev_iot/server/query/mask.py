"""Hides values that were deleted, pack by pack: below everything that reads, and nothing to do where none are."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.records import PackSpan

from .table import Table, TableColumn, split_origin

__all__ = ["Mask", "is_hidden_by"]


class Mask:
    """The deletions of one device that are in force, as of one moment."""

    def __init__(self, deletions: Iterable[Deletion]) -> None:
        self.deletions = tuple(deletion for deletion in deletions if deletion.is_in_force)
        if self.deletions:
            self._arrivals = np.array([deletion.arrival for deletion in self.deletions], dtype=np.int64)
            self._starts = np.array([deletion.start_us for deletion in self.deletions], dtype=np.int64)
            self._ends = np.array([deletion.end_us for deletion in self.deletions], dtype=np.int64)

    @property
    def ids(self) -> frozenset[uuid.UUID]:
        """Which deletions it honours."""
        return frozenset(deletion.id for deletion in self.deletions)

    def of_pack(self, arrival: int, low_us: int, high_us: int) -> list[Deletion]:
        """Return the deletions that may hide something of a pack with times from `low_us` to `high_us`."""
        if not self.deletions:
            return []
        touching = (self._arrivals >= arrival) & (self._starts <= high_us) & (self._ends > low_us)
        return [self.deletions[place] for place in np.flatnonzero(touching).tolist()]

    def show(self, table: Table, arrival: int) -> Table:
        """Return a pack's table without what is hidden: itself where nothing is.

        Rows stay, with fewer values or none. Of a segment, which has several packs, `arrival` is not looked at.
        """
        if not self.deletions or not len(table):
            return table
        hidden = self._hidden(table, arrival)
        if not hidden:
            return table
        columns = {}
        for (field_id, kind), column in table.columns.items():
            shown = _shown(column, hidden.get(None), hidden.get(field_id))
            if shown is not None:
                columns[field_id, kind] = shown
        return replace(table, columns=columns)

    def _hidden(self, table: Table, arrival: int) -> dict[str | None, npt.NDArray[np.bool_]]:
        """Return which rows are hidden, by Field ID; None: in all fields."""
        hidden: dict[str | None, npt.NDArray[np.bool_]] = {}
        first = arrival if table.packs is None else int(table.packs.arrivals[0])
        for deletion in self.of_pack(first, int(table.times[0]), int(table.times[-1])):
            rows = _rows(table, deletion)
            if table.packs is not None and int(table.packs.arrivals[-1]) > deletion.arrival:
                rows = np.arange(len(table))[rows]
                rows = rows[table.packs.arrivals_of(table.numbers[rows]) <= deletion.arrival]
            names: Iterable[str | None] = (None,) if deletion.fields is None else deletion.fields
            for name in names:
                if name not in hidden:
                    hidden[name] = np.zeros(len(table), dtype=np.bool_)
                hidden[name][rows] = True
        return hidden

    def open(self, spans: Sequence[PackSpan], field_ids: Iterable[str]) -> Sequence[PackSpan]:
        """Return the packs that may show a value of one of these fields: the others certainly do not."""
        covering = [deletion for deletion in self.deletions if deletion.commit is None]
        if not covering or not spans:
            return spans
        arrivals = np.array([span.arrival for span in spans], dtype=np.int64)
        lows = np.array([span.min_time_us for span in spans], dtype=np.int64)
        highs = np.array([span.max_time_us for span in spans], dtype=np.int64)
        is_open = np.zeros(len(spans), dtype=np.bool_)
        for field_id in field_ids:
            is_covered = np.zeros(len(spans), dtype=np.bool_)
            for deletion in covering:
                if deletion.fields is None or field_id in deletion.fields:
                    is_covered |= (
                        (arrivals <= deletion.arrival) & (lows >= deletion.start_us) & (highs < deletion.end_us)
                    )
            is_open |= ~is_covered
        return [spans[place] for place in np.flatnonzero(is_open).tolist()]


def _rows(table: Table, deletion: Deletion) -> Any:
    """Return the rows that a deletion means."""
    low, high = np.searchsorted(table.times, (deletion.start_us, deletion.end_us)).tolist()
    if deletion.commit is None:
        return slice(low, high)
    origin, number = deletion.commit
    origin_high, origin_low = split_origin(origin)
    is_it = (
        (table.numbers[low:high] == number)
        & (table.origin_high[low:high] == np.uint64(origin_high))
        & (table.origin_low[low:high] == np.uint64(origin_low))
    )
    return low + np.flatnonzero(is_it)


def _shown(column: TableColumn, *hidden: npt.NDArray[np.bool_] | None) -> TableColumn | None:
    """Return what is left of a column, None where nothing is."""
    gone: npt.NDArray[np.bool_] | None = None
    for rows in hidden:
        if rows is not None:
            here = rows if column.at is None else rows[column.at]
            gone = here if gone is None else gone | here
    if gone is None or not gone.any():
        return column
    kept = np.flatnonzero(~gone)
    if not len(kept):
        return None
    return TableColumn(kept if column.at is None else column.at[kept], column.data[kept])


def is_hidden_by(deletion: Deletion, field_id: str, *, time_us: int, origin: uuid.UUID, number: int) -> bool:
    """Return whether a deletion means this value, as far as that can be said without knowing its pack."""
    return (
        (deletion.fields is None or field_id in deletion.fields)
        and deletion.start_us <= time_us < deletion.end_us
        and deletion.commit in {None, (origin, number)}
    )
