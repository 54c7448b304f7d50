"""`nikdev admin settings`."""

from __future__ import annotations

import click

from nikdev_iot.cli.output import json_option, print_json, print_table

from .store import open_store, store_options

__all__ = ["settings"]

_NAMES = ("registration",)


@click.command("settings")
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
@store_options
def settings(changes: tuple[str, ...], *, as_json: bool) -> None:
    """Show what the operator has set, after changing what is given; in force on a running server at once.

    registration: who may make an account: `open` for whoever comes, `invitation` for whoever was invited, `closed` for
    nobody.

    \b
    Example:
      nikdev admin settings registration=open
    """
    wanted = dict(map(_change, changes))
    with open_store() as storage:
        from nikdev_iot.server.accounts import Settings

        stored = Settings(storage)
        if "registration" in wanted:
            stored.set_registration(wanted["registration"])
        found = {"registration": stored.registration.value}
    if as_json:
        print_json(found)
    else:
        print_table(("SETTING", "VALUE"), list(found.items()))


def _change(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or name not in _NAMES:
        raise click.BadParameter(f"{text!r} is not one of: {', '.join(f'{known}=…' for known in _NAMES)}.")
    return name, value
