"""`nikdev log`: the device's own history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nikdev_iot.journal.records import Fate, GoneRange, LogEntry
from nikdev_iot.model.showing import visible

from .folder import open_folder
from .output import counted, json_option, print_json, when

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["clock_note", "gone_words", "log", "log_entry"]

_FATES = {
    Fate.EVICTED: "out of the local history, to stay within the storage limit",
    Fate.DROPPED: "dropped before the server had {them}, which is told so",
    Fate.DISCARDED: "thrown away",
    Fate.MOVED: "restored, under a new number",
}
_COLORS = {"unpushed": "yellow", "acknowledged": "green", "rejected": "red", "discarded": "bright_black"}


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@click.option("--before", type=click.IntRange(min=1), metavar="ID", help="Only those before the `id` of a JSON line.")
@json_option
def log(*, limit: int, before: int | None, as_json: bool) -> None:
    """List commits, newest first.

    \b
    Example:
      nikdev log -n 5
    """
    with open_folder().open_journal() as journal:
        entries = journal.log(limit=limit, before=before)
        current = journal.origin
        low = entries[-1].id if len(entries) == limit else 1
        high = entries[0].id if before is None and entries else (before or 1) - 1
        gone = journal.gone(low, high)
    if as_json:
        print_json({"commits": [log_entry(entry) for entry in entries], "gone": list(map(_gone_entry, gone))})
        return
    if not entries and not gone:
        click.echo("No commits yet.")
    _print(entries, gone, current)


def _print(entries: list[LogEntry], gone: list[GoneRange], current: UUID) -> None:
    said = ""
    lines: list[LogEntry | GoneRange] = [*entries, *gone]
    for entry in sorted(lines, key=lambda line: line.id if isinstance(line, LogEntry) else line.first, reverse=True):
        if isinstance(entry, GoneRange):
            words = gone_words(entry, entry.count)
            text = f"{counted(entry.count, 'commit')} {'as above' if words == said else words}"
            click.echo(click.style(f"       …  {text}", fg="bright_black"))
            said = words
            continue
        number = f"{entry.number}" if entry.origin == current else f"{entry.number} of {str(entry.origin)[:8]}"
        state = click.style(f"{entry.state.value:<12}", fg=_COLORS[entry.state.value])
        line = f"{click.style(f'{number:>8}', bold=True)}  {when(entry.time_us + entry.shift_us)}  {state}"
        message = f"  {visible(entry.message)}" if entry.message else ""
        click.echo(f"{line}  {counted(entry.value_count, 'value')}{clock_note(entry)}{message}")


def gone_words(gone: GoneRange, count: int) -> str:
    """Return what became of `count` commits that are gone, as the end of a sentence."""
    return f"{_FATES[gone.fate].format(them='it' if count == 1 else 'them')} ({visible(gone.reason)})"


def _gone_entry(gone: GoneRange) -> dict[str, Any]:
    return {
        "first_id": gone.first,
        "last_id": gone.last,
        "count": gone.count,
        "fate": gone.fate.value,
        "reason": gone.reason,
        "at_us": gone.at_us,
    }


def clock_note(entry: LogEntry) -> str:
    """Return what is to be said of the clock that a commit was made by; '' where it was right."""
    if entry.shift_us:
        return click.style(f"  (the clock said {when(entry.time_us)})", fg="bright_black")
    return click.style("  (the clock was wrong)", fg="yellow") if entry.is_uncertain else ""


def log_entry(entry: LogEntry) -> dict[str, Any]:
    """Return a commit as `log` and `show` print it in JSON."""
    found: dict[str, Any] = {
        "id": entry.id,
        "number": entry.number,
        "origin": str(entry.origin),
        "time_us": entry.time_us,
        "shift_us": entry.shift_us,
        "is_uncertain": entry.is_uncertain,
        "message": entry.message,
        "state": entry.state.value,
        "value_count": entry.value_count,
        "reason": entry.reason,
    }
    if entry.values is not None:
        found["values"] = dict(entry.values)
    return found
