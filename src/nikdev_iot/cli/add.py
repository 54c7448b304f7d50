"""`nikdev add`: stage values."""

from __future__ import annotations

import click

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.showing import visible
from nikdev_iot.model.values import Value, check_field_id, check_value

from .assignments import split_assignment
from .folder import open_folder
from .kinds import value_of
from .output import json_option, print_json, shown

__all__ = ["add", "staged_from"]

_NOTHING_STAGED = "Nothing was staged."


@click.command()
@click.argument("assignments", metavar="FIELD=VALUE...", nargs=-1)
@click.option("--text", "texts", metavar="FIELD=VALUE", multiple=True, help="Keep the value as text, even if it is 21.")
@json_option
def add(*, assignments: tuple[str, ...], texts: tuple[str, ...], as_json: bool) -> None:
    """Stage values for the next commit.

    21 is an int, 21.0 a float, true and false are bools, everything else is text. A field that is staged already gets
    the new value. Either all values of one command are staged, or none.

    \b
    Example:
      nikdev add temperature=21.5 door=true note='window open' --text serial=0042
    """
    values = staged_from(assignments, texts)
    if not values:
        raise click.UsageError("Name at least one FIELD=VALUE.")
    with open_folder().open_journal() as journal:
        journal.stage(values)
        staged = len(journal.peek_staged())
    if as_json:
        print_json({"added": values, "staged": staged})
        return
    for field_id, value in values.items():
        click.echo(f"{visible(field_id)} = {shown(value)}")


def staged_from(assignments: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, Value]:
    """Return the values by Field ID.

    Raises:
        ValueRefused: one of them is none, or a field comes twice.
    """
    values: dict[str, Value] = {}
    try:
        for number, assignment in enumerate((*assignments, *texts)):
            name, text = split_assignment(assignment)
            field_id = check_field_id(name)
            if field_id in values:
                raise ValueRefused(f"The field {field_id!r} is given twice.", field_id=field_id)
            as_text = number >= len(assignments)
            values[field_id] = check_value(field_id, text) if as_text else value_of(field_id, text)
    except ValueRefused as error:
        hint = error.hint if _NOTHING_STAGED in error.hint else f"{_NOTHING_STAGED} {error.hint}".strip()
        raise ValueRefused(error.message, field_id=error.field_id, hint=hint) from None
    return values
