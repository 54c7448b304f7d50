"""The steps of the connection test as lines of a table, each shown when it is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from nikdev_iot.client.connection import STEPS, ConnectionReport, State, Step
from nikdev_iot.model.showing import visible

from .output import counted
from .wording import for_the_command_line

if TYPE_CHECKING:
    from rich.status import Status

__all__ = ["StepTable"]

_SIGNS = {
    State.OK: ("✓", "+", "green"),
    State.WARNING: ("!", "!", "yellow"),
    State.NOTE: ("–", "-", "cyan"),
    State.FAILED: ("✗", "x", "red"),
    State.NOT_TRIED: ("–", "-", "bright_black"),
}
"""The sign of each state, the one where the output cannot show that, and its colour; the word stands beside it."""
_ARROW = ("→", "->")
_WORD_WIDTH = max(len(state.value) for state in State)
_NAME_WIDTH = max(map(len, STEPS))
_FIRST_WIDTH = 2 + _WORD_WIDTH


class StepTable:
    """Prints to stdout: on a terminal in columns, with what is under way below; elsewhere a line for each text."""

    def __init__(self) -> None:
        self._plain = not _can_show("✓✗–→")
        self._console: Any = None
        self._status: Status | None = None
        if sys.stdout.isatty():
            from rich.console import Console

            self._console = Console(highlight=False, markup=False, emoji=False)

    def begin(self) -> None:
        """Say what comes first."""
        self._wait_for(STEPS[0])

    def show(self, step: Step) -> None:
        """Print a step that is done."""
        found, todo = _said(step.found), _said(step.todo)
        if step.state is State.NOT_TRIED:
            found = found.removeprefix("not tried, ")
        sign = _SIGNS[step.state][1 if self._plain else 0]
        arrow = _ARROW[1 if self._plain else 0]
        if self._console is None:
            click.echo(f"{sign} {step.state.value:<{_WORD_WIDTH}}  {step.name:<{_NAME_WIDTH}}  {found}")
            if todo:
                click.echo(f"{'':<{_FIRST_WIDTH + _NAME_WIDTH + 2}}  {arrow} {todo}")
            return
        self._print_row(step, f"{sign} {step.state.value}", found, f"{arrow} {todo}" if todo else "")
        following = STEPS[STEPS.index(step.name) + 1 :]
        self._wait_for(following[0] if following else "")

    def end(self, report: ConnectionReport, exit_code: int) -> None:
        """Print what it comes to."""
        self.stop()
        first = report.first_failure
        open_ends = [step.name for step in report.steps if step.state is State.WARNING]
        if first is not None:
            left = sum(step.state is State.NOT_TRIED for step in report.steps)
            text = f"See to '{first.name}' first"
            if left:
                text += f": {counted(left, 'step')} {'waits' if left == 1 else 'wait'} for it"
            text += f". What was committed is kept. (Exit code {exit_code}.)"
        elif open_ends:
            text = f"It works. Something should be done about {', '.join(open_ends)}."
        else:
            text = "All is well."
        color = "red" if first is not None else "yellow" if open_ends else "green"
        if self._console is None:
            click.echo(text)
        else:
            self._console.print(text, style=f"bold {color}")

    def stop(self) -> None:
        """Leave the terminal as it was. Idempotent."""
        self._wait_for("")

    def _print_row(self, step: Step, first: str, found: str, todo: str) -> None:
        from rich.table import Table
        from rich.text import Text

        color = _SIGNS[step.state][2]
        row = Table.grid(padding=(0, 2, 0, 0), expand=True)
        row.add_column(width=_FIRST_WIDTH, no_wrap=True)
        row.add_column(width=_NAME_WIDTH, no_wrap=True)
        row.add_column(ratio=1, overflow="fold")
        quiet = "bright_black" if step.state is State.NOT_TRIED else ""
        text = Text(found, style=quiet)
        if todo:
            text.append(f"\n{todo}", style="bold" if step.state is State.FAILED else "")
        row.add_row(Text(first, style=color), Text(step.name, style=quiet or "bold"), text)
        self._console.print(row)

    def _wait_for(self, name: str) -> None:
        """Show below the table what is under way: a step may take as long as the network lets it."""
        if self._console is None:
            return
        if self._status is not None:
            self._status.stop()
            self._status = None
        if name and not self._plain:
            self._status = self._console.status(f"{name} …", spinner="dots")
            self._status.start()


def _said(text: str) -> str:
    return visible(for_the_command_line(text))


def _can_show(signs: str) -> bool:
    try:
        signs.encode(sys.stdout.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
