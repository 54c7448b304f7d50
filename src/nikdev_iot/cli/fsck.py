"""`nikdev fsck`: check the journal."""

from __future__ import annotations

import click

from nikdev_iot.model.showing import visible

from .exit_codes import ExitCode
from .folder import open_folder
from .output import json_option, mark, print_json

__all__ = ["fsck"]


@click.command()
@json_option
def fsck(*, as_json: bool) -> int:
    """Check the device's store.

    Reads every commit of the journal, and changes nothing. (A journal that cannot be opened at all is set aside, and
    what can be read of it goes into a new one, as with every other command.)

    \b
    Example:
      nikdev fsck
    """
    with open_folder().open_journal() as journal:
        problems = journal.check()
        path = journal.path
    if as_json:
        found = [{"what": problem.what, "hint": problem.hint} for problem in problems]
        print_json({"ok": not problems, "journal": str(path), "problems": found})
    else:
        for problem in problems:
            click.echo(f"{mark(ok=False)} {visible(str(problem))}")
        if not problems:
            click.echo(f"{mark(ok=True)} {visible(str(path))} is sound.")
    return ExitCode.JOURNAL if problems else ExitCode.OK
