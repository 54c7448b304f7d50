"""`nikdev doctor`: the connection test."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nikdev_iot.client.connection import Cause, ConnectionReport, State, Step, unconfigured
from nikdev_iot.model.errors import ConfigError

from .exit_codes import ExitCode
from .folder import CONFIG_NAME, open_folder
from .output import json_option, print_json
from .step_table import StepTable
from .wording import for_the_command_line

__all__ = ["doctor"]

_CODES = {
    Cause.CONFIG: ExitCode.CONFIG,
    Cause.UNREACHABLE: ExitCode.UNREACHABLE,
    Cause.ANSWER: ExitCode.ANSWER,
    Cause.CLOCK: ExitCode.CLOCK,
    Cause.DENIED: ExitCode.DENIED,
    Cause.JOURNAL: ExitCode.JOURNAL,
    Cause.UNEXPECTED: ExitCode.UNEXPECTED,
}
"""The exit code of a step that failed, by whose business that is."""


@click.command()
@json_option
def doctor(*, as_json: bool) -> int:
    """Test the connection, step by step.

    Says of each step what was found and what to do, from the settings over the network, the server, the clocks and the
    key to the journal and its disk. Nothing is written or changed. The exit code is that of the first step that fails.

    \b
    Example:
      nikdev doctor
    """
    if as_json:
        report = _examine(lambda _: None)
        print_json(_to_json(report))
        return _exit_code(report)
    table = StepTable()
    table.begin()
    try:
        report = _examine(table.show)
    except BaseException:
        table.stop()
        raise
    table.end(report, _exit_code(report))
    return _exit_code(report)


def _examine(on_step: Callable[[Step], object]) -> ConnectionReport:
    try:
        folder = open_folder()
        api = folder.open_api()
    except ConfigError as error:
        return unconfigured(error.message, error.hint, on_step=on_step)
    except OSError as error:
        found = f"{error.filename or 'the settings'} cannot be read: {error.strerror or error}"
        return unconfigured(found, "Is it yours? Give this user the right to read it.", on_step=on_step)
    open_to_others = _open_to_others(folder.path / CONFIG_NAME)
    seen: list[Step] = []

    def look(step: Step) -> None:
        if step.name == "configuration" and step.ok and open_to_others:
            what, todo = open_to_others
            step = replace(step, state=State.WARNING, found=f"{step.found}; {what}", todo=todo)
        seen.append(step)
        on_step(step)

    with api:
        report = api.test_connection(on_step=look)
    return replace(report, steps=tuple(seen))


def _open_to_others(file: Path) -> tuple[str, str] | None:
    """Return what is wrong with who may use the file with the key, and what to do; None where all is well."""
    if not hasattr(os, "geteuid"):
        return None
    found = file.stat()
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        return f"{file} belongs to another user, who can change where the key goes", f"Own it: sudo chown $USER {file}"
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(found.st_mode)
        return f"other users of this machine may use {file} (mode {mode:o}), and the key is in it", f"chmod 600 {file}"
    return None


def _exit_code(report: ConnectionReport) -> ExitCode:
    first = report.first_failure
    return ExitCode.OK if first is None else _CODES[first.cause or Cause.UNEXPECTED]


def _to_json(report: ConnectionReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "exit_code": int(_exit_code(report)),
        "can_read": report.can_read,
        "can_write": report.can_write,
        "clock_offset_s": report.clock_offset_s,
        "steps": [
            {
                "name": step.name,
                "ok": step.ok,
                "state": step.state.value,
                "note": step.is_note,
                "found": for_the_command_line(step.found),
                "todo": for_the_command_line(step.todo),
                "cause": None if step.cause is None else step.cause.value,
                "details": dict(step.details),
            }
            for step in report.steps
        ],
    }
