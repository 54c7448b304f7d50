"""`nikdev commit`: lock the staged values together."""

from __future__ import annotations

import click

from .folder import open_folder
from .output import counted, json_option, print_json, when

__all__ = ["commit"]


@click.command()
@click.option("-m", "--message", metavar="TEXT", help="A note that is kept with the commit.")
@click.option("--time", metavar="ISO", help="When the values were measured, with offset.  [default: now]")
@json_option
def commit(*, message: str | None, time: str | None, as_json: bool) -> None:
    """Lock the staged values together, durably.

    When it returns, the commit is on disk. Without anything staged, no commit is made.

    \b
    Example:
      nikdev commit -m 'window opened' --time 2026-11-22T10:30:00+01:00
    """
    with open_folder().open_api() as api:
        staged = api.staged()
        receipt = api.commit(message, time)
    if as_json:
        number, origin, time_us = (receipt.number, str(receipt.origin), receipt.time_us) if receipt else (None,) * 3
        print_json({"number": number, "origin": origin, "time_us": time_us})
    elif receipt is None:
        click.echo("Nothing is staged, so nothing was committed. Stage values with: nikdev add FIELD=VALUE")
    else:
        click.echo(f"Commit {receipt.number} at {when(receipt.time_us)}: {counted(len(staged), 'value')}")
