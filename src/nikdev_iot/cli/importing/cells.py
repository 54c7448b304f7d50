"""Rows and cells, as every kind of file gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from nikdev_iot.model.errors import ValueRefused

__all__ = ["Cell", "FileRefused", "Row", "text_of"]

Cell: TypeAlias = str | int | float | bool | None
"""Always a text where the file is CSV; with its own kind where it is JSON, None for `null`."""


class FileRefused(ValueRefused):
    """Something about the file as a whole, or the options for it: not a bad row, and no row can be skipped for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: a record of a CSV file, an object of a JSON file."""

    line: int
    """Where it begins, from 1."""
    cells: Mapping[str, Cell]
    """By column; a row that could not be read to its end has those before that place."""
    problem: str = ""
    """Why the row cannot be read, empty where it can."""
    item: int | None = None
    """Which item of a JSON array it is, from 1: all of them may stand on one line."""


def text_of(cell: Cell) -> str:
    """Return a cell as the text that options compare it with: `true`, `27.0`, nothing for a null."""
    if type(cell) is str:
        return cell.strip()
    return "" if cell is None else json.dumps(cell)
