"""`nikdev show`: one commit."""

from __future__ import annotations

import click

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.showing import visible
from nikdev_iot.model.times import iso

from .folder import open_folder
from .log import clock_note, gone_words, log_entry
from .output import json_option, print_json, shown

__all__ = ["show"]


@click.command()
@click.argument("number", type=click.IntRange(min=1), metavar="N")
@json_option
def show(*, number: int, as_json: bool) -> None:
    """Show one commit with its values.

    \b
    Example:
      nikdev show 42
    """
    with open_folder().open_journal() as journal:
        entry = journal.show(number)
        gone = journal.gone_number(number) if entry is None else None
    if gone is not None:
        raise ValueRefused(
            f"Commit {number} is no longer in this journal: {gone_words(gone, 1)}.",
            hint="`nikdev log` lists those there are.",
        )
    if entry is None:
        raise ValueRefused(f"There is no commit {number} in this journal.", hint="`nikdev log` lists those there are.")
    if as_json:
        print_json(log_entry(entry))
        return
    click.echo(click.style(f"commit {entry.number}", fg="yellow") + f" of {entry.origin}")
    click.echo(f"time   {iso(entry.time_us + entry.shift_us)}{clock_note(entry)}")
    click.echo(f"state  {entry.state.value}{f': {visible(entry.reason)}' if entry.reason else ''}")
    if entry.message:
        lines = "".join(f"    {visible(line)}\n" for line in entry.message.splitlines())
        click.echo(f"\n{lines}")
    for field_id, value in (entry.values or {}).items():
        click.echo(f"  {visible(field_id)} = {shown(value)}")
