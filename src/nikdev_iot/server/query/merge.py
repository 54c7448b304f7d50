"""Merge tables into one, in the order (time, origin, number)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .table import Int64s, Table, TableColumn, empty_table

__all__ = ["merge"]


def merge(tables: Sequence[Table]) -> Table:
    """Return all rows of `tables` as one table. Pure; the rows of one table alone are not copied."""
    tables = [table for table in tables if len(table)]
    if not tables:
        return empty_table()
    if len(tables) == 1:
        return tables[0]
    times = np.concatenate([table.times for table in tables])
    high = np.concatenate([table.origin_high for table in tables])
    low = np.concatenate([table.origin_low for table in tables])
    numbers = np.concatenate([table.numbers for table in tables])
    order = None
    if not bool(np.all(times[1:] > times[:-1])):  # packs that follow one another need no sorting
        order = np.lexsort((numbers, low, high, times))
        times, high, low, numbers = times[order], high[order], low[order], numbers[order]
    return Table(times, high, low, numbers, _merge_columns(tables, order))


def _merge_columns(tables: Sequence[Table], order: Int64s | None) -> dict[Any, TableColumn]:
    row_count = sum(map(len, tables))
    place = None
    if order is not None:
        place = np.empty(row_count, dtype=np.int64)
        place[order] = np.arange(row_count)
    parts: dict[Any, list[tuple[int, Table, TableColumn]]] = {}
    offset = 0
    for table in tables:
        for key, column in table.columns.items():
            parts.setdefault(key, []).append((offset, table, column))
        offset += len(table)
    return {key: _merge_column(found, row_count, order, place) for key, found in parts.items()}


def _merge_column(
    parts: Sequence[tuple[int, Table, TableColumn]], row_count: int, order: Int64s | None, place: Int64s | None
) -> TableColumn:
    data: npt.NDArray[Any] = np.concatenate([column.data for _, _, column in parts])
    if len(data) == row_count:
        return TableColumn(None, data if order is None else data[order])
    at = np.concatenate([column.rows(len(table)) + offset for offset, table, column in parts])
    if place is not None:
        at = place[at]
        by_row = np.argsort(at)
        at, data = at[by_row], data[by_row]
    return TableColumn(at, data)
