"""CSV files as rows: delimiter, header, and cells that do not fit it. Pure: lines in, rows out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nikdev_iot.model.errors import ValueRefused

from .cells import Row

if TYPE_CHECKING:
    from _csv import Reader

__all__ = ["DELIMITERS", "CsvRows", "read_csv", "sniff_delimiter"]

DELIMITERS = ",;\t|"
"""What is looked for where no delimiter is given."""
_SNIFFED_ROWS = 20


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The header of a CSV file, and its rows as they are read."""

    columns: tuple[str, ...]
    """The names in the header, without blanks around them, unnamed columns left out."""
    repeated: dict[str, tuple[int, ...]]
    """Names that stand over several columns, with the numbers of these columns from 1."""
    rows: Iterator[Row] = field(repr=False)


def sniff_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that parts the first lines of a file into the most columns, alike in every line.

    Only a comma, semicolon, tab or bar is looked for; a file of one column gives a comma.
    """
    best, best_score = ",", (False, 1)
    for delimiter in DELIMITERS:
        try:
            widths = [len(record) for record in csv.reader(lines[:_SNIFFED_ROWS], delimiter=delimiter) if record]
        except csv.Error:
            continue
        if widths:
            score = (len(set(widths)) == 1 and widths[0] > 1, widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def read_csv(lines: Iterable[str], *, delimiter: str) -> CsvRows:
    """Read the header, and give the rows behind it.

    Raises:
        ValueRefused: there is no header, or it cannot be read.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next((record for record in reader if record), None)
    except csv.Error as error:
        raise ValueRefused(f"line {reader.line_num}: the header cannot be read: {error}.") from None
    if header is None:
        raise ValueRefused("The file is empty: there is no header in it.")
    names = [name.strip() for name in header]
    places: dict[str, list[int]] = {}
    for number, name in enumerate(names, 1):
        places.setdefault(name, []).append(number)
    places.pop("", None)
    if not places:
        raise ValueRefused(f"line {reader.line_num}: no column of the header has a name.")
    repeated = {name: tuple(numbers) for name, numbers in places.items() if len(numbers) > 1}
    return CsvRows(tuple(places), repeated, _rows(reader, names))


def _rows(reader: Reader, names: list[str]) -> Iterator[Row]:
    unnamed = [number for number, name in enumerate(names) if not name]
    named = [(number, name) for number, name in enumerate(names) if name]
    whole = not unnamed
    width = len(names)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {}, f"is not CSV: {error}")
            continue
        if len(record) == width and whole:
            yield Row(line, dict(zip(names, record, strict=True)))
        else:
            cells = {name: record[number] for number, name in named if number < len(record)}
            yield Row(line, cells, _shape_problem(record, width, unnamed))


def _shape_problem(record: list[str], width: int, unnamed: list[int]) -> str:
    if not any(cell.strip() for cell in record):
        return ""
    if len(record) < width:
        return f"ends after {len(record)} of {width} cells"
    for number in (*unnamed, *range(width, len(record))):
        if record[number].strip():
            where = "has no name in the header" if number < width else f"is beyond the {width} of the header"
            return f"has {record[number].strip()!r} in column {number + 1}, which {where}"
    return ""
