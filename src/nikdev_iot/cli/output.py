"""What verbs print: JSON for programs, and lines, tables and marks for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from nikdev_iot.model.showing import visible
from nikdev_iot.model.times import iso
from nikdev_iot.model.values import Value

__all__ = ["counted", "json_option", "json_text", "mark", "print_json", "print_table", "shown", "when"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def json_text(data: Any) -> str:
    """Return JSON in which letters are themselves, and whatever could command a terminal is escaped."""
    return visible(json.dumps(data, ensure_ascii=False))


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object on one line."""
    click.echo(json_text(data))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, whatever is in their cells; the titles too, where there are rows."""
    if not rows:
        return
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for number, row in enumerate([titles, *rows]):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(line if number else click.style(line, bold=True))


def when(time_us: int | None, none: str = "never") -> str:
    """Return a time to the second, as ISO 8601, or `none`."""
    return none if time_us is None else iso(time_us // 1_000_000 * 1_000_000)


def shown(value: Value) -> str:
    """Return a value so that its kind can be seen: `21`, `21.0`, `true`, `'21'`."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def counted(count: int, one: str, many: str = "") -> str:
    """Return `1 commit`, `2 commits`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def mark(*, ok: bool) -> str:
    """Return a coloured ✓ or ✗, in letters where the output cannot show these."""
    sign, word, color = ("✓", "ok  ", "green") if ok else ("✗", "FAIL", "red")
    try:
        sign.encode(sys.stdout.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        sign = word
    return click.style(sign, fg=color)
