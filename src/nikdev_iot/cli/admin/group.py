"""The words behind `nikdev admin`."""

from __future__ import annotations

import click

from .account import account
from .device import device
from .key import key
from .settings import settings
from .store import store_options

__all__ = ["admin"]


@click.group()
@store_options
def admin() -> None:
    """Manage a server's accounts, devices and keys.

    Works on the server's store itself, so it needs no password, and may run beside the server or without it.

    \b
    Example:
      echo 'correct horse' | nikdev admin account add ada@example.org --password-stdin
      nikdev admin device add greenhouse --account ada@example.org
      nikdev admin key add --device 6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44 --read --write
    """


admin.add_command(account)
admin.add_command(device)
admin.add_command(key)
admin.add_command(settings)
