"""`nikdev admin device …`."""

from __future__ import annotations

import sys
import uuid

import click

from nikdev_iot.cli.output import json_option, print_json, print_table, when
from nikdev_iot.model.showing import visible

from .store import now_us, open_store, store_options, uuid_text

__all__ = ["device"]


@click.group()
def device() -> None:
    """Things that send values."""


@device.command("add")
@click.argument("name")
@click.option("--account", "email", metavar="EMAIL", required=True, help="Whose device it is.")
@json_option
@store_options
def add_device(name: str, *, email: str, as_json: bool) -> None:
    """Make a device.

    \b
    Example:
      nikdev admin device add greenhouse --account ada@example.org
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Accounts, Devices, Passwords

        owner = Accounts(storage, passwords=Passwords(), now_us=now_us).find(email)
        made = Devices(storage, now_us=now_us).add(owner.id, name)
    if as_json:
        print_json({"device_id": str(made.id)})
    else:
        click.echo(f"Device {visible(made.name)} made: {made.id}")


@device.command("list")
@click.option("--account", "email", metavar="EMAIL", help="Only this account's.")
@json_option
@store_options
def list_devices(*, email: str | None, as_json: bool) -> None:
    """List devices, the oldest first.

    \b
    Example:
      nikdev admin device list --account ada@example.org
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Accounts, Devices, Passwords

        accounts = Accounts(storage, passwords=Passwords(), now_us=now_us)
        owner, emails = accounts.find(email) if email is not None else None, accounts.owners()
        found = Devices(storage, now_us=now_us).all(owner.id if owner else None)
    if as_json:
        print_json(
            {
                "devices": [
                    {
                        "device_id": str(item.id),
                        "name": item.name,
                        "account": emails.get(item.account_id),
                        "created_us": item.created_us,
                        "accepts_new_fields": item.accepts_new_fields,
                    }
                    for item in found
                ]
            }
        )
        return
    print_table(
        ("DEVICE ID", "NAME", "ACCOUNT", "MADE"),
        [(str(item.id), item.name, emails.get(item.account_id, ""), when(item.created_us)) for item in found],
    )


@device.command("remove")
@click.argument("device_id", type=uuid_text)
@click.option("--name", metavar="NAME", help="The device's name, to say that it is meant; else it is asked for.")
@json_option
@store_options
def remove_device(device_id: uuid.UUID, *, name: str | None, as_json: bool) -> None:
    """Delete a device, for ever: its keys, its fields and all that it sent.

    Nobody gets at it any more when this ends. A running server then makes its disk space free for others, in the
    background; where none runs, the next one to start does.

    \b
    Example:
      nikdev admin device remove 6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44 --name greenhouse
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Devices

        devices = Devices(storage, now_us=now_us)
        found = devices.get(device_id)
        if (_ask_for(found.name) if name is None else name.strip()) != found.name:
            raise click.UsageError(f"That is not its name; it is {visible(found.name)}. Nothing was deleted.")
        devices.delete(device_id)
    if as_json:
        print_json({"device_id": str(found.id), "name": found.name})
    else:
        click.echo(f"Device {visible(found.name)} is deleted, with all that it sent.")


def _ask_for(name: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask whether it is meant; say its name with --name.")
    asked = f"This deletes {visible(name)} and all that it sent, for ever. Type its name"
    return str(click.prompt(asked, type=str, err=True)).strip()
