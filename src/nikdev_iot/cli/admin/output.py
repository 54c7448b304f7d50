"""What the verbs of `nikdev admin` print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from nikdev_iot.model.times import iso

__all__ = ["json_option", "print_json", "print_table", "when"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object on one line."""
    click.echo(json.dumps(data, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; the titles too, where there are rows."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for number, row in enumerate([titles, *rows]):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(line if number else click.style(line, bold=True))


def when(time_us: int | None, none: str = "never") -> str:
    """Return a time to the second, as ISO 8601, or `none`."""
    return none if time_us is None else iso(time_us // 1_000_000 * 1_000_000)
