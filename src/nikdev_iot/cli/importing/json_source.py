"""JSON files as rows: an array of objects, or one object per line; nested keys joined by dots.

Pure: text in, rows out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from nikdev_iot.model.errors import ValueRefused

from .cells import Cell, Row

__all__ = ["flatten", "read_json_array", "read_json_lines"]

_BLANK = re.compile(r"[ \t\r\n]*")


def read_json_array(text: str) -> Iterator[Row]:
    """Give the objects of a JSON array as rows.

    Raises:
        ValueRefused: the text is not a JSON array; where it breaks off, its last whole objects have been given.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_pairs)
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ValueRefused("The file is not a JSON array: it does not begin with [.")
    at = _skip(text, at + 1)
    line, counted, number = 1, 0, 0
    if text[at : at + 1] == "]":
        return
    while True:
        line += text.count("\n", counted, at)
        counted = at
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _broken(text, at, error) from None
        number += 1
        yield _row(line, item, number)
        at = _skip(text, at)
        sign = text[at : at + 1]
        if sign == "]":
            return
        if sign != ",":
            raise _broken(text, at, None)
        at = _skip(text, at + 1)


def read_json_lines(lines: Iterable[str]) -> Iterator[Row]:
    """Give one row per line that is not blank; a line that is no JSON object is a row with a problem."""
    decoder = json.JSONDecoder(object_pairs_hook=_pairs)
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped:
            continue
        try:
            item = decoder.decode(stripped)
        except (ValueError, RecursionError) as error:
            yield Row(number, {}, f"is not JSON: {_reason(error)}")
        else:
            yield _row(number, item)


def flatten(item: object) -> dict[str, Cell]:
    """Return the scalars in nested objects and lists, by their keys joined by dots (`data.temp`, `samples.0`).

    Raises:
        ValueRefused: two of them have the same joined name.
    """
    cells: dict[str, Cell] = {}
    _flatten(item, "", cells)
    return cells


def _flatten(item: Any, name: str, cells: dict[str, Cell]) -> None:
    pairs: Iterable[tuple[str, Any]]
    if isinstance(item, _Pairs):
        pairs = item.pairs
    elif isinstance(item, dict):
        pairs = item.items()
    elif isinstance(item, list):
        pairs = ((str(number), part) for number, part in enumerate(item))
    else:
        if name in cells:
            raise ValueRefused(f"has {name!r} twice")
        cells[name] = item
        return
    for key, part in pairs:
        _flatten(part, f"{name}.{key}" if name else key, cells)


class _Pairs:
    """A JSON object as it stands in the file, so that a key that comes twice is seen."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _pairs(pairs: list[tuple[str, Any]]) -> _Pairs:
    return _Pairs(pairs)


def _row(line: int, item: object, number: int | None = None) -> Row:
    cells: dict[str, Cell] = {}
    problem = ""
    if isinstance(item, _Pairs):
        try:
            cells = flatten(item)
        except ValueRefused as error:
            problem = error.message
        except RecursionError:
            problem = "is nested too deeply"
    else:
        problem = "is not a JSON object"
    return Row(line, cells, problem, number)


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _broken(text: str, at: int, error: Exception | None) -> ValueRefused:
    at = error.pos if isinstance(error, json.JSONDecodeError) else at
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    reason = _reason(error) if error else ("it ends there" if at >= len(text) else "expected , or ]")
    return ValueRefused(f"line {line}, column {column}: the file is not JSON from here on: {reason}.")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg[:1].lower() + error.msg[1:]
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
