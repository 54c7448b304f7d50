"""`nikdev get`: the latest values."""

from __future__ import annotations

from collections.abc import Iterable

import click

from .folder import open_folder
from .output import json_option, print_json, print_table, shown, when

__all__ = ["get", "named_fields"]


@click.command()
@click.argument("fields", metavar="[FIELD]...", nargs=-1)
@json_option
def get(*, fields: tuple[str, ...], as_json: bool) -> None:
    """Print the latest values from the server.

    Without a FIELD, all of them. Times are those of the commits, by this device's clock.

    \b
    Example:
      nikdev get temperature humidity
    """
    with open_folder().open_api() as api:
        found = api.get(named_fields(fields))
    if as_json:
        values = [{"field_id": v.field_id, "value": v.value, "timestamp": v.timestamp} for v in found]
        print_json({"values": values})
        return
    if not found:
        click.echo("The device has no fields yet.")
    rows = []
    for item in found:
        time = when(None if item.timestamp is None else item.timestamp * 1_000_000, "")
        rows.append((item.field_id, "(none yet)" if item.value is None else shown(item.value), time))
    print_table(("FIELD", "VALUE", "TIME"), rows)


def named_fields(fields: Iterable[str]) -> list[str] | None:
    """Return the Field IDs of `a b` or `a,b`, None where none is named; a Field ID has no comma in it."""
    return [part for text in fields for part in text.split(",")] or None
