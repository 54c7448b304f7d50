"""`nikdev admin device …`."""

from __future__ import annotations

import click

from nikdev_iot.cli.output import json_option, print_json, print_table, when
from nikdev_iot.model.showing import visible

from .store import now_us, open_store, store_options

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

        owner = Accounts(storage, passwords=Passwords(), now_us=now_us).find(email) if email is not None else None
        emails = {item.id: item.email for item in storage.accounts()}
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
