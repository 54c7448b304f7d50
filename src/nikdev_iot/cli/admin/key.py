"""`nikdev admin key …`."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import click

from nikdev_iot.cli.output import json_option, print_json, print_table, when
from nikdev_iot.model.times import iso, to_time_us

from .store import now_us, open_store, store_options, uuid_text

if TYPE_CHECKING:
    from nikdev_iot.server.storage.records import ApiKey

__all__ = ["key"]

_device_option = click.option(
    "--device", "device_id", type=uuid_text, metavar="ID", required=True, help="The device's ID."
)


@click.group()
def key() -> None:
    """API keys of a device. Changes are in force on a running server within 2 s."""


@key.command("add")
@_device_option
@click.option("--read", "can_read", is_flag=True, help="Allow reading values.")
@click.option("--write", "can_write", is_flag=True, help="Allow pushing values.")
@click.option("--name", default="", help="What the key is for.")
@click.option("--expires", metavar="ISO", help="When it stops working, e.g. 2027-01-01T00:00Z.")
@json_option
@store_options
def add_key(
    *, device_id: uuid.UUID, can_read: bool, can_write: bool, name: str, expires: str | None, as_json: bool
) -> None:
    """Make an API key; it is shown this once and never again.

    \b
    Example:
      nikdev admin key add --device 6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44 --write --name "the Pi itself"
    """
    if not (can_read or can_write):
        raise click.UsageError("Say what the key may do: --read, --write, or both.")
    expires_us = None if expires is None else to_time_us(expires)
    with open_store() as storage:
        from nikdev_iot.server.accounts import Keys

        made = Keys(storage, now_us=now_us).add(
            device_id, name=name, can_read=can_read, can_write=can_write, expires_us=expires_us
        )
    if as_json:
        print_json({"key_id": str(made.key.id), "api_key": made.secret})
        return
    click.echo(f"Key ID   {made.key.id}")
    click.echo(f"API key  {made.secret}")
    click.echo("The API key is shown this once: keep it now.", err=True)


@key.command("list")
@_device_option
@json_option
@store_options
def list_keys(*, device_id: uuid.UUID, as_json: bool) -> None:
    """List a device's API keys, the oldest first; never the secrets themselves.

    \b
    Example:
      nikdev admin key list --device 6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Devices, Keys

        Devices(storage, now_us=now_us).get(device_id)
        found = Keys(storage, now_us=now_us).all(device_id)
    if as_json:
        print_json({"keys": [_as_json(item) for item in found]})
        return
    print_table(
        ("KEY ID", "NAME", "ACCESS", "MADE", "LAST USED", "STATE"),
        [
            (str(item.id), item.name, _access(item), when(item.created_us), when(item.last_used_us), _state(item))
            for item in found
        ],
    )


@key.command("set")
@click.argument("key_id", type=uuid_text)
@click.option("--read/--no-read", "can_read", default=None, help="Allow reading values, or not.")
@click.option("--write/--no-write", "can_write", default=None, help="Allow pushing values, or not.")
@click.option("--name", default=None, help="What the key is for.")
@click.option("--expires", metavar="ISO|never", help="When it stops working, e.g. 2027-01-01T00:00Z.")
@json_option
@store_options
def set_key(
    key_id: uuid.UUID,
    *,
    can_read: bool | None,
    can_write: bool | None,
    name: str | None,
    expires: str | None,
    as_json: bool,
) -> None:
    """Change what an API key may do; what is not named stays as it is.

    \b
    Example:
      nikdev admin key set 0d2f7c1e-6f1c-4a51-9a52-2a3e9b440b7d --no-write
    """
    if can_read is None and can_write is None and name is None and expires is None:
        raise click.UsageError("Say what to change: --read or --no-read, --write or --no-write, --name, --expires.")
    changes: dict[str, Any] = {"can_read": can_read, "can_write": can_write, "name": name}
    if expires is not None:
        changes["expires_us"] = None if expires == "never" else to_time_us(expires)
    with open_store() as storage:
        from nikdev_iot.server.accounts import Keys

        changed = Keys(storage, now_us=now_us).update(key_id, **changes)
    if as_json:
        print_json(_as_json(changed))
    else:
        click.echo(f"API key {changed.id}: {_access(changed)}, {_state(changed)}")


@key.command("revoke")
@click.argument("key_id", type=uuid_text)
@json_option
@store_options
def revoke_key(key_id: uuid.UUID, *, as_json: bool) -> None:
    """Revoke an API key, for ever.

    \b
    Example:
      nikdev admin key revoke 0d2f7c1e-6f1c-4a51-9a52-2a3e9b440b7d
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Keys

        revoked = Keys(storage, now_us=now_us).revoke(key_id)
    if as_json:
        print_json(_as_json(revoked))
    else:
        click.echo(f"API key {revoked.id}: {_state(revoked)}")


def _as_json(item: ApiKey) -> dict[str, Any]:
    return {
        "key_id": str(item.id),
        "device_id": str(item.device_id),
        "name": item.name,
        "read": item.can_read,
        "write": item.can_write,
        "created_us": item.created_us,
        "expires_us": item.expires_us,
        "revoked_us": item.revoked_us,
        "last_used_us": item.last_used_us,
    }


def _access(item: ApiKey) -> str:
    return " ".join(name for name, has in (("read", item.can_read), ("write", item.can_write)) if has) or "none"


def _state(item: ApiKey) -> str:
    if item.revoked_us is not None:
        return f"revoked {when(item.revoked_us)}"
    if item.expires_us is None:
        return "valid"
    return f"{'expired' if item.expires_us <= now_us() else 'valid until'} {iso(item.expires_us)}"
