"""`nikdev reset`: forget what is staged, or queued."""

from __future__ import annotations

import sys

import click

from .folder import open_folder
from .output import counted, json_option, print_json

__all__ = ["reset"]


@click.command()
@click.option("--unpushed", is_flag=True, help="Throw away the commits not yet pushed instead, for good.")
@click.option("-y", "--yes", is_flag=True, help="Throw commits away without asking; needed without a terminal.")
@json_option
def reset(*, unpushed: bool, yes: bool, as_json: bool) -> None:
    """Forget the staged values, or the commits not yet pushed.

    Commits that were set aside stay (see `nikdev rejected`).

    \b
    Example:
      nikdev reset
    """
    is_asked = unpushed and not yes
    if is_asked and not sys.stdin.isatty():
        raise click.UsageError(
            "There is no terminal to ask whether commits are to be thrown away: nothing was. Give --yes to do it."
        )
    with open_folder().open_journal() as journal:
        if not unpushed:
            count = len(journal.peek_staged())
            journal.drop_staged()
            left = len(journal.peek_staged())
            if as_json:
                print_json({"dropped_values": count - left, "discarded_commits": 0})
            else:
                click.echo(f"{counted(count - left, 'staged value')} dropped.")
            return
        waiting = journal.status().unpushed
        if waiting and is_asked:
            click.confirm(f"Throw away {counted(waiting, 'commit')} that no server has?", abort=True, err=True)
        discarded = journal.reset_unpushed()
    if as_json:
        print_json({"dropped_values": 0, "discarded_commits": discarded})
    else:
        click.echo(f"{counted(discarded, 'commit')} thrown away.")
