"""What an import says when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nikdev_iot.cli.output import counted, print_table, when
from nikdev_iot.model.showing import visible
from nikdev_iot.model.values import Kind

from .rows import LISTED, FieldTally, LineNote, Tally

if TYPE_CHECKING:
    from nikdev_iot.journal.records import BulkReceipt

__all__ = ["print_summary", "summary_json"]


def summary_json(file: Path, tally: Tally, receipt: BulkReceipt | None) -> dict[str, Any]:
    """Return it for a program; `first` and `last` are null where nothing was committed."""
    done = receipt is not None and receipt.count > 0
    return {
        "file": str(file),
        "imported": receipt.count if receipt else 0,
        "first": receipt.first if receipt and done else None,
        "last": receipt.last if receipt and done else None,
        "origin": str(receipt.origin) if receipt else None,
        "rows": tally.rows,
        "commits": tally.commits,
        "values": tally.values,
        "first_time_us": tally.first_us,
        "last_time_us": tally.last_us,
        "skipped": {
            "blank": tally.blank,
            "without_values": tally.without_values,
            "where": tally.elsewhere,
            "bad": tally.bad,
        },
        "bad_rows": [{"line": note.line, "item": note.item, "problem": note.text} for note in tally.problems],
        "times_that_never_were": {
            "count": tally.never,
            "rows": [{"line": note.line, "item": note.item, "time": note.text} for note in tally.never_lines],
        },
        "like_missing": dict(tally.like_missing),
        "fields": {field_id: _field_json(counts) for field_id, counts in tally.fields.items()},
    }


def _field_json(counts: FieldTally) -> dict[str, Any]:
    kinds = {kind.name.lower(): counts.kinds[kind] for kind in Kind if counts.kinds[kind]}
    return {"values": counts.kinds.total(), "kinds": kinds, "empty": counts.empty, "missing": counts.missing}


def print_summary(file: Path, tally: Tally, receipt: BulkReceipt | None) -> None:
    """Print it for a person."""
    span = f", from {when(tally.first_us)} to {when(tally.last_us)}" if tally.commits else ""
    count = counted(tally.commits, "commit")
    if receipt is None:
        click.echo(
            f"{visible(file.name)}: {count} would be made of {counted(tally.rows, 'row')}{span}. Nothing was imported."
        )
    else:
        numbers = f" ({receipt.first} to {receipt.last})" if receipt.count else ""
        click.echo(f"{visible(file.name)}: {count}{numbers} of {counted(tally.rows, 'row')}{span}.")
    _print_fields(tally)
    _print_skipped(tally)
    for text, cells in tally.like_missing.most_common():
        click.echo(
            click.style(f"Kept: {counted(cells, 'cell')} with {text}", fg="yellow")
            + f", the same number as a --missing in another spelling. To leave them out, too: --missing {text}"
        )
    if tally.never:
        click.echo(
            f"{counted(tally.never, 'row')} at a local time that never was, because the clock was put forward over it;"
            " read with the offset from before. If the recorder's clock is never put forward, give its own offset,"
            " as in --timezone +01:00:"
        )
        _print_notes(tally.never_lines, tally.never)


def _print_fields(tally: Tally) -> None:
    rows = []
    for field_id, counts in tally.fields.items():
        kinds = ", ".join(f"{counts.kinds[kind]} {kind.name.lower()}" for kind in Kind if counts.kinds[kind])
        rows.append(
            (f"  {field_id}", str(counts.kinds.total()), kinds, str(counts.empty or ""), str(counts.missing or ""))
        )
    print_table(("  FIELD", "VALUES", "KINDS", "EMPTY", "MISSING"), rows)


def _print_skipped(tally: Tally) -> None:
    skipped = {
        "blank": tally.blank,
        "without values": tally.without_values,
        "left out by --where": tally.elsewhere,
        "bad": tally.bad,
    }
    parts = [f"{count} {what}" for what, count in skipped.items() if count]
    if parts:
        click.echo(f"Rows skipped: {', '.join(parts)}.")
    _print_notes(tally.problems, tally.bad)


def _print_notes(notes: list[LineNote], count: int) -> None:
    for note in notes:
        click.echo(f"  {visible(str(note))}")
    if count > LISTED:
        click.echo(f"  and {count - LISTED} more")
