"""`nikdev doctor`: the connection test."""

from __future__ import annotations

import click

from nikdev_iot.model.showing import visible

from .exit_codes import ExitCode
from .folder import open_folder
from .output import json_option, mark, print_json
from .wording import for_the_command_line

__all__ = ["doctor"]

_CODES = {
    "configuration": ExitCode.CONFIG,
    "reach": ExitCode.UNREACHABLE,
    "server": ExitCode.ANSWER,
    "clock": ExitCode.CLOCK,
    "key": ExitCode.DENIED,
    "read": ExitCode.DENIED,
    "write": ExitCode.DENIED,
    "journal": ExitCode.JOURNAL,
}
"""The exit code of each step of the connection test."""


@click.command()
@json_option
def doctor(*, as_json: bool) -> int:
    """Test the connection, step by step.

    Says of each step what was found and what to do. The exit code is that of the first step that fails.

    \b
    Example:
      nikdev doctor
    """
    with open_folder().open_api() as api:
        report = api.test_connection()
    if as_json:
        steps = [
            {
                "name": step.name,
                "ok": step.ok,
                "note": step.is_note,
                "found": step.found,
                "todo": for_the_command_line(step.todo),
            }
            for step in report.steps
        ]
        access = {"can_read": report.can_read, "can_write": report.can_write}
        print_json({"ok": report.ok, **access, "clock_offset_s": report.clock_offset_s, "steps": steps})
    else:
        width = max(len(step.name) for step in report.steps)
        for step in report.steps:
            sign = mark(ok=step.ok, is_note=step.is_note)
            click.echo(f"{sign} {step.name:<{width}}  {visible(for_the_command_line(step.found))}")
            if step.todo:
                click.echo(f"  {'':<{width}}  {click.style(visible(for_the_command_line(step.todo)), fg='yellow')}")
    return next((_CODES.get(step.name, ExitCode.UNEXPECTED) for step in report.steps if not step.ok), ExitCode.OK)
