"""`nikdev fetch`: history from the server."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from nikdev_iot.model.errors import GetException
from nikdev_iot.model.showing import visible

from .folder import open_folder
from .get import named_fields
from .history_text import csv_lines, json_chunks, jsonl_lines

if TYPE_CHECKING:
    from nikdev_iot.client.transport import Transport

__all__ = ["fetch"]

_AGGREGATES = ("mean", "min", "max", "sum", "count", "first", "last")
_LINES_PER_WRITE = 500


@click.command()
@click.argument("fields", metavar="[FIELD]...", nargs=-1)
@click.option("--start", metavar="ISO", help="From this time on, with offset.  [default: the first]")
@click.option("--end", metavar="ISO", help="Up to this time, not included.  [default: the last]")
@click.option(
    "--every",
    metavar="WIDTH",
    help="One value per bucket: 10s, 5m, 1h, 1d or seconds, counted from 1970-01-01 UTC.",
)
@click.option("--aggregate", type=click.Choice(_AGGREGATES), help="What of each bucket.  [default: mean]")
@click.option("--format", "form", type=click.Choice(["csv", "json", "jsonl"]), default="csv", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def fetch(*, fields: tuple[str, ...], form: str, as_json: bool, **query: Any) -> None:
    """Print history from the server, as CSV or JSON.

    Without a FIELD, all of them. CSV and JSON lines have a line per commit and are written as they arrive, however long
    the history is; JSON has times and values per field.

    \b
    Example:
      nikdev fetch temperature --start 2026-11-01T00:00:00Z --every 1h --aggregate max
      nikdev fetch --format json > everything.json
    """
    from nikdev_iot.client.fetch import fetch_history, history_pages
    from nikdev_iot.client.transport import open_transport

    wanted = named_fields(fields)
    transport = open_transport(open_folder().client_config())
    try:
        if as_json or form == "json":
            _write(json_chunks(fetch_history(transport, wanted, **query)), end="")
            click.echo()
        elif form == "jsonl":
            _write(jsonl_lines(history_pages(transport, wanted, **query)))
        else:
            pages = history_pages(transport, wanted, **query)
            first = next(pages)  # so that a question that is refused prints no header
            names = list(dict.fromkeys(wanted)) if wanted else _field_ids(transport)
            _write(csv_lines(_chain(first, pages), names))
    finally:
        transport.close()


def _chain(first: Any, rest: Iterable[Any]) -> Iterable[Any]:
    yield first
    yield from rest


def _field_ids(transport: Transport) -> list[str]:
    from nikdev_iot.client.answers import NotOurs
    from nikdev_iot.client.asking import ask

    answer = ask(transport, "fields")
    try:
        return [str(field["field_id"]) for field in answer.json()["fields"]]
    except (NotOurs, LookupError, TypeError):
        raise GetException(answer.not_ours(), status=answer.status) from None


def _write(parts: Iterable[str], *, end: str = "\n") -> None:
    """Write as it comes, many small parts at a time; to a file or a program exactly as it is."""
    on_terminal = sys.stdout.isatty()
    waiting: list[str] = []
    for part in parts:
        waiting.append((visible(part) if on_terminal else part) + end)
        if len(waiting) == _LINES_PER_WRITE:
            click.echo("".join(waiting), nl=False)
            waiting.clear()
    click.echo("".join(waiting), nl=False)
