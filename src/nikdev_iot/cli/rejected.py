"""`nikdev rejected`: commits that were set aside."""

from __future__ import annotations

import click

from nikdev_iot.model.showing import visible

from .folder import open_folder
from .output import counted, json_option, print_json, when

__all__ = ["rejected"]


@click.command()
@click.argument("numbers", type=click.IntRange(min=1), metavar="[N]...", nargs=-1)
@click.option("--restore", is_flag=True, help="Queue them again.")
@json_option
def rejected(*, numbers: tuple[int, ...], restore: bool, as_json: bool) -> None:
    """List commits that were set aside, or bring them back.

    A commit is set aside when the server judges it invalid, and all of them when it refuses the key. Nothing is lost:
    with --restore they are queued again, all or those named, and the next push takes them along.

    \b
    Example:
      nikdev rejected --restore 17 18
    """
    with open_folder().open_journal() as journal:
        if restore:
            count = journal.restore_rejected(numbers or None)
            if as_json:
                print_json({"restored": count})
            else:
                click.echo(f"{counted(count, 'commit')} queued again." if count else _none(numbers))
            return
        wanted = set(numbers)
        found = [item for item in journal.rejected() if not wanted or item.number in wanted]
    if as_json:
        print_json(
            {
                "rejected": [
                    {
                        "number": item.number,
                        "origin": str(item.origin),
                        "time_us": item.time_us,
                        "message": item.message,
                        "reason": item.reason,
                        "rejected_us": item.rejected_us,
                    }
                    for item in found
                ]
            }
        )
        return
    if not found:
        click.echo(_none(numbers))
    for item in found:
        note = f"  {visible(item.message)}" if item.message else ""
        click.echo(f"{click.style(f'{item.number:>8}', bold=True)}  {when(item.time_us)}{note}")
        click.echo(f"          {click.style(visible(item.reason), fg='red')}")


def _none(numbers: tuple[int, ...]) -> str:
    return "None of these commits is set aside." if numbers else "No commits are set aside."
