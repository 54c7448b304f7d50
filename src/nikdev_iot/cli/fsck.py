"""`nikdev fsck`: check the journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nikdev_iot.model.showing import visible

from .exit_codes import ExitCode
from .folder import open_folder
from .output import json_option, mark, print_json

if TYPE_CHECKING:
    from nikdev_iot.journal.salvage import Salvage

__all__ = ["fsck"]


@click.command()
@json_option
def fsck(*, as_json: bool) -> int:
    """Check the device's store.

    Reads every commit of the journal, and changes nothing. (A journal that cannot be opened at all, or is empty where
    there was one, is set aside, and what can be read of it goes into a new one, as with every other command; that is
    told, and is the exit code's business where something was lost.)

    \b
    Example:
      nikdev fsck
    """
    salvages: list[Salvage] = []
    with open_folder().open_journal(on_salvage=salvages.append) as journal:
        problems = journal.check()
        path = journal.path
    is_lost = not all(map(_is_complete, salvages))
    todo = _todo(path) if problems else ""
    if as_json:
        found = [{"what": problem.what, "hint": problem.hint} for problem in problems]
        notices = [str(salvage) for salvage in salvages]
        ok = not problems and not is_lost
        print_json({"ok": ok, "journal": str(path), "problems": found, "notices": notices, "todo": todo})
    else:
        for salvage in salvages:
            click.echo(f"{mark(ok=_is_complete(salvage))} {visible(str(salvage))}")
        for problem in problems:
            click.echo(f"{mark(ok=False)} {visible(problem.what)}")
        if todo:
            click.echo(visible(todo))
        else:
            click.echo(f"{mark(ok=True)} {visible(str(path))} is sound.")
    return ExitCode.JOURNAL if problems or is_lost else ExitCode.OK


def _is_complete(salvage: Salvage) -> bool:
    """Return whether nothing is known to be lost."""
    return salvage.knows_origin and not salvage.lost


def _todo(path: Path) -> str:
    """Return what to do about a journal with something wrong in it."""
    return (
        f"Nothing was changed. First copy the folder {path.parent} to another disk. Then go on as before: the next "
        "`nikdev push` (or program) that meets the damage sets the file aside "
        f"as {path.name}.damaged-1 (or -2, …), puts what can be read of it into a new one, and declares to the server "
        "what was lost. If the disk is a worn SD card, replace it."
    )
